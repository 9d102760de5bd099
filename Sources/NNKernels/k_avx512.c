// The kernels for x86-64 processors with AVX-512 F, BW, DQ and VL.
#if defined(__x86_64__)
#include <immintrin.h>

#include "scratch.h"
#include "table.h"

#define NNK_LANES 16
#define NNK_FMA 1
#define NNK_ROUNDING 1
#define NNK_TILE_ROWS 14
#define NNK_TILE_VECTORS 2
#define NNK_MASKED_B 1
#define NNK_TABLE nnk_table_avx512
#define NNK_TABLE_NAME "avx512"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "simd.inc"
#include "kernels.inc"
#pragma clang attribute pop
#include "table.inc"
#endif
