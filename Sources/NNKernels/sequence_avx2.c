// Norms, recurrent cells, attention and their kin for x86-64 processors with AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sequence_table.h"

#define NNK_LANES 8
#define NNK_FMA 1
#define NNK_ROUNDING 1

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "simd.inc"
#include "sequence_kernels.inc"
#pragma clang attribute pop

#define NNK_SEQUENCE_TABLE nnk_sequence_avx2
#include "sequence_table.inc"
#endif
