// Elementwise math, reductions, softmax, optimizers, random numbers and copies: the kernels' interface for everything but matrix products.
//
// Conventions. Arrays are dense and row-major unless strides are given; counts and strides are in elements unless a name says
// bytes. `type` is the element type of the operands. Input and output may be the same array (in place) where every output
// element depends only on the input elements at its own place; they may not overlap otherwise. Functions that return `bool` give
// false, and touch nothing, where the combination of operation and type does not exist. Results do not depend on the
// number of threads; AVX2 and AVX-512 give the same bits (but which NaN
// a result is, is open). Stated error bounds hold over the whole range, subnormals included,
// for every instruction set; "ulp" is the distance to the exact result in units of the last place.
#ifndef NNK_MATH_H
#define NNK_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

/// Element types, in promotion order (the raw values of `DType`). A bool is one byte, 0 or 1.
typedef enum { NNK_BOOL, NNK_U8, NNK_I32, NNK_I64, NNK_F32, NNK_F64, NNK_TYPE_COUNT } nnk_type;

// ---------------------------------------------------------------------------------------------------------------------
// Elementwise, one operand

/// Operations of one operand. f32 and f64 have all; i32, i64 and u8 have NEG, ABS, SIGN, SQUARE, RELU (wrapping)
/// and the rounding ones; bool has NOT.
typedef enum {
  NNK_EXP,         ///< e^x, 2 ulp
  NNK_EXPM1,       ///< e^x - 1, 4 ulp
  NNK_LOG,         ///< natural logarithm, 2 ulp; NaN below 0, -inf at 0
  NNK_LOG1P,       ///< log(1 + x), 4 ulp
  NNK_SQRT,        ///< correctly rounded
  NNK_RSQRT,       ///< 1 / sqrt(x), 2 ulp
  NNK_TANH,        ///< 2 ulp
  NNK_SIGMOID,     ///< 1 / (1 + e^-x), 2 ulp
  NNK_RELU,        ///< max(x, 0); NaN stays NaN
  NNK_GELU,        ///< x * Phi(x), 4 ulp; -0 at -inf
  NNK_GELU_TANH,   ///< x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), 4 ulp; -0 at -inf
  NNK_ERF,         ///< error function, 4 ulp
  NNK_SILU,        ///< x * sigmoid(x), 4 ulp; -0 at -inf
  NNK_SOFTPLUS,    ///< log(1 + e^x), 4 ulp
  NNK_SIN,         ///< 4 ulp for every finite x
  NNK_COS,         ///< 4 ulp for every finite x
  NNK_TAN,         ///< 4 ulp for every finite x
  NNK_ASIN,        ///< 4 ulp
  NNK_ACOS,        ///< 4 ulp
  NNK_ATAN,        ///< 4 ulp
  NNK_SINH,        ///< 4 ulp
  NNK_COSH,        ///< 4 ulp
  NNK_ASINH,       ///< 6 ulp
  NNK_ACOSH,       ///< 6 ulp
  NNK_ATANH,       ///< 6 ulp
  NNK_TRUNC,       ///< exact, towards 0
  NNK_FLOOR,       ///< exact
  NNK_CEIL,        ///< exact
  NNK_ROUND,       ///< exact, halves go to the even neighbour
  NNK_SIGN,        ///< -1, 0 or 1; NaN stays NaN
  NNK_ABS,         ///< exact
  NNK_NEG,         ///< exact
  NNK_SQUARE,      ///< x * x
  NNK_RECIPROCAL,  ///< 1 / x
  NNK_NOT,         ///< logical not of bool
  NNK_UNARY_COUNT
} nnk_unary_op;

/// y[i] = op(x[i]) for i < n. In place allowed.
bool nnk_unary(nnk_unary_op op, nnk_type type, const void *x, void *y, size_t n);

/// y[i] = whether x[i] is NaN (kind 0), infinite (1), finite (2), as bool; x is f32 or f64.
bool nnk_classify(int kind, nnk_type type, const void *x, void *y, size_t n);

// ---------------------------------------------------------------------------------------------------------------------
// Elementwise, two operands

/// Operations of two operands of one type. Comparisons write bool whatever the operand type.
typedef enum {
  NNK_ADD,
  NNK_SUB,
  NNK_MUL,
  NNK_DIV,        ///< f32, f64
  NNK_POW,        ///< floats: 2 ulp, IEEE special cases; integers: wrapping, negative exponents give 0 (±1 for base ±1)
  NNK_FLOOR_DIV,  ///< quotient rounded down; integers divided by 0 give 0 (test first with `nnk_any_zero`)
  NNK_MOD,        ///< remainder with the sign of the divisor; integers modulo 0 give 0
  NNK_MAXIMUM,    ///< NaN if either is NaN
  NNK_MINIMUM,    ///< NaN if either is NaN
  NNK_ATAN2,      ///< f32, f64: angle of the point (b, a), 4 ulp
  NNK_EQUAL,
  NNK_NOT_EQUAL,
  NNK_LESS,
  NNK_LESS_EQUAL,
  NNK_GREATER,
  NNK_GREATER_EQUAL,
  NNK_AND,             ///< bool
  NNK_OR,              ///< bool
  NNK_XOR,             ///< bool
  NNK_MUL_ABSORBING,   ///< f32, f64: a * b, but 0 where a is 0 even if b is infinite or NaN
  // The gradients below give 0 wherever a is 0, even against an infinite or NaN slope.
  NNK_RELU_GRAD,       ///< f32, f64: a where b > 0, else 0 (b: input or output of relu)
  NNK_TANH_GRAD,       ///< f32, f64: a * (1 - b^2) (b: output of tanh)
  NNK_SIGMOID_GRAD,    ///< f32, f64: a * b * (1 - b) (b: output of sigmoid)
  NNK_GELU_GRAD,       ///< f32, f64: a * d gelu(b) (b: input of gelu, erf form)
  NNK_GELU_TANH_GRAD,  ///< f32, f64: a * d gelu(b) (b: input of gelu, tanh form)
  NNK_SILU_GRAD,       ///< f32, f64: a * d silu(b) (b: input of silu)
  NNK_BINARY_COUNT
} nnk_binary_op;

/// y[i] = a[i] op b[i] for i < n. y may be a or b (not where a comparison's output is narrower than its operands).
bool nnk_binary(nnk_binary_op op, nnk_type type, const void *a, const void *b, void *y, size_t n);
/// y[i] = a[i] op s, the number s converted to `type`.
bool nnk_binary_scalar(nnk_binary_op op, nnk_type type, const void *a, double s, void *y, size_t n);
/// y[i] = s op b[i], the number s converted to `type`.
bool nnk_scalar_binary(nnk_binary_op op, nnk_type type, double s, const void *b, void *y, size_t n);

/// Where a matrix operand's element (r, c) lies: p[r * row + c * col]. `col` is 0 or 1; `row` is any stride.
/// Vectors along columns: {0, 1}; along rows: {1, 0}; a scalar: {0, 0}; a matrix of n columns: {n, 1}.
typedef struct {
  ptrdiff_t row, col;
} nnk_steps;
/// y[r, c] = a(r, c) op b(r, c) for a dense [rows, cols] result: row, column and scalar broadcasting in one.
bool nnk_binary_matrix(
  nnk_binary_op op, nnk_type type, const void *a, nnk_steps a_steps, const void *b, nnk_steps b_steps, void *y, size_t rows,
  size_t cols);
/// y = a op b for a dense result of `shape` (rank <= 8); a stride of 0 repeats an operand along that axis.
bool nnk_binary_strided(
  nnk_binary_op op, nnk_type type, int rank, const ptrdiff_t *shape, const void *a, const ptrdiff_t *a_strides, const void *b,
  const ptrdiff_t *b_strides, void *y);
/// Whether any element of an integer or float array is zero.
bool nnk_any_zero(nnk_type type, const void *x, size_t n);

/// y[i] = c[i] ? a[i * a_step] : b[i * b_step], steps 0 or 1, elements of 1, 4 or 8 bytes, c bool.
bool nnk_where(
  size_t element_bytes, const uint8_t *c, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *y, size_t n);
/// The same for a dense result of `shape` (rank <= 8) and operands with any strides (0 repeats).
bool nnk_where_strided(
  size_t element_bytes, int rank, const ptrdiff_t *shape, const uint8_t *c, const ptrdiff_t *c_strides, const void *a,
  const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y);

/// y[i] += s * x[i]; f32, f64.
bool nnk_axpy(nnk_type type, double s, const void *x, void *y, size_t n);
/// y[i] = s * a[i] + t * b[i]; f32, f64; in place allowed.
bool nnk_scaled_add(nnk_type type, double s, const void *a, double t, const void *b, void *y, size_t n);
/// y[i] = min(max(x[i], low), high), NaN stays NaN; all numeric types.
bool nnk_clamp(nnk_type type, const void *x, double low, double high, void *y, size_t n);
/// y[r, c] = op(x[r, c] + bias[c]) with any unary float operation, in one pass; in place allowed.
bool nnk_bias_unary(nnk_unary_op op, nnk_type type, const void *x, const void *bias, void *y, size_t rows, size_t cols);

// ---------------------------------------------------------------------------------------------------------------------
// Reductions over the middle axis of x[outer, axis, inner] into y[outer, inner]
// (all elements: 1, n, 1; rows: m, n, 1; columns: 1, m, n)

/// What a reduction computes. Sums of floats run in 64 (f64: 32) fixed lanes and fixed blocks, on every instruction set.
typedef enum {
  NNK_SUM,     ///< floats in their type; bool, u8, i32, i64 as i64
  NNK_MEAN,    ///< f32, f64
  NNK_PROD,    ///< as SUM
  NNK_MAX,     ///< same type; NaN if any is NaN; the lowest value of the type when axis is 0 (floats: -inf)
  NNK_MIN,     ///< same type; NaN if any is NaN; the highest value of the type when axis is 0 (floats: inf)
  NNK_ARGMAX,  ///< i32, the first place of the maximum; the first NaN counts as the maximum
  NNK_ARGMIN,  ///< i32, the first place of the minimum; the first NaN counts as the minimum
  NNK_ANY,     ///< bool: whether any is not 0
  NNK_ALL,     ///< bool: whether all are not 0
  NNK_COUNT,   ///< i64: how many are not 0
  NNK_REDUCE_COUNT
} nnk_reduce_op;

/// y[o, i] = op over a of x[o, a, i].
bool nnk_reduce(nnk_reduce_op op, nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner);
/// Variance over the middle axis in two passes (mean first), divided by axis - correction; f32, f64. `mean` may be NULL.
bool nnk_variance(
  nnk_type type, const void *x, void *variance, void *_Nullable mean, size_t outer, size_t axis, size_t inner, double correction);

// ---------------------------------------------------------------------------------------------------------------------
// Softmax family over the middle axis of [outer, axis, inner]; f32, f64; false also when out of memory (inner > 1, losses of many rows)

bool nnk_softmax(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner);
bool nnk_log_softmax(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner);
/// y[outer, inner] = log(sum(exp(x))).
bool nnk_logsumexp(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner);
/// dx = y * (g - sum(g * y)), y the softmax.
bool nnk_softmax_grad(nnk_type type, const void *g, const void *y, void *dx, size_t outer, size_t axis, size_t inner);
/// dx = g - exp(y) * sum(g), y the log softmax.
bool nnk_log_softmax_grad(nnk_type type, const void *g, const void *y, void *dx, size_t outer, size_t axis, size_t inner);

/// Result of functions that read indices: every index was in range, the type is not supported, or (>= 0) the place of the first bad index.
enum { NNK_INDICES_OK = -1, NNK_INDICES_BAD_TYPE = -2 };

/// Mean over the rows of -log softmax(x[r])[labels[r]]; x[rows, cols] f32 or f64, labels i32 or i64 or u8 in 0 ..< cols.
/// Writes one value to `loss` and, where `probabilities` is not NULL, the softmax of x. Returns as said at `NNK_INDICES_OK`.
ptrdiff_t nnk_cross_entropy(
  nnk_type type, const void *x, nnk_type label_type, const void *labels, void *_Nullable probabilities, void *loss, size_t rows, size_t cols);
/// dx = (probabilities - one_hot(labels)) * g / rows; labels already checked. dx may be `probabilities`.
bool nnk_cross_entropy_grad(
  nnk_type type, double g, const void *probabilities, nnk_type label_type, const void *labels, void *dx, size_t rows, size_t cols);
/// Mean over the rows of -sum(targets[r] * log softmax(x[r])), targets of the shape of x.
bool nnk_cross_entropy_soft(
  nnk_type type, const void *x, const void *targets, void *_Nullable probabilities, void *loss, size_t rows, size_t cols);
/// dx = (probabilities * sum(targets[r]) - targets) * g / rows.
bool nnk_cross_entropy_soft_grad(
  nnk_type type, double g, const void *probabilities, const void *targets, void *dx, size_t rows, size_t cols);
/// loss = mean((a - b)^2) over n elements.
bool nnk_mse(nnk_type type, const void *a, const void *b, void *loss, size_t n);
/// da = (a - b) * 2 g / n; in place allowed.
bool nnk_mse_grad(nnk_type type, double g, const void *a, const void *b, void *da, size_t n);

// ---------------------------------------------------------------------------------------------------------------------
// Optimizer steps, in place and in one pass; f32, f64

/// p -= lr * d with d = g + weight_decay * p; with `velocity` (not NULL): v = momentum * v + d, and d = v (nesterov: d + momentum * v).
bool nnk_sgd(
  nnk_type type, void *p, const void *g, void *_Nullable velocity, size_t n, double lr, double momentum, double weight_decay, bool nesterov);
/// Adam with bias correction for step t >= 1: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// p -= lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon). Weight decay is added to g, or (decoupled: AdamW) p *= 1 - lr * weight_decay first.
bool nnk_adam(
  nnk_type type, void *p, const void *g, void *m, void *v, size_t n, double lr, double b1, double b2, double epsilon,
  double weight_decay, bool decoupled, uint64_t t);

// ---------------------------------------------------------------------------------------------------------------------
// Random numbers: Philox4x32-10 (Salmon et al. 2011), key = seed, counter = place in the stream.
// The stream is a row of units of 64 words; a call starts at unit `offset` and returns how many units it used, so that
// the next call can start at offset + that. Uniform floats, integers, bernoulli and permutations are the same on every machine.

/// Raw 32-bit words. Word e of a unit u is output e / 16 of the Philox block with counter 16 u + e % 16.
uint64_t nnk_random_words(uint64_t seed, uint64_t offset, uint32_t *y, size_t n);
/// Uniform in [0, 1): f32 with 24 random bits, f64 with 53. Returns 0 for other types.
uint64_t nnk_random_uniform(nnk_type type, uint64_t seed, uint64_t offset, void *y, size_t n);
/// Standard normal (Box-Muller), f32 or f64; the same bits on AVX2 and AVX-512.
uint64_t nnk_random_normal(nnk_type type, uint64_t seed, uint64_t offset, void *y, size_t n);
/// Uniform integers in low ..< high (low < high), i32 or i64; bias below 2^-32 relative for ranges below 2^32.
uint64_t nnk_random_integers(nnk_type type, uint64_t seed, uint64_t offset, int64_t low, int64_t high, void *y, size_t n);
/// 1 with probability p, else 0; any type.
uint64_t nnk_random_bernoulli(nnk_type type, uint64_t seed, uint64_t offset, double p, void *y, size_t n);
/// A uniformly random order of 0 ..< n (n < 2^31), by Fisher-Yates.
uint64_t nnk_random_permutation(uint64_t seed, uint64_t offset, int32_t *y, size_t n);

// ---------------------------------------------------------------------------------------------------------------------
// Copies

/// dst[i...] = src[i...] over `shape` (rank <= 8), each side with its own strides (negative and 0 allowed in src; dst must not repeat).
/// Elements of 1, 4 or 8 bytes. Does transposes, permutations, slices with steps, broadcasts, concatenation.
bool nnk_copy_strided(
  size_t element_bytes, int rank, const ptrdiff_t *shape, const void *src, const ptrdiff_t *src_strides, void *dst,
  const ptrdiff_t *dst_strides);
/// dst[b, c, r] = src[b, r, c]: the last two axes exchanged; elements of 1, 4 or 8 bytes.
bool nnk_transpose(size_t element_bytes, const void *src, void *dst, size_t batch, size_t rows, size_t cols);
/// y[i] = x[i] converted. Floats become integers by truncation, saturated, NaN gives 0; integers wrap; anything but 0 is true.
bool nnk_cast(nnk_type from, const void *x, nnk_type to, void *y, size_t n);
/// y[i] = value converted to `type`.
bool nnk_fill(nnk_type type, double value, void *y, size_t n);
/// y[i] = start + i * step, computed in f64 and converted.
bool nnk_arange(nnk_type type, double start, double step, void *y, size_t n);

// Indices are i32 or i64; a negative one counts from the end. Results as said at `NNK_INDICES_OK`; nothing is written when an index is bad.

/// Whether every index is in low ..< high; i32, i64 or u8.
ptrdiff_t nnk_check_indices(nnk_type type, const void *indices, size_t n, int64_t low, int64_t high);
/// dst[i] = src[indices[i]] for rows of `row_bytes` bytes, src having `src_rows` rows.
ptrdiff_t nnk_gather_rows(
  const void *src, size_t src_rows, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, void *dst);
/// The same for rows of bytes that become floats: dst[i, j] = src[indices[i], j] * scale. Images in [0, 1] with scale 1/255.
ptrdiff_t nnk_gather_rows_u8_f32(
  const uint8_t *src, size_t src_rows, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, float scale, float *dst);
/// dst[indices[i]] = src[i], in the order of i; `src_step` 0 writes the same row everywhere, 1 rows in turn.
ptrdiff_t nnk_scatter_rows(
  const void *src, size_t src_step, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows);
/// dst[indices[i]] += src[i] for rows of `row` elements, in the order of i whatever the number of threads; f32, f64, i32, i64.
ptrdiff_t nnk_scatter_add_rows(
  nnk_type type, const void *src, size_t row, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows);
/// dst[i, indices[i]] = 1 of `type`, 0 elsewhere; dst is [n, classes]. Indices i32, i64 or u8, not negative.
ptrdiff_t nnk_one_hot(nnk_type type, nnk_type index_type, const void *indices, size_t n, size_t classes, void *dst);
/// How many of `n` truths are not 0, and where they are, in order; `places` has room for that many.
size_t nnk_count_true(const uint8_t *truth, size_t n);
void nnk_true_places(const uint8_t *truth, size_t n, int64_t *places);
/// y[i * step] = places[i] / stride modulo size: where row-major places are along an axis of that stride and size.
void nnk_coordinates(const int64_t *places, size_t n, size_t stride, size_t size, int32_t *y, size_t step);
/// counts[b] = how many x lie from edges[b] on and below edges[b + 1], the last edge counted in the last bin; f32, f64. `edges`
/// rise. False if memory is short or for other types.
bool nnk_histogram(nnk_type type, const void *x, size_t n, const void *edges, size_t bins, int32_t *counts);

// ---------------------------------------------------------------------------------------------------------------------
// Numbers: scalar f64 functions within 0.52 ulp (gelu: 2), the same bits on every machine

double nnk_exp_f64(double x);
double nnk_expm1_f64(double x);
double nnk_log_f64(double x);
double nnk_log1p_f64(double x);
double nnk_log2_f64(double x);
double nnk_log10_f64(double x);
double nnk_sin_f64(double x);
double nnk_cos_f64(double x);
double nnk_tan_f64(double x);
double nnk_asin_f64(double x);
double nnk_acos_f64(double x);
double nnk_atan_f64(double x);
double nnk_atan2_f64(double y, double x);
double nnk_sinh_f64(double x);
double nnk_cosh_f64(double x);
double nnk_tanh_f64(double x);
double nnk_erf_f64(double x);
double nnk_sigmoid_f64(double x);
double nnk_silu_f64(double x);
double nnk_softplus_f64(double x);
double nnk_rsqrt_f64(double x);
double nnk_sqrt_f64(double x);
double nnk_pow_f64(double x, double y);
double nnk_floor_f64(double x);
double nnk_ceil_f64(double x);
/// Halves go to the even neighbour.
double nnk_round_f64(double x);
double nnk_trunc_f64(double x);
/// Quotient rounded down; x / 0 is inf or NaN.
double nnk_floor_div_f64(double x, double y);
/// Remainder with the sign of the divisor; x % 0 is NaN. Exact.
double nnk_mod_f64(double x, double y);
/// The value of a unary float operation for one number.
double nnk_unary_f64(nnk_unary_op op, double x);

#ifdef __cplusplus
}
#endif
#pragma clang assume_nonnull end

#endif
