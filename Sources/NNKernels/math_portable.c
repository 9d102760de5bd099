// Elementwise math, reductions and their kin for processors without AVX2: SSE2, NEON, whatever clang makes of it elsewhere.
#include "math_table.h"

#define NNK_LANES 4
#if defined(__aarch64__)
#define NNK_FMA 1
#define NNK_ROUNDING 1
#else
#define NNK_FMA 0
#define NNK_ROUNDING 0
#endif

#include "simd.inc"
#include "math_kernels.inc"

#define NNK_MATH_TABLE nnk_math_portable
#include "math_table.inc"
