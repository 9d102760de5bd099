// Norms, recurrent cells, attention and their kin for x86-64 processors with AVX-512 F, BW, DQ and VL.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sequence_table.h"

#define NNK_LANES 16
#define NNK_FMA 1
#define NNK_ROUNDING 1

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#include "simd.inc"
#include "sequence_kernels.inc"
#pragma clang attribute pop

#define NNK_SEQUENCE_TABLE nnk_sequence_avx512
#include "sequence_table.inc"
#endif
