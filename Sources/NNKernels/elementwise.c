// Elementwise operations: picks the loop and cuts the work into chunks.
#include "spread.h"

/// Nanoseconds for one f32 element on AVX-512, about.
static const float unary_cost[NNK_UNARY_COUNT] = {
    [NNK_EXP] = 0.11f,      [NNK_EXPM1] = 0.15f,     [NNK_LOG] = 0.24f,  [NNK_LOG1P] = 0.35f, [NNK_SQRT] = 0.06f,
    [NNK_RSQRT] = 0.11f,    [NNK_TANH] = 0.23f,      [NNK_SIGMOID] = 0.18f, [NNK_RELU] = 0.04f, [NNK_GELU] = 0.18f,
    [NNK_GELU_TANH] = 0.4f, [NNK_ERF] = 0.3f,        [NNK_SILU] = 0.27f, [NNK_SOFTPLUS] = 0.6f, [NNK_SIN] = 0.28f,
    [NNK_COS] = 0.28f,      [NNK_TAN] = 0.33f,       [NNK_ASIN] = 0.14f, [NNK_ACOS] = 0.17f,  [NNK_ATAN] = 0.17f,
    [NNK_SINH] = 0.19f,     [NNK_COSH] = 0.14f,      [NNK_ASINH] = 0.7f,  [NNK_ACOSH] = 0.7f, [NNK_ATANH] = 0.45f,
    [NNK_TRUNC] = 0.04f,         [NNK_FLOOR] = 0.04f, [NNK_CEIL] = 0.04f, [NNK_ROUND] = 0.04f,
    [NNK_SIGN] = 0.04f,     [NNK_ABS] = 0.04f,       [NNK_NEG] = 0.04f,  [NNK_SQUARE] = 0.04f, [NNK_RECIPROCAL] = 0.06f,
    [NNK_NOT] = 0.02f,
};

/// The same for two operands; what is not listed takes as long as an addition.
static const float binary_cost[NNK_BINARY_COUNT] = {
    [NNK_DIV] = 0.06f,       [NNK_POW] = 2.0f,        [NNK_FLOOR_DIV] = 1.0f,     [NNK_MOD] = 1.0f,
    [NNK_ATAN2] = 0.4f,      [NNK_GELU_GRAD] = 0.2f,  [NNK_GELU_TANH_GRAD] = 0.5f, [NNK_SILU_GRAD] = 0.4f,
};
static const float ADD_COST = 0.05f;

/// f64 has half the lanes and longer polynomials.
static double type_factor(nnk_type type) { return type == NNK_F64 ? 3.0 : type == NNK_I64 ? 2.0 : 1.0; }

/// A grain of elements that keeps chunks on cache lines of every type.
enum { GRAIN = 256 };

// MARK: One operand

struct unary_job {
  nnk_unary_loop loop;
  const char *x;
  char *y;
  long n;
  size_t x_bytes, y_bytes;
};

static void run_unary(void *context, long chunk, long chunks) {
  const struct unary_job *job = context;
  const long begin = nnk_chunk_begin(job->n, GRAIN, chunk, chunks), end = nnk_chunk_begin(job->n, GRAIN, chunk + 1, chunks);
  job->loop(job->x + begin * (long)job->x_bytes, job->y + begin * (long)job->y_bytes, end - begin);
}

/// Runs a loop that takes `nanoseconds` in all, in chunks where that is worth it.
static bool spread_unary(nnk_unary_loop loop, double nanoseconds, const void *x, size_t x_bytes, void *y, size_t y_bytes, long n) {
  if (loop == NULL) return false;
  const long chunks = nnk_chunks(nanoseconds, n / GRAIN);
  if (chunks == 1) {
    loop(x, y, n);
    return true;
  }
  struct unary_job job = {loop, x, y, n, x_bytes, y_bytes};
  nnk_parallel_sized(chunks, nanoseconds, run_unary, &job);
  return true;
}

/// Below this many elements work is done at once, without thinking about its cost.
enum { TINY = 512 };

bool nnk_unary(nnk_unary_op op, nnk_type type, const void *x, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (n <= TINY && table->unary[op][type] != NULL) {
    table->unary[op][type](x, y, (long)n);
    return true;
  }
  const double nanoseconds = (double)n * unary_cost[op] * type_factor(type) * nnk_slowness(table);
  return spread_unary(table->unary[op][type], nanoseconds, x, nnk_type_bytes(type), y, nnk_type_bytes(type), (long)n);
}

bool nnk_classify(int kind, nnk_type type, const void *x, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  return spread_unary(table->classify[kind][type], (double)n * ADD_COST, x, nnk_type_bytes(type), y, 1, (long)n);
}

bool nnk_cast(nnk_type from, const void *x, nnk_type to, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  return spread_unary(table->cast[from][to], (double)n * 2 * ADD_COST, x, nnk_type_bytes(from), y, nnk_type_bytes(to), (long)n);
}

// MARK: Two operands

struct binary_job {
  nnk_binary_loop loop;
  struct nnk_binary_part part;
  size_t bytes, y_bytes;
};

/// The part of a job's matrix from (row, col) on.
static struct nnk_binary_part part_from(const struct binary_job *job, long row, long rows, long col, long cols) {
  struct nnk_binary_part part = job->part;
  part.a = nnk_after(part.a, row * part.a_steps.row + col * part.a_steps.col, job->bytes);
  part.b = nnk_after(part.b, row * part.b_steps.row + col * part.b_steps.col, job->bytes);
  part.y = nnk_after_mutable(part.y, row * part.y_row + col, job->y_bytes);
  part.rows = rows;
  part.cols = cols;
  return part;
}

static void run_binary_rows(void *context, long chunk, long chunks) {
  const struct binary_job *job = context;
  const long begin = nnk_chunk_begin(job->part.rows, 1, chunk, chunks), end = nnk_chunk_begin(job->part.rows, 1, chunk + 1, chunks);
  const struct nnk_binary_part part = part_from(job, begin, end - begin, 0, job->part.cols);
  job->loop(&part);
}

static void run_binary_cols(void *context, long chunk, long chunks) {
  const struct binary_job *job = context;
  const long n = job->part.cols;
  const long begin = nnk_chunk_begin(n, GRAIN, chunk, chunks), end = nnk_chunk_begin(n, GRAIN, chunk + 1, chunks);
  const struct nnk_binary_part part = part_from(job, 0, job->part.rows, begin, end - begin);
  job->loop(&part);
}

/// Runs a matrix of results, cut along its longer side where that is worth it.
static void spread_binary(const struct binary_job *job, double cost) {
  const long rows = job->part.rows, cols = job->part.cols;
  const double nanoseconds = (double)rows * (double)cols * cost;
  if (__builtin_expect(nanoseconds < 1000, 1)) {
    job->loop(&job->part);
    return;
  }
  const bool by_rows = rows >= 32 || rows > cols / GRAIN;
  const long chunks = nnk_chunks(nanoseconds, by_rows ? rows : cols / GRAIN);
  nnk_parallel_sized(chunks, nanoseconds, by_rows ? run_binary_rows : run_binary_cols, (void *)job);
}

static double cost_of(nnk_binary_op op, nnk_type type, const struct nnk_math_table *table) {
  const double cost = binary_cost[op] > 0 ? binary_cost[op] : ADD_COST;
  return cost * type_factor(type) * nnk_slowness(table);
}

double nnk_elementwise_cost(bool is_unary, uint32_t op, nnk_type type) {
  const struct nnk_math_table *table = nnk_math();
  return is_unary ? unary_cost[op] * type_factor(type) * nnk_slowness(table) : cost_of((nnk_binary_op)op, type, table);
}

/// Runs a matrix of results that is not tiny.
static __attribute__((noinline)) void run_binary(
    nnk_binary_op op, nnk_type type, const struct nnk_math_table *table, const struct nnk_binary_part *part) {
  const struct binary_job job = {table->binary[op][type], *part, nnk_type_bytes(type), nnk_result_bytes(op, type)};
  spread_binary(&job, cost_of(op, type, table));
}

/// Inlined into the public functions, whose constant steps then cost nothing: a tiny call is a few nanoseconds.
static inline __attribute__((always_inline)) bool start_binary(
    nnk_binary_op op, nnk_type type, const void *a, ptrdiff_t a_row, ptrdiff_t a_col, const void *b, ptrdiff_t b_row,
    ptrdiff_t b_col, void *y, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  const nnk_binary_loop loop = table->binary[op][type];
  if (loop == NULL) return false;
  if (rows * cols == 0) return true;
  const struct nnk_binary_part part = {a, b, y, {a_row, a_col}, {b_row, b_col}, (long)cols, (long)rows, (long)cols};
  if (rows * cols <= TINY) {
    loop(&part);
  } else {
    run_binary(op, type, table, &part);
  }
  return true;
}

bool nnk_binary_matrix(
    nnk_binary_op op, nnk_type type, const void *a, nnk_steps a_steps, const void *b, nnk_steps b_steps, void *y, size_t rows,
    size_t cols) {
  return start_binary(op, type, a, a_steps.row, a_steps.col, b, b_steps.row, b_steps.col, y, rows, cols);
}

bool nnk_binary(nnk_binary_op op, nnk_type type, const void *a, const void *b, void *y, size_t n) {
  return start_binary(op, type, a, 0, 1, b, 0, 1, y, 1, n);
}

bool nnk_binary_scalar(nnk_binary_op op, nnk_type type, const void *a, double s, void *y, size_t n) {
  uint64_t element;
  nnk_store_number(type, s, &element);
  return start_binary(op, type, a, 0, 1, &element, 0, 0, y, 1, n);
}

bool nnk_scalar_binary(nnk_binary_op op, nnk_type type, double s, const void *b, void *y, size_t n) {
  uint64_t element;
  nnk_store_number(type, s, &element);
  return start_binary(op, type, &element, 0, 0, b, 0, 1, y, 1, n);
}

bool nnk_any_zero(nnk_type type, const void *x, size_t n) {
  uint8_t all;
  nnk_reduce(NNK_ALL, type, x, &all, 1, n, 1);
  return !all;
}

// MARK: Sums with factors, clamping, bias

struct scaled_add_job {
  nnk_scaled_add_loop loop;
  double s, t;
  const void *a, *b;
  void *y;
  long n;
  size_t bytes;
};

static void run_scaled_add(void *context, long chunk, long chunks) {
  const struct scaled_add_job *job = context;
  const long begin = nnk_chunk_begin(job->n, GRAIN, chunk, chunks), end = nnk_chunk_begin(job->n, GRAIN, chunk + 1, chunks);
  job->loop(job->s, nnk_after(job->a, begin, job->bytes), job->t, nnk_after(job->b, begin, job->bytes),
            nnk_after_mutable(job->y, begin, job->bytes), end - begin);
}

bool nnk_scaled_add(nnk_type type, double s, const void *a, double t, const void *b, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (table->scaled_add[type] == NULL) return false;
  struct scaled_add_job job = {table->scaled_add[type], s, t, a, b, y, (long)n, nnk_type_bytes(type)};
  const double nanoseconds = (double)n * ADD_COST * type_factor(type) * nnk_slowness(table);
  const long chunks = nnk_chunks(nanoseconds, (long)n / GRAIN);
  if (chunks == 1) {
    run_scaled_add(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_scaled_add, &job);
  }
  return true;
}

bool nnk_axpy(nnk_type type, double s, const void *x, void *y, size_t n) { return nnk_scaled_add(type, s, x, 1, y, y, n); }

struct clamp_job {
  nnk_clamp_loop loop;
  const void *x;
  void *y;
  long n;
  size_t bytes;
  uint64_t low, high;
};

static void run_clamp(void *context, long chunk, long chunks) {
  const struct clamp_job *job = context;
  const long begin = nnk_chunk_begin(job->n, GRAIN, chunk, chunks), end = nnk_chunk_begin(job->n, GRAIN, chunk + 1, chunks);
  job->loop(nnk_after(job->x, begin, job->bytes), &job->low, &job->high, nnk_after_mutable(job->y, begin, job->bytes), end - begin);
}

bool nnk_clamp(nnk_type type, const void *x, double low, double high, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (table->clamp[type] == NULL) return false;
  struct clamp_job job = {table->clamp[type], x, y, (long)n, nnk_type_bytes(type), 0, 0};
  nnk_store_number(type, low, &job.low);
  nnk_store_number(type, high, &job.high);
  const double nanoseconds = (double)n * ADD_COST * type_factor(type);
  const long chunks = nnk_chunks(nanoseconds, (long)n / GRAIN);
  if (chunks == 1) {
    run_clamp(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_clamp, &job);
  }
  return true;
}

struct bias_job {
  nnk_binary_loop add;
  nnk_unary_loop unary;  ///< NULL where `add` does it all
  struct binary_job sum;
};

/// A block of rows at a time, so that the second pass finds it in the cache.
static void run_bias_rows(void *context, long chunk, long chunks) {
  const struct bias_job *job = context;
  const long rows = job->sum.part.rows, cols = job->sum.part.cols, block = 1 + 4096 / (cols + 1);
  const long begin = nnk_chunk_begin(rows, 1, chunk, chunks), end = nnk_chunk_begin(rows, 1, chunk + 1, chunks);
  for (long row = begin; row < end; row += block) {
    const long count = end - row < block ? end - row : block;
    const struct nnk_binary_part part = part_from(&job->sum, row, count, 0, cols);
    job->add(&part);
    if (job->unary != NULL) job->unary(part.y, part.y, count * cols);
  }
}

bool nnk_bias_unary(nnk_unary_op op, nnk_type type, const void *x, const void *bias, void *y, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  if (table->add_relu[type] == NULL || table->unary[op][type] == NULL) return false;
  if (rows == 0 || cols == 0) return true;
  const bool relu = op == NNK_RELU;
  const struct nnk_binary_part part = {x, bias, y, {(ptrdiff_t)cols, 1}, {0, 1}, (long)cols, (long)rows, (long)cols};
  struct bias_job job = {relu ? table->add_relu[type] : table->binary[NNK_ADD][type], relu ? NULL : table->unary[op][type],
                         {NULL, part, nnk_type_bytes(type), nnk_type_bytes(type)}};
  const double cost = (ADD_COST + unary_cost[op]) * type_factor(type) * nnk_slowness(table);
  const double nanoseconds = (double)rows * (double)cols * cost;
  const long chunks = nnk_chunks(nanoseconds, (long)rows);
  if (chunks == 1) {
    run_bias_rows(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_bias_rows, &job);
  }
  return true;
}
