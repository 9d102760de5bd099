// Dense linear algebra on batches: copies each matrix to f64, runs the chosen instruction set's kernel, copies back.
#include "spread.h"

/// One call: what to do with an item, and where everything is.
struct matrix_job {
  const struct nnk_table *table;
  nnk_type type;
  long batch, m, n, k;
  const char *a, *b;
  char *x, *y;
  nnk_triangle triangle;
  /// Works on one item in `scratch`; false if the item has no result.
  bool (*run)(const struct matrix_job *job, long item, double *scratch);
  double *scratch;
  long scratch_each;
  _Atomic long first_bad;
};

/// Chunks have scratch of their own, so there are few.
enum { MOST_CHUNKS = 16 };

// MARK: Copies

static void load(const struct matrix_job *job, const char *from, long first, double *to, long count) {
  if (job->type == NNK_F64) {
    memcpy(to, from + 8 * first, 8 * (size_t)count);
  } else {
    nnk_cast(NNK_F32, from + 4 * first, NNK_F64, to, (size_t)count);
  }
}

static void store(const struct matrix_job *job, const double *from, char *to, long first, long count) {
  if (job->type == NNK_F64) {
    memcpy(to + 8 * first, from, 8 * (size_t)count);
  } else {
    nnk_cast(NNK_F64, from, NNK_F32, to + 4 * first, (size_t)count);
  }
}

/// Multiplies by the power of two that brings the largest magnitude to at least 0.5 and under 1, so that squares neither
/// overflow nor vanish; gives the power that goes back. NaN where not all numbers are finite.
static double normalize(double *a, long count) {
  double largest = 0;
  bool is_finite = true;
  for (long i = 0; i < count; i++) {
    const double size = __builtin_fabs(a[i]);
    is_finite &= size < __builtin_inf();
    largest = size > largest ? size : largest;
  }
  if (!is_finite) return __builtin_nan("");
  if (largest == 0) return 1;
  uint64_t bits;
  memcpy(&bits, &largest, 8);
  const int exponent = (int)(bits >> 52) - 1022;  // subnormal numbers come as near as they can
  const uint64_t half = (uint64_t)(1023 - exponent / 2) << 52, rest = (uint64_t)(1023 - (exponent - exponent / 2)) << 52;
  const uint64_t back_half = (uint64_t)(1023 + exponent / 2) << 52, back_rest = (uint64_t)(1023 + exponent - exponent / 2) << 52;
  double first, second, back_first, back_second;
  memcpy(&first, &half, 8);
  memcpy(&second, &rest, 8);
  memcpy(&back_first, &back_half, 8);
  memcpy(&back_second, &back_rest, 8);
  for (long i = 0; i < count; i++) a[i] = a[i] * first * second;
  return back_first * back_second;
}

static void fill_nan(double *p, long count) {
  for (long i = 0; i < count; i++) p[i] = __builtin_nan("");
}

/// The sign that makes a vector's largest element (of equal ones, up to rounding, the first) positive.
static double orientation(const double *v, long n) {
  double largest = 0;
  for (long i = 0; i < n; i++) largest = __builtin_fabs(v[i]) > largest ? __builtin_fabs(v[i]) : largest;
  for (long i = 0; i < n; i++)
    if (__builtin_fabs(v[i]) >= largest * (1 - 1e-6)) return v[i] < 0 ? -1 : 1;
  return 1;
}

// MARK: Spreading a batch

static void run_items(void *context, long chunk, long chunks) {
  struct matrix_job *job = context;
  const long begin = nnk_chunk_begin(job->batch, 1, chunk, chunks), end = nnk_chunk_begin(job->batch, 1, chunk + 1, chunks);
  double *scratch = job->scratch + chunk * job->scratch_each;
  for (long item = begin; item < end && !nnk_cancelled(); item++) {
    if (job->run(job, item, scratch)) continue;
    long lowest = atomic_load(&job->first_bad);
    while ((lowest < 0 || item < lowest) && !atomic_compare_exchange_weak(&job->first_bad, &lowest, item)) continue;
    return;
  }
}

/// Runs all items, which take about `terms` multiply-adds (none: they are empty) and `scratch` numbers of memory each.
static ptrdiff_t run_matrices(struct matrix_job *job, double terms, long scratch) {
  if (job->batch == 0 || terms == 0) return NNK_LINALG_DONE;
  job->table = nnk_kernels();
  job->first_bad = NNK_LINALG_DONE;
  job->scratch_each = (scratch + 7) & ~7L;
  const double nanoseconds = (double)job->batch * (200 + terms * 3 / job->table->lanes);
  const long most = job->batch < MOST_CHUNKS ? job->batch : MOST_CHUNKS, chunks = nnk_chunks(nanoseconds, most);
  job->scratch = nnk_block_alloc((size_t)chunks * (size_t)job->scratch_each * sizeof(double));
  if (job->scratch == NULL) return NNK_LINALG_NO_MEMORY;
  if (chunks == 1) {
    run_items(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_items, job);
  }
  nnk_block_release(job->scratch);
  return job->first_bad;
}

static double cube(long n) { return (double)n * (double)n * (double)n; }

// MARK: Equations

/// x = a^-1 b (or a^-T b) in place from the factors of a.
static void solve_factored(
    const struct matrix_job *job, const double *lu, const int32_t *pivots, double *x, long k, double *scratch) {
  const long n = job->n;
  const bool transposed = job->triangle.transposed;
  for (long i = 0; i < n && !transposed; i++)
    for (long c = 0; c < k && pivots[i] != i; c++) {
      const double t = x[i * k + c];
      x[i * k + c] = x[pivots[i] * k + c];
      x[pivots[i] * k + c] = t;
    }
  const long row = transposed ? 1 : n, column = transposed ? n : 1;
  job->table->linalg_solve_triangular(lu, row, column, true, !transposed, x, n, k, scratch);
  job->table->linalg_solve_triangular(lu, row, column, false, transposed, x, n, k, scratch);
  for (long i = n - 1; i >= 0 && transposed; i--)
    for (long c = 0; c < k && pivots[i] != i; c++) {
      const double t = x[i * k + c];
      x[i * k + c] = x[pivots[i] * k + c];
      x[pivots[i] * k + c] = t;
    }
}

/// Solves for k columns, those of b or, without one, of the unit matrix.
static bool run_solve(const struct matrix_job *job, long item, double *scratch) {
  const long n = job->n, k = job->k;
  double *a = scratch, *x = a + n * n, *rest = x + n * k;
  int32_t *pivots = (int32_t *)(rest + n * n);
  double sign;
  load(job, job->a, item * n * n, a, n * n);
  if (!job->table->linalg_lu(a, n, pivots, &sign, rest)) return false;
  if (job->b != NULL) {
    load(job, job->b, item * n * k, x, n * k);
  } else {
    for (long i = 0; i < n * n; i++) x[i] = i % (n + 1) == 0;
  }
  solve_factored(job, a, pivots, x, k, rest);
  store(job, x, job->x, item * n * k, n * k);
  return true;
}

static long solve_scratch(long n, long k) { return 2 * n * n + n * k + 48 * n + n; }

ptrdiff_t nnk_inverse(nnk_type type, const void *a, void *y, long batch, long n) {
  struct matrix_job job = {.type = type, .batch = batch, .n = n, .k = n, .a = a, .x = y, .run = run_solve};
  return run_matrices(&job, 2 * cube(n), solve_scratch(n, n));
}

ptrdiff_t nnk_solve(nnk_type type, const void *a, const void *b, void *x, long batch, long n, long k, bool transposed) {
  struct matrix_job job = {
      .type = type, .batch = batch, .n = n, .k = k, .a = a, .b = b, .x = x, .run = run_solve,
      .triangle = {.transposed = transposed}};
  return run_matrices(&job, cube(n) + (double)n * (double)n * (double)k, solve_scratch(n, k));
}

static bool run_triangular(const struct matrix_job *job, long item, double *scratch) {
  const long n = job->n, k = job->k;
  double *t = scratch, *x = t + n * n, *rest = x + n * k;
  load(job, job->a, item * n * n, t, n * n);
  for (long i = 0; i < n && !job->triangle.unit; i++)
    if (t[i * n + i] == 0) return false;
  load(job, job->b, item * n * k, x, n * k);
  const bool transposed = job->triangle.transposed;
  job->table->linalg_solve_triangular(
      t, transposed ? 1 : n, transposed ? n : 1, job->triangle.lower != transposed, job->triangle.unit, x, n, k, rest);
  store(job, x, job->x, item * n * k, n * k);
  return true;
}

ptrdiff_t nnk_solve_triangular(
    nnk_type type, const void *t, const void *b, void *x, long batch, long n, long k, nnk_triangle triangle) {
  struct matrix_job job = {
      .type = type, .batch = batch, .n = n, .k = k, .a = t, .b = b, .x = x, .run = run_triangular, .triangle = triangle};
  return run_matrices(&job, (double)n * (double)n * (double)k, n * n + n * k + 48 * n);
}

// MARK: Determinants

/// The determinant to y or, where there is x, its sign to x and its logarithm to y.
static bool run_determinant(const struct matrix_job *job, long item, double *scratch) {
  const long n = job->n;
  double *a = scratch, *rest = a + n * n, sign, logs = 0;
  int32_t *pivots = (int32_t *)(rest + n * n);
  load(job, job->a, item * n * n, a, n * n);
  job->table->linalg_lu(a, n, pivots, &sign, rest);
  double product = sign;
  for (long i = 0; i < n; i++) {
    const double pivot = a[i * n + i];
    product *= pivot;
    logs += nnk_unary_f64(NNK_LOG, __builtin_fabs(pivot));
    sign = pivot < 0 ? -sign : pivot > 0 ? sign : sign * pivot;
  }
  if (job->x != NULL) store(job, &sign, job->x, item, 1);
  store(job, job->x != NULL ? &logs : &product, job->y, item, 1);
  return true;
}

ptrdiff_t nnk_log_determinant(nnk_type type, const void *a, void *sign, void *logs, long batch, long n) {
  struct matrix_job job = {.type = type, .batch = batch, .n = n, .a = a, .x = sign, .y = logs, .run = run_determinant};
  return run_matrices(&job, cube(n) / 3 + 1, 2 * n * n + n);
}

ptrdiff_t nnk_determinant(nnk_type type, const void *a, void *y, long batch, long n) {
  struct matrix_job job = {.type = type, .batch = batch, .n = n, .a = a, .y = y, .run = run_determinant};
  return run_matrices(&job, cube(n) / 3 + 1, 2 * n * n + n);
}

// MARK: Factorizations

static bool run_cholesky(const struct matrix_job *job, long item, double *scratch) {
  const long n = job->n;
  // In f64 the result is made where it belongs.
  double *l = job->type == NNK_F64 ? (double *)job->y + item * n * n : scratch + 48 * n;
  load(job, job->a, item * n * n, l, n * n);
  if (!job->table->linalg_cholesky(l, n, scratch)) return false;
  if (job->type != NNK_F64) store(job, l, job->y, item * n * n, n * n);
  return true;
}

ptrdiff_t nnk_cholesky(nnk_type type, const void *a, void *l, long batch, long n) {
  struct matrix_job job = {.type = type, .batch = batch, .n = n, .a = a, .y = l, .run = run_cholesky};
  return run_matrices(&job, cube(n) / 3, 48 * n + (type == NNK_F64 ? 0 : n * n));
}

static bool run_qr(const struct matrix_job *job, long item, double *scratch) {
  const long m = job->m, n = job->n, k = job->k;
  double *a = scratch, *q = a + m * n, *rest = q + m * k;
  load(job, job->a, item * m * n, a, m * n);
  const double scale = normalize(a, m * n);
  if (scale == scale) {
    job->table->linalg_qr(a, q, m, n, rest);
    for (long i = 0; i < k * n; i++) a[i] *= scale;
  } else {
    fill_nan(a, k * n);
    fill_nan(q, m * k);
  }
  store(job, q, job->x, item * m * k, m * k);
  store(job, a, job->y, item * k * n, k * n);
  return true;
}

static long smaller(long a, long b) { return a < b ? a : b; }

ptrdiff_t nnk_qr(nnk_type type, const void *a, void *q, void *r, long batch, long m, long n) {
  const long k = smaller(m, n);
  struct matrix_job job = {.type = type, .batch = batch, .m = m, .n = n, .k = k, .a = a, .x = q, .y = r, .run = run_qr};
  return run_matrices(&job, 4 * (double)m * (double)n * (double)k, m * n + 2 * m * k + k + m + n);
}

static bool run_eigh(const struct matrix_job *job, long item, double *scratch) {
  const long n = job->n;
  double *a = scratch, *z = a + n * n, *y = z + n * n, *rest = y + (n + 1) * n;
  load(job, job->a, item * n * n, a, n * n);
  const double scale = normalize(a, n * n);
  if (scale == scale && n > 0) {
    if (!job->table->linalg_eigh(a, y + n * n, z, n, rest)) return nnk_cancelled();
    for (long i = 0; i < n; i++) {
      const double sign = orientation(z + i * n, n);
      y[n * n + i] *= scale;
      for (long j = 0; j < n; j++) y[j * n + i] = sign * z[i * n + j];
    }
  } else {
    fill_nan(y, (n + 1) * n);
  }
  store(job, y, job->y, item * (n + 1) * n, (n + 1) * n);
  return true;
}

ptrdiff_t nnk_eigh(nnk_type type, const void *a, void *y, long batch, long n) {
  struct matrix_job job = {.type = type, .batch = batch, .n = n, .a = a, .y = y, .run = run_eigh};
  return run_matrices(&job, 9 * cube(n), 4 * n * n + n + 3 * (4096 + 2 * n) + 5 * n);
}

/// The rows that are made orthogonal are a's columns, or its rows where there are fewer.
static bool run_svd(const struct matrix_job *job, long item, double *scratch) {
  const long m = job->m, n = job->n, k = job->k, long_side = m < n ? n : m;
  double *a = scratch, *w = a + m * n, *g = w + m * n, *y = g + k * k, *rest = y + (m + n + 1) * k;
  load(job, job->a, item * m * n, a, m * n);
  const double scale = normalize(a, m * n);
  if (scale == scale && k > 0) {
    for (long i = 0; i < m; i++)
      for (long j = 0; j < n; j++) w[m < n ? i * n + j : j * m + i] = a[i * n + j];
    if (!job->table->linalg_svd(w, y + (m + n) * k, g, k, long_side, rest)) return nnk_cancelled();
    const double *u = m < n ? g : w, *v = m < n ? w : g;
    for (long j = 0; j < k; j++) {
      const double sign = orientation(u + j * m, m);
      y[(m + n) * k + j] *= scale;
      for (long i = 0; i < m; i++) y[i * k + j] = sign * u[j * m + i];
      for (long i = 0; i < n; i++) y[(m + i) * k + j] = sign * v[j * n + i];
    }
  } else {
    fill_nan(y, (m + n + 1) * k);
  }
  store(job, y, job->y, item * (m + n + 1) * k, (m + n + 1) * k);
  return true;
}

ptrdiff_t nnk_svd(nnk_type type, const void *a, void *y, long batch, long m, long n) {
  const long k = smaller(m, n), large = m < n ? n : m;
  struct matrix_job job = {.type = type, .batch = batch, .m = m, .n = n, .k = k, .a = a, .y = y, .run = run_svd};
  const long rest = 3 * k * large + 4 * k * k + 4 * k + 2 * large;
  return run_matrices(&job, 20 * (double)m * (double)n * (double)k, 2 * m * n + k * k + (m + n + 1) * k + rest);
}
