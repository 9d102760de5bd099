// Norms, recurrent cells, attention and their kin for processors without AVX2.
#include "sequence_table.h"

#define NNK_LANES 4
#if defined(__aarch64__)
#define NNK_FMA 1
#define NNK_ROUNDING 1
#else
#define NNK_FMA 0
#define NNK_ROUNDING 0
#endif

#include "simd.inc"
#include "sequence_kernels.inc"

#define NNK_SEQUENCE_TABLE nnk_sequence_portable
#include "sequence_table.inc"
