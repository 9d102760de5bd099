// Orders and running totals along an axis: the kernels' interface for sorting, searching, scans, gathers and scatters of elements.
//
// The conventions of nnk_math.h hold. `x` is [outer, axis, inner]; all work is per line, the elements along the middle axis.
#ifndef NNK_ORDER_H
#define NNK_ORDER_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

// Keys compare as numbers (-0 equals 0), NaN comes last in either direction, equal keys keep their order.

/// places[o, :, i] = the order of line (o, i): rising, or falling. Radix sort, then merges of parts for long lines; axis < 2^31.
/// False when out of memory.
bool nnk_argsort(nnk_type type, const void *x, int32_t *places, size_t outer, size_t axis, size_t inner, bool falls);
/// places[outer, k, inner] = the first k places of that order; k <= axis. False when out of memory.
bool nnk_top_places(
  nnk_type type, const void *x, int32_t *places, size_t outer, size_t axis, size_t inner, size_t k, bool falls);
/// places[i] = how many of the n sorted keys come before values[i]; with `right`, how many do not come after it.
void nnk_searchsorted(
  nnk_type type, const void *sorted, size_t n, const void *values, int32_t *places, size_t count, bool right);

/// Running totals along the middle axis, from the other end with `reversed`: op is NNK_SUM or NNK_PROD; f32, f64 and i64.
/// Sums of f32 are kept in f64. Sums run in groups of 8 elements whose inner order is fixed, products one by one.
bool nnk_cumulative(
  nnk_reduce_op op, nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner, bool reversed);

// Indices are i32, i64 or u8; negative ones count from the end. Results as said at `NNK_INDICES_OK`.

/// y[o, j, i] = x[o, indices[o, j, i], i] for elements of 1, 4 or 8 bytes; indices and y are [outer, n, inner].
ptrdiff_t nnk_gather_axis(
  size_t element_bytes, const void *x, nnk_type index_type, const void *indices, void *y, size_t outer, size_t axis, size_t n,
  size_t inner);
/// y[o, indices[o, j, i], i] = x[o, j, i], in the order of j; a line of x is repeated where `x_step` is 0.
ptrdiff_t nnk_scatter_axis(
  size_t element_bytes, const void *x, ptrdiff_t x_step, nnk_type index_type, const void *indices, void *y, size_t outer,
  size_t axis, size_t n, size_t inner);
/// y[o, indices[o, j, i], i] += x[o, j, i], in the order of j; i32, i64, f32 and f64.
ptrdiff_t nnk_scatter_add_axis(
  nnk_type type, const void *x, nnk_type index_type, const void *indices, void *y, size_t outer, size_t axis, size_t n,
  size_t inner);

#pragma clang assume_nonnull end

#endif
