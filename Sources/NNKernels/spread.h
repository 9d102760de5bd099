// Cutting one-dimensional work into chunks for the pool.
#ifndef NNK_SPREAD_H
#define NNK_SPREAD_H

#include <string.h>

#include "math_table.h"

/// Bytes of an element.
static inline size_t nnk_type_bytes(nnk_type type) {
  static const uint8_t bytes[NNK_TYPE_COUNT] = {1, 1, 4, 8, 4, 8};
  return bytes[type];
}

/// Bytes of a result's element: comparisons and logic give bool.
static inline size_t nnk_result_bytes(nnk_binary_op op, nnk_type type) {
  return op >= NNK_EQUAL && op <= NNK_XOR ? 1 : nnk_type_bytes(type);
}

/// A pointer `count` elements of `bytes` bytes further.
static inline const void *nnk_after(const void *p, long count, size_t bytes) { return (const char *)p + count * (long)bytes; }
static inline void *nnk_after_mutable(void *p, long count, size_t bytes) { return (char *)p + count * (long)bytes; }

/// How many chunks work of `nanoseconds` on one thread makes: a few microseconds each, never above 100. 1: not worth cutting.
static inline long nnk_chunks(double nanoseconds, long most) {
  if (__builtin_expect(nanoseconds < 1000, 1)) return 1;
  double each = nanoseconds / 64;
  each = each < 1000 ? 1000 : each > 100000 ? 100000 : each;
  const long chunks = (long)(nanoseconds / each) + 1;
  return chunks < most ? chunks : most > 1 ? most : 1;
}

/// The first of `n` elements that chunk `chunk` of `chunks` has, a multiple of `grain`.
static inline long nnk_chunk_begin(long n, long grain, long chunk, long chunks) {
  const long grains = (n + grain - 1) / grain;
  const long begin = (grains / chunks * chunk + grains % chunks * chunk / chunks) * grain;
  return begin < n ? begin : n;
}

/// y[o, i] = sum over a of exp(x[o, a, i] - centers[o, i]); f32, f64.
bool nnk_sum_exponentials(nnk_type type, const void *x, const void *centers, void *y, size_t outer, size_t axis, size_t inner);

/// How much longer the chosen instruction set takes than AVX-512, about.
static inline double nnk_slowness(const struct nnk_math_table *table) { return 16.0 / table->lanes; }

/// A number converted to an element: truncated and saturated for integers.
static inline void nnk_store_number(nnk_type type, double value, void *element) {
  switch (type) {
    case NNK_F64: *(double *)element = value; break;
    case NNK_F32: *(float *)element = (float)value; break;
    default: nnk_math_portable.cast[NNK_F64][type](&value, element, 1); break;
  }
}

/// Nanoseconds that an element of a unary or binary operation takes, about.
double nnk_elementwise_cost(bool is_unary, uint32_t op, nnk_type type);

#endif
