// The kernels for x86-64 processors with AVX2 and FMA.
#if defined(__x86_64__)
#include <immintrin.h>

#include "scratch.h"
#include "table.h"

#define NNK_LANES 8
#define NNK_FMA 1
#define NNK_ROUNDING 1
#define NNK_TILE_ROWS 6
#define NNK_TILE_VECTORS 2
#define NNK_MASKED_B 0
#define NNK_TABLE nnk_table_avx2
#define NNK_TABLE_NAME "avx2"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "simd.inc"
#include "kernels.inc"
#pragma clang attribute pop
#include "table.inc"
#endif
