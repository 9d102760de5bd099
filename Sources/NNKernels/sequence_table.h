// The loops of norms, recurrent cells, attention, dropout and scattered sums that each instruction set fills.
//
// sequence_portable.c, sequence_avx2.c and sequence_avx512.c compile the same .inc files; the drivers in norm.c,
// channel_norm.c, recurrent.c, attention.c, dropout.c and scatter.c choose the table and spread the work over the pool.
#ifndef NNK_SEQUENCE_TABLE_H
#define NNK_SEQUENCE_TABLE_H

#include "include/nnk_sequence.h"
#include "spread.h"

/// Rows with a mean and a scale each: y = (x - mean) * scale * weight + bias. Means, weight and bias may be NULL.
typedef void (*nnk_normalize_loop)(
    const void *x, const void *means, const void *scales, const void *weight, const void *bias, void *y, long rows, long cols);

/// What the gradient of rows that were normalized needs; weight, means, dx, dw and db may be NULL, dw and db are added to. dx may be
/// g where neither dw nor db is wanted.
struct nnk_norm_grad {
  const void *g, *x, *weight, *means, *scales;
  void *dx, *dw, *db;
  long rows, cols;
};
typedef void (*nnk_norm_grad_loop)(const struct nnk_norm_grad *part);

/// y = (x - mean) * a + b with one mean, a and b for each column.
typedef void (*nnk_scale_columns_loop)(
    const void *x, const void *means, const void *a, const void *b, void *y, long rows, long cols);
/// sums[c] = sum(g), moments[c] = sum(g * (x - mean)) of columns.
typedef void (*nnk_column_moments_loop)(
    const void *g, const void *x, const void *means, void *sums, void *moments, long rows, long cols);
/// dx = a * g + (b * (x - mean) + c) with one of each for a column.
typedef void (*nnk_mix_columns_loop)(
    const void *g, const void *x, const void *means, const void *a, const void *b, const void *c, void *dx, long rows, long cols);

/// One step of recurrent cells for some rows of the batch; all rows of a matrix are `..._row` elements apart.
struct nnk_cell {
  void *gates;             ///< in: sums before the activations; out: what the gradient needs
  const void *inner;       ///< GRU: the recurrent sums, rows of three times `units`
  const void *c_before;    ///< LSTM: the cells before, dense; NULL for zeros
  const void *h_before;    ///< GRU: the state before; NULL for zeros
  void *c, *h, *y;         ///< cells and state after, dense, and the state once more in rows of the output
  long y_row, h_before_row;
  long rows, units;
  bool relu;               ///< RNN: relu instead of tanh
};
typedef void (*nnk_cell_loop)(const struct nnk_cell *step);

/// The way back through one step.
struct nnk_cell_grad {
  const void *gates;       ///< what the forward step left
  const void *c, *c_before;
  const void *h_before;    ///< GRU
  const void *y;           ///< RNN: the state after
  const void *dy;          ///< gradient in the output's rows, or NULL
  void *dh;                ///< in: gradient in the state after; GRU also out: the part that does not go through the product
  void *dc;                ///< LSTM, in and out
  void *dgates, *dinner;   ///< gradients in the sums before the activations; GRU: recurrent sums in `dinner`
  long y_row, h_before_row, dgates_row, dinner_row;
  long rows, units;
  bool relu;
};
typedef void (*nnk_cell_grad_loop)(const struct nnk_cell_grad *step);

/// A block of scores: `cols` keys from `first_key` on for `rows` queries from `first_query` on.
struct nnk_score_block {
  void *scores;            ///< rows of `row` elements
  long row, rows, cols;
  long first_query, first_key;
  double scale;
  bool causal;
  const uint8_t *allowed;  ///< where a query may look, or NULL
  const void *added;       ///< what is added to the scores, or NULL
  long mask_row, mask_col; ///< strides of either
  void *largest, *sums, *factors;  ///< forward, for each row: running maximum and sum, and what older values are multiplied with
  const void *lse, *dots;  ///< backward, for each row: logarithm of the sum, and sum of gradient times output
  void *slopes;            ///< backward: gradients in the weights become those in the products
};
typedef void (*nnk_score_loop)(const struct nnk_score_block *block);
/// Multiplies rows of `cols` elements by one factor each.
typedef void (*nnk_scale_rows_loop)(void *x, long row, const void *factors, long rows, long cols);
/// Divides rows by their sums (nothing where that is 0) and sets lse = largest + log(sum).
typedef void (*nnk_finish_rows_loop)(void *x, long row, const void *largest, const void *sums, void *lse, long rows, long cols);
/// dots[r] = sum over a row of a * b.
typedef void (*nnk_row_dots_loop)(const void *a, long a_row, const void *b, long b_row, void *dots, long rows, long cols);

/// y[i] = words[i] <= limit ? x[i] * scale : 0.
typedef void (*nnk_dropout_loop)(const uint32_t *words, uint32_t limit, double scale, const void *x, void *y, long n);

/// A row of a source and the row of the result that it is added to.
struct nnk_scatter_pair {
  uint32_t from, to;
};
typedef void (*nnk_scatter_loop)(const struct nnk_scatter_pair *pairs, long count, const void *src, void *dst, long cols);

struct nnk_sequence_table {
  int lanes;  ///< of f32
  nnk_normalize_loop normalize[NNK_TYPE_COUNT];
  nnk_norm_grad_loop norm_grad[NNK_TYPE_COUNT];
  nnk_scale_columns_loop scale_columns[NNK_TYPE_COUNT];
  nnk_column_moments_loop column_moments[NNK_TYPE_COUNT];
  nnk_mix_columns_loop mix_columns[NNK_TYPE_COUNT];
  nnk_cell_loop rnn[NNK_TYPE_COUNT], lstm[NNK_TYPE_COUNT], gru[NNK_TYPE_COUNT];
  nnk_cell_grad_loop rnn_grad[NNK_TYPE_COUNT], lstm_grad[NNK_TYPE_COUNT], gru_grad[NNK_TYPE_COUNT];
  nnk_score_loop weigh[NNK_TYPE_COUNT], weigh_grad[NNK_TYPE_COUNT];
  nnk_scale_rows_loop scale_rows[NNK_TYPE_COUNT];
  nnk_finish_rows_loop finish_rows[NNK_TYPE_COUNT];
  nnk_row_dots_loop row_dots[NNK_TYPE_COUNT];
  nnk_dropout_loop dropout[NNK_TYPE_COUNT];
  nnk_scatter_loop scatter[NNK_TYPE_COUNT];
};

extern const struct nnk_sequence_table nnk_sequence_portable;
extern const struct nnk_sequence_table nnk_sequence_avx2;
extern const struct nnk_sequence_table nnk_sequence_avx512;

/// The table of the chosen instruction set.
static inline const struct nnk_sequence_table *nnk_sequences(void) {
#if defined(__x86_64__)
  const struct nnk_table *chosen = nnk_kernels();
  if (__builtin_expect(chosen == &nnk_table_avx512, 1)) return &nnk_sequence_avx512;
  if (chosen == &nnk_table_avx2) return &nnk_sequence_avx2;
#endif
  return &nnk_sequence_portable;
}

#endif
