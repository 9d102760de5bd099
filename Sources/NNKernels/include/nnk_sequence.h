// Norms, recurrent networks, attention, dropout and embeddings: whole layers as one call each, forward and back.
//
// The conventions of nnk_math.h hold: dense row-major arrays, f32 and f64, false where a type is not supported or memory is
// out, the same bits for any number of threads and on AVX2 and AVX-512. Arguments marked _Nullable may be left out; results
// that are NULL are not computed.
#ifndef NNK_SEQUENCE_H
#define NNK_SEQUENCE_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Norms

/// y = (x - mean) * scale * weight + bias for each row of x[rows, cols], scale = 1 / sqrt(variance + epsilon); weight and bias are
/// [cols]. Unless `centred` (root mean square norm), the mean counts as 0. `means` and `scales` [rows] are what the gradient needs.
bool nnk_row_norm(
  nnk_type type, const void *x, const void *_Nullable weight, const void *_Nullable bias, void *y, void *_Nullable means,
  void *_Nullable scales, size_t rows, size_t cols, double epsilon, bool centred);
/// The gradients of `nnk_row_norm` for the gradient g[rows, cols] in y; `means` are NULL where they counted as 0.
bool nnk_row_norm_grad(
  nnk_type type, const void *g, const void *x, const void *_Nullable weight, const void *_Nullable means, const void *scales,
  void *_Nullable dx, void *_Nullable dweight, void *_Nullable dbias, size_t rows, size_t cols);

/// x[outer, rows, channels] normalized with one mean and variance for each item of `outer` and each of `groups` runs of adjacent
/// channels: batch norm is outer 1 and groups = channels, group norm is outer = batch. weight and bias are [channels];
/// means and variances (of the population) are written to [outer, groups].
bool nnk_group_norm(
  nnk_type type, const void *x, const void *_Nullable weight, const void *_Nullable bias, void *y, void *means, void *variances,
  size_t outer, size_t rows, size_t channels, size_t groups, double epsilon);
/// The gradients of y of `nnk_group_norm`, whose means and variances are given.
bool nnk_group_norm_grad(
  nnk_type type, const void *g, const void *x, const void *_Nullable weight, const void *means, const void *variances,
  void *_Nullable dx, void *_Nullable dweight, void *_Nullable dbias, size_t outer, size_t rows, size_t channels, size_t groups,
  double epsilon);

// ---------------------------------------------------------------------------------------------------------------------
// Recurrent networks

/// The cells there are. With z = x W + b and r = h U (+ recurrent bias), gates side by side in the order of PyTorch:
/// RNN h' = tanh(z + r); RELU_RNN relu instead; LSTM gates i f g o, c' = f c + i g, h' = o tanh(c');
/// GRU gates r z n with reset after the product, n = tanh(z_n + reset r_n), h' = (1 - update) n + update h.
typedef enum { NNK_RNN, NNK_RELU_RNN, NNK_LSTM, NNK_GRU } nnk_cell_kind;

/// A whole sequence: x[batch, steps, inputs], weight[inputs, G * units], recurrent[units, G * units] with G = 1, 4 or 3.
typedef struct {
  nnk_cell_kind kind;
  nnk_type type;
  size_t batch, steps, inputs, units;
  const void *x, *weight, *recurrent;
  const void *_Nullable bias;            ///< [G * units]
  const void *_Nullable recurrent_bias;  ///< GRU: [3 * units]
  const void *_Nullable h0, *_Nullable c0;  ///< [batch, units]; zeros where left out
} nnk_recurrence;

/// y[batch, steps, units] is every state, h (and for LSTM c) [batch, units] the last. For the gradient: gates[steps, batch, 4 * units]
/// (LSTM, GRU) and cells[steps, batch, units] (LSTM). `steps` is at least 1.
bool nnk_recurrence_forward(
  const nnk_recurrence *sequence, void *y, void *h, void *_Nullable c, void *_Nullable gates, void *_Nullable cells);

/// Gradients that arrive at the results of a sequence, and what the forward pass left.
typedef struct {
  const void *y, *_Nullable gates, *_Nullable cells;
  const void *_Nullable dy, *_Nullable dh, *_Nullable dc;
} nnk_recurrence_cotangents;
/// Gradients in the operands of a sequence.
typedef struct {
  void *_Nullable dx, *_Nullable dweight, *_Nullable drecurrent, *_Nullable dbias, *_Nullable drecurrent_bias, *_Nullable dh0,
    *_Nullable dc0;
} nnk_recurrence_gradients;
bool nnk_recurrence_backward(
  const nnk_recurrence *sequence, const nnk_recurrence_cotangents *given, const nnk_recurrence_gradients *wanted);

// ---------------------------------------------------------------------------------------------------------------------
// Attention

/// Where an operand's row (batch item, head, place) begins, in elements; the elements of a row are adjacent.
typedef struct {
  ptrdiff_t batch, head, row;
} nnk_head_strides;

/// softmax(q k^T * scale (+ mask)) v for each batch item and head. A query that may look at no key gives zeros.
typedef struct {
  nnk_type type;
  size_t batch, heads, queries, keys, dim, value_dim;
  const void *q, *k, *v;
  nnk_head_strides q_strides, k_strides, v_strides;
  double scale;
  bool causal;                          ///< query i looks at keys 0 ... i only
  const uint8_t *_Nullable allowed;     ///< 1 where a query may look at a key
  const void *_Nullable added;          ///< what is added to the scores
  nnk_head_strides mask_strides;        ///< of either mask; 0 repeats
  ptrdiff_t mask_column;                ///< 0 or 1
} nnk_attention;

/// o[batch, heads, queries, value_dim] at `o_strides`, lse[batch, heads, queries] dense: log of the sums of exponentials.
/// Memory beyond the results does not grow with the number of keys.
bool nnk_attention_forward(const nnk_attention *attention, void *o, nnk_head_strides o_strides, void *lse);
/// Gradients in q, k and v, which lie as those do, for the gradient `g` in o (both at `o_strides`).
bool nnk_attention_backward(
  const nnk_attention *attention, const void *o, const void *g, nnk_head_strides o_strides, const void *lse, void *dq, void *dk,
  void *dv);

// ---------------------------------------------------------------------------------------------------------------------
// Dropout and embeddings

/// y[i] = x[i] / (1 - rate) with probability 1 - rate, else 0; the words are those of `nnk_random_bernoulli(1 - rate)`. In place allowed.
/// Returns the units of the stream that were used.
uint64_t nnk_dropout(nnk_type type, uint64_t seed, uint64_t offset, double rate, const void *x, void *y, size_t n);

/// dst[r] = sum of src[i] over all i with indices[i] = r, in the order of i: the gradient of gathering rows. f32, f64.
/// Indices are i32, i64 or u8, negative ones count from the end. Results as said at `NNK_INDICES_OK`.
ptrdiff_t nnk_sum_rows_by_index(
  nnk_type type, const void *src, size_t cols, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows);

#ifdef __cplusplus
}
#endif
#pragma clang assume_nonnull end

#endif
