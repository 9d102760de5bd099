// Elementwise operations: picks the loop, cuts the work into chunks, and walks general strides.
#include "spread.h"

/// Nanoseconds for one f32 element on AVX-512, about.
static const float unary_cost[NNK_UNARY_COUNT] = {
    [NNK_EXP] = 0.11f,      [NNK_EXPM1] = 0.15f,     [NNK_LOG] = 0.24f,  [NNK_LOG1P] = 0.35f, [NNK_SQRT] = 0.06f,
    [NNK_RSQRT] = 0.11f,    [NNK_TANH] = 0.23f,      [NNK_SIGMOID] = 0.18f, [NNK_RELU] = 0.04f, [NNK_GELU] = 0.35f,
    [NNK_GELU_TANH] = 0.4f, [NNK_ERF] = 0.3f,        [NNK_SILU] = 0.27f, [NNK_SOFTPLUS] = 0.6f, [NNK_SIN] = 0.28f,
    [NNK_COS] = 0.28f,      [NNK_TAN] = 0.33f,       [NNK_ASIN] = 0.14f, [NNK_ACOS] = 0.17f,  [NNK_ATAN] = 0.17f,
    [NNK_SINH] = 0.19f,     [NNK_COSH] = 0.14f,      [NNK_FLOOR] = 0.04f, [NNK_CEIL] = 0.04f, [NNK_ROUND] = 0.04f,
    [NNK_SIGN] = 0.04f,     [NNK_ABS] = 0.04f,       [NNK_NEG] = 0.04f,  [NNK_SQUARE] = 0.04f, [NNK_RECIPROCAL] = 0.06f,
    [NNK_NOT] = 0.02f,
};

/// The same for two operands; what is not listed takes as long as an addition.
static const float binary_cost[NNK_BINARY_COUNT] = {
    [NNK_DIV] = 0.06f,       [NNK_POW] = 2.0f,        [NNK_FLOOR_DIV] = 3.0f,     [NNK_MOD] = 3.0f,
    [NNK_ATAN2] = 0.4f,      [NNK_GELU_GRAD] = 0.4f,  [NNK_GELU_TANH_GRAD] = 0.5f, [NNK_SILU_GRAD] = 0.4f,
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

bool nnk_unary(nnk_unary_op op, nnk_type type, const void *x, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
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
    if (cols > 0) job->loop(&job->part);
    return;
  }
  const bool by_rows = rows >= 32 || rows > cols / GRAIN;
  const long chunks = nnk_chunks(nanoseconds, by_rows ? rows : cols / GRAIN);
  nnk_parallel_sized(chunks, nanoseconds, by_rows ? run_binary_rows : run_binary_cols, (void *)job);
}

/// Bytes of a result's element: comparisons give bool.
static size_t result_bytes(nnk_binary_op op, nnk_type type) {
  return op >= NNK_EQUAL && op <= NNK_XOR ? 1 : nnk_type_bytes(type);
}
static double cost_of(nnk_binary_op op, nnk_type type, const struct nnk_math_table *table) {
  const double cost = binary_cost[op] > 0 ? binary_cost[op] : ADD_COST;
  return cost * type_factor(type) * nnk_slowness(table);
}

bool nnk_binary_matrix(
    nnk_binary_op op, nnk_type type, const void *a, nnk_steps a_steps, const void *b, nnk_steps b_steps, void *y, size_t rows,
    size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  const nnk_binary_loop loop = table->binary[op][type];
  if (loop == NULL) return false;
  const struct nnk_binary_part part = {a, b, y, a_steps, b_steps, (long)cols, (long)rows, (long)cols};
  const struct binary_job job = {loop, part, nnk_type_bytes(type), result_bytes(op, type)};
  spread_binary(&job, cost_of(op, type, table));
  return true;
}

bool nnk_binary(nnk_binary_op op, nnk_type type, const void *a, const void *b, void *y, size_t n) {
  return nnk_binary_matrix(op, type, a, (nnk_steps){0, 1}, b, (nnk_steps){0, 1}, y, 1, n);
}

bool nnk_binary_scalar(nnk_binary_op op, nnk_type type, const void *a, double s, void *y, size_t n) {
  uint64_t element;
  nnk_store_number(type, s, &element);
  return nnk_binary_matrix(op, type, a, (nnk_steps){0, 1}, &element, (nnk_steps){0, 0}, y, 1, n);
}

bool nnk_scalar_binary(nnk_binary_op op, nnk_type type, double s, const void *b, void *y, size_t n) {
  uint64_t element;
  nnk_store_number(type, s, &element);
  return nnk_binary_matrix(op, type, &element, (nnk_steps){0, 0}, b, (nnk_steps){0, 1}, y, 1, n);
}

bool nnk_any_zero(nnk_type type, const void *x, size_t n) {
  uint8_t all;
  nnk_reduce(NNK_ALL, type, x, &all, 1, n, 1);
  return !all;
}

// MARK: General strides

enum { MAX_RANK = 8 };

/// Axes of a dense result with the strides of up to three operands; adjacent axes that run on are merged.
struct walk {
  int rank;
  ptrdiff_t shape[MAX_RANK];
  ptrdiff_t strides[3][MAX_RANK];
};

static struct walk make_walk(int rank, const ptrdiff_t *shape, int operands, const ptrdiff_t *const strides[]) {
  struct walk walk = {.rank = 0};
  for (int axis = 0; axis < rank; axis++) {
    if (shape[axis] == 1) continue;
    const int last = walk.rank - 1;
    bool joins = last >= 0;
    for (int k = 0; k < operands && joins; k++) joins = walk.strides[k][last] == strides[k][axis] * shape[axis];
    const int place = joins ? last : walk.rank++;
    walk.shape[place] = joins ? walk.shape[place] * shape[axis] : shape[axis];
    for (int k = 0; k < operands; k++) walk.strides[k][place] = strides[k][axis];
  }
  while (walk.rank < 2) {  // at least a row of one column axis: unit axes in front
    for (int axis = walk.rank; axis > 0; axis--) {
      walk.shape[axis] = walk.shape[axis - 1];
      for (int k = 0; k < operands; k++) walk.strides[k][axis] = walk.strides[k][axis - 1];
    }
    walk.shape[0] = 1;
    for (int k = 0; k < operands; k++) walk.strides[k][0] = 0;
    walk.rank++;
  }
  return walk;
}

/// Moves to the next place of the axes before the last `inner`; false when all have been visited.
static bool next_place(const struct walk *walk, int inner, ptrdiff_t *place, int operands, ptrdiff_t *offsets) {
  for (int axis = walk->rank - inner - 1; axis >= 0; axis--) {
    place[axis]++;
    for (int k = 0; k < operands; k++) offsets[k] += walk->strides[k][axis];
    if (place[axis] < walk->shape[axis]) return true;
    for (int k = 0; k < operands; k++) offsets[k] -= walk->strides[k][axis] * walk->shape[axis];
    place[axis] = 0;
  }
  return false;
}

/// A dense copy of an operand that does not have unit or zero stride along the last axis; NULL when out of memory.
static void *dense_copy(size_t bytes, int rank, const ptrdiff_t *shape, const void *src, const ptrdiff_t *strides, ptrdiff_t *dense) {
  ptrdiff_t count = 1;
  for (int axis = rank - 1; axis >= 0; axis--) {
    dense[axis] = count;
    count *= shape[axis];
  }
  void *copy = nnk_block_alloc((size_t)count * bytes);
  if (copy != NULL) nnk_copy_strided(bytes, rank, shape, src, strides, copy, dense);
  return copy;
}

static bool is_empty(int rank, const ptrdiff_t *shape) {
  for (int axis = 0; axis < rank; axis++)
    if (shape[axis] == 0) return true;
  return false;
}

bool nnk_binary_strided(
    nnk_binary_op op, nnk_type type, int rank, const ptrdiff_t *shape, const void *a, const ptrdiff_t *a_strides, const void *b,
    const ptrdiff_t *b_strides, void *y) {
  if (nnk_math()->binary[op][type] == NULL) return false;
  if (is_empty(rank, shape)) return true;
  const size_t bytes = nnk_type_bytes(type);
  struct walk walk = make_walk(rank, shape, 2, (const ptrdiff_t *const[]){a_strides, b_strides});
  const void *operands[2] = {a, b};
  void *copies[2] = {NULL, NULL};
  const int last = walk.rank - 1;
  bool done = true;
  for (int k = 0; k < 2; k++) {
    if (walk.strides[k][last] == 0 || walk.strides[k][last] == 1) continue;
    ptrdiff_t dense[MAX_RANK];
    copies[k] = dense_copy(bytes, walk.rank, walk.shape, operands[k], walk.strides[k], dense);
    memcpy(walk.strides[k], dense, sizeof dense);
    operands[k] = copies[k];
    done = done && copies[k] != NULL;
  }
  const ptrdiff_t rows = walk.shape[last - 1], cols = walk.shape[last];
  ptrdiff_t place[MAX_RANK] = {0}, offsets[2] = {0, 0};
  char *out = y;
  if (done) do {
      nnk_binary_matrix(
          op, type, nnk_after(operands[0], offsets[0], bytes), (nnk_steps){walk.strides[0][last - 1], walk.strides[0][last]},
          nnk_after(operands[1], offsets[1], bytes), (nnk_steps){walk.strides[1][last - 1], walk.strides[1][last]}, out, (size_t)rows,
          (size_t)cols);
      out += rows * cols * (ptrdiff_t)result_bytes(op, type);
    } while (next_place(&walk, 2, place, 2, offsets));
  for (int k = 0; k < 2; k++) nnk_block_release(copies[k]);
  return done;
}

// MARK: Choice between two operands

struct where_job {
  nnk_where_loop loop;
  const uint8_t *c;
  const void *a, *b;
  long a_step, b_step, n;
  size_t bytes;
  void *y;
};

static void run_where(void *context, long chunk, long chunks) {
  const struct where_job *job = context;
  const long begin = nnk_chunk_begin(job->n, GRAIN, chunk, chunks), end = nnk_chunk_begin(job->n, GRAIN, chunk + 1, chunks);
  job->loop(job->c + begin, nnk_after(job->a, begin * job->a_step, job->bytes), job->a_step,
            nnk_after(job->b, begin * job->b_step, job->bytes), job->b_step, nnk_after_mutable(job->y, begin, job->bytes),
            end - begin);
}

bool nnk_where(
    size_t element_bytes, const uint8_t *c, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (element_bytes > 8 || table->where[element_bytes] == NULL) return false;
  struct where_job job = {table->where[element_bytes], c, a, b, a_step, b_step, (long)n, element_bytes, y};
  const double nanoseconds = (double)n * ADD_COST * (double)element_bytes / 4 * nnk_slowness(table);
  const long chunks = nnk_chunks(nanoseconds, (long)n / GRAIN);
  if (chunks == 1) {
    run_where(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_where, &job);
  }
  return true;
}

/// Element k of an operand, whatever its size.
static void choose_one(size_t bytes, char *y, bool c, const char *a, const char *b) { memcpy(y, c ? a : b, bytes); }

bool nnk_where_strided(
    size_t element_bytes, int rank, const ptrdiff_t *shape, const uint8_t *c, const ptrdiff_t *c_strides, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y) {
  if (element_bytes > 8 || nnk_math()->where[element_bytes] == NULL) return false;
  if (is_empty(rank, shape)) return true;
  const struct walk walk = make_walk(rank, shape, 3, (const ptrdiff_t *const[]){c_strides, a_strides, b_strides});
  const int last = walk.rank - 1;
  const ptrdiff_t n = walk.shape[last], c_step = walk.strides[0][last], a_step = walk.strides[1][last], b_step = walk.strides[2][last];
  const bool plain = c_step == 1 && (a_step == 0 || a_step == 1) && (b_step == 0 || b_step == 1);
  ptrdiff_t place[MAX_RANK] = {0}, offsets[3] = {0, 0, 0};
  char *out = y;
  do {
    const uint8_t *conditions = c + offsets[0];
    const char *as = nnk_after(a, offsets[1], element_bytes), *bs = nnk_after(b, offsets[2], element_bytes);
    if (plain) {
      nnk_where(element_bytes, conditions, as, a_step, bs, b_step, out, (size_t)n);
    } else {
      for (ptrdiff_t i = 0; i < n; i++)
        choose_one(element_bytes, out + i * (ptrdiff_t)element_bytes, conditions[i * c_step],
                   as + i * a_step * (ptrdiff_t)element_bytes, bs + i * b_step * (ptrdiff_t)element_bytes);
    }
    out += n * (ptrdiff_t)element_bytes;
  } while (next_place(&walk, 1, place, 3, offsets));
  return true;
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
