// The kernels for processors without AVX2: SSE2 on x86-64, NEON on arm64, whatever clang makes of it elsewhere.
#include "scratch.h"
#include "table.h"

#define NNK_LANES 4
#define NNK_MASKED_B 0
#if defined(__aarch64__)
#define NNK_TILE_ROWS 8
#define NNK_TILE_VECTORS 3
#define NNK_FMA 1
#define NNK_ROUNDING 1
#define NNK_TABLE_NAME "neon"
#elif defined(__x86_64__)
#define NNK_TILE_ROWS 6
#define NNK_TILE_VECTORS 2
#define NNK_FMA 0
#define NNK_ROUNDING 0
#define NNK_TABLE_NAME "sse2"
#else
#define NNK_TILE_ROWS 6
#define NNK_TILE_VECTORS 2
#define NNK_FMA 0
#define NNK_ROUNDING 0
#define NNK_TABLE_NAME "portable"
#endif
#define NNK_TABLE nnk_table_portable

#include "simd.inc"
#include "kernels.inc"
#include "table.inc"
