// The loops of elementwise math, reductions, softmax, optimizers and conversions that each instruction set fills.
//
// math_portable.c, math_avx2.c and math_avx512.c compile the same .inc files; the drivers in elementwise.c, reduce.c,
// softmax.c, optimizer.c, random.c and copy.c choose the table, cut the work into chunks and spread them over the pool.
#ifndef NNK_MATH_TABLE_H
#define NNK_MATH_TABLE_H

#include "include/nnkernels.h"
#include "table.h"

/// y[i] = op(x[i]) for i < n.
typedef void (*nnk_unary_loop)(const void *x, void *y, long n);

/// A matrix of results of two operands; y has `y_row` elements from row to row.
struct nnk_binary_part {
  const void *a, *b;
  void *y;
  nnk_steps a_steps, b_steps;
  long y_row, rows, cols;
};
typedef void (*nnk_binary_loop)(const struct nnk_binary_part *part);

/// y[i] = c[i] ? a[i * a_step] : b[i * b_step] with steps 0 or 1.
typedef void (*nnk_where_loop)(const uint8_t *c, const void *a, long a_step, const void *b, long b_step, void *y, long n);
/// y[i] from x[i] and two numbers of the element type.
typedef void (*nnk_clamp_loop)(const void *x, const void *low, const void *high, void *y, long n);
/// y[i] = s * a[i] + t * b[i].
typedef void (*nnk_scaled_add_loop)(double s, const void *a, double t, const void *b, void *y, long n);

/// Reductions beyond the public ones: sums of squares, and of exponentials, of the distances from given centers.
enum { NNK_REDUCE_SQUARES = NNK_REDUCE_COUNT, NNK_REDUCE_EXPONENTIALS, NNK_REDUCE_ALL };

/// Reduces rows of x[rows, cols], `x_row` elements apart, to y[rows]; `centers` (of those beyond): one for each row.
typedef void (*nnk_reduce_rows_loop)(const void *x, long x_row, long rows, long cols, const void *centers, void *y);
/// Reduces the first axis of x[rows, cols] to y[cols]; unless `first`, together with what y holds.
typedef void (*nnk_reduce_columns_loop)(
    const void *x, long x_row, long rows, long cols, const void *centers, bool first, void *y);

/// dst[c * dst_row + r] = src[r * src_row + c].
typedef void (*nnk_transpose_loop)(const void *src, long src_row, void *dst, long dst_row, long rows, long cols);
/// y[i] = x[i] * scale.
typedef void (*nnk_scale_bytes_loop)(const uint8_t *x, float scale, float *y, long n);
/// How many vectors are a group that goes through all steps of a chain at once: enough that the choice of a step costs little.
enum { NNK_CHAIN_VECTORS = 8 };
/// What a step of a chain does with the value so far. To most an operation's number is added.
enum {
  NNK_CODE_LOAD,                                             ///< the operand is the value
  NNK_CODE_KEEP,                                             ///< the value is written where the operand is
  NNK_CODE_UNARY,                                            ///< an operation on the value
  NNK_CODE_BINARY = NNK_CODE_UNARY + NNK_UNARY_COUNT,        ///< one on the value and the operand
  NNK_CODE_SWAPPED = NNK_CODE_BINARY + NNK_BINARY_COUNT,     ///< one on the operand and the value
};
struct nnk_chain_op {
  uint32_t code;
  bool is_number;  ///< whether all elements of the operand are one number
  long step;       ///< elements by which the operand moves from element to element; 0: all groups have the same
  const void *operand;
  nnk_binary_loop loop;  ///< of an operation that a chain's loop does not know
};
/// y[begin ..< end], whole groups, from steps of which the first loads. `streams`: past the caches, to whole vectors in place; the
/// stores are not ordered with others then: a fence must follow.
typedef void (*nnk_chain_loop)(const struct nnk_chain_op *ops, long count, long begin, long end, void *y, bool streams);

/// Softmax of rows[rows, cols] to y (or NULL); each row's maximum and the sum of its exponentials (or NULL).
typedef void (*nnk_softmax_loop)(const void *x, void *y, long rows, long cols, void *largest, void *sums);
/// y = (x - largest) - logs of rows.
typedef void (*nnk_log_softmax_loop)(const void *x, void *y, long rows, long cols, const void *largest, const void *logs);
/// dx of rows from g and the output y.
typedef void (*nnk_softmax_grad_loop)(const void *g, const void *y, void *dx, long rows, long cols);
/// losses[r] = -sum(targets * log softmax(x)) of rows.
typedef void (*nnk_soft_loss_loop)(
    const void *x, const void *targets, long rows, long cols, const void *largest, const void *logs, void *losses);
/// dx = (p * sum(targets) - targets) * factor of rows.
typedef void (*nnk_soft_loss_grad_loop)(const void *p, const void *targets, void *dx, long rows, long cols, double factor);
/// *sum = sum((a - b)^2).
typedef void (*nnk_squared_distance_loop)(const void *a, const void *b, long n, void *sum);

/// The numbers of a step of `nnk_sgd`.
struct nnk_sgd_step {
  double lr, momentum, weight_decay;
  bool nesterov;
};
typedef void (*nnk_sgd_loop)(void *p, const void *g, void *velocity, long n, const struct nnk_sgd_step *step);
/// The numbers of a step of `nnk_adam`: p = shrink p - rate m / (root sqrt(v) + epsilon), with g + decay p as gradient.
struct nnk_adam_step {
  double b1, b2, epsilon, rate, root, shrink, decay;
};
typedef void (*nnk_adam_loop)(void *p, const void *g, void *m, void *v, long n, const struct nnk_adam_step *step);

/// The words of `units` units from `offset` on; see random.inc.
typedef void (*nnk_random_words_loop)(uint64_t seed, uint64_t offset, long units, uint32_t *y);
/// Numbers from the words of whole units.
typedef void (*nnk_random_loop)(const uint32_t *words, long units, void *y);

struct nnk_math_table {
  int lanes;  ///< of f32
  nnk_unary_loop unary[NNK_UNARY_COUNT][NNK_TYPE_COUNT];
  nnk_unary_loop classify[3][NNK_TYPE_COUNT];
  nnk_binary_loop binary[NNK_BINARY_COUNT][NNK_TYPE_COUNT];
  nnk_binary_loop add_relu[NNK_TYPE_COUNT];
  nnk_where_loop where[9];  ///< by element size
  nnk_clamp_loop clamp[NNK_TYPE_COUNT];
  nnk_scaled_add_loop scaled_add[NNK_TYPE_COUNT];
  nnk_reduce_rows_loop reduce_rows[NNK_REDUCE_ALL][NNK_TYPE_COUNT];
  nnk_reduce_columns_loop reduce_columns[NNK_REDUCE_ALL][NNK_TYPE_COUNT];
  nnk_transpose_loop transpose[9];  ///< by element size
  nnk_scale_bytes_loop scale_bytes;
  nnk_chain_loop chain[NNK_TYPE_COUNT];
  nnk_softmax_loop softmax[NNK_TYPE_COUNT];
  nnk_log_softmax_loop log_softmax[NNK_TYPE_COUNT];
  nnk_softmax_grad_loop softmax_grad[NNK_TYPE_COUNT], log_softmax_grad[NNK_TYPE_COUNT];
  nnk_soft_loss_loop soft_loss[NNK_TYPE_COUNT];
  nnk_soft_loss_grad_loop soft_loss_grad[NNK_TYPE_COUNT];
  nnk_squared_distance_loop squared_distance[NNK_TYPE_COUNT];
  nnk_sgd_loop sgd[NNK_TYPE_COUNT];
  nnk_adam_loop adam[NNK_TYPE_COUNT];
  nnk_random_words_loop random_words;
  nnk_random_loop random_uniform[NNK_TYPE_COUNT], random_normal[NNK_TYPE_COUNT];
  nnk_unary_loop cast[NNK_TYPE_COUNT][NNK_TYPE_COUNT];
};

extern const struct nnk_math_table nnk_math_portable;
extern const struct nnk_math_table nnk_math_avx2;
extern const struct nnk_math_table nnk_math_avx512;

/// The table of the chosen instruction set.
static inline const struct nnk_math_table *nnk_math(void) {
#if defined(__x86_64__)
  const struct nnk_table *chosen = nnk_kernels();
  if (__builtin_expect(chosen == &nnk_table_avx512, 1)) return &nnk_math_avx512;
  if (chosen == &nnk_table_avx2) return &nnk_math_avx2;
#endif
  return &nnk_math_portable;
}

#endif
