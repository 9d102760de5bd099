// Running totals along an axis: cuts lines and columns into chunks that depend on the shape only.
#include "spread.h"

/// Elements of one part of a long line, and columns of one tile.
enum { PART = 65536, TILE = 256 };

/// Nanoseconds for an element, about.
static const double COST = 0.5;

struct scan {
  nnk_type type;
  const char *x;
  char *y;
  long outer, axis, inner, bytes;
  bool reversed;
  bool multiplies;
  double *carries;  ///< of a long line: for each part the sum of those before it
};

/// Products and integer sums, one element after the other; `step` elements apart.
#define PLAIN_SCAN(T, TOTAL, EXPR)                                       \
  {                                                                      \
    TOTAL t = (TOTAL)(job->multiplies ? 1 : 0);                          \
    for (long r = 0; r < job->axis; r++) {                               \
      if (r % PART == PART - 1 && nnk_cancelled()) return;               \
      const long at = (job->reversed ? job->axis - 1 - r : r) * job->inner; \
      const TOTAL e = (TOTAL)((const T *)x)[at];                         \
      t = EXPR;                                                          \
      ((T *)y)[at] = (T)t;                                               \
    }                                                                    \
    break;                                                               \
  }
static void scan_plain(const struct scan *job, const char *x, char *y) {
  switch (job->type) {
    case NNK_F32: PLAIN_SCAN(float, double, t * e)
    case NNK_F64: PLAIN_SCAN(double, double, t * e)
    default: PLAIN_SCAN(int64_t, uint64_t, job->multiplies ? t * e : t + e)
  }
}

static void run_plain(void *context, long chunk, long chunks) {
  const struct scan *job = context;
  const long lines = job->outer * job->inner;
  const long begin = nnk_chunk_begin(lines, 1, chunk, chunks), end = nnk_chunk_begin(lines, 1, chunk + 1, chunks);
  for (long line = begin; line < end; line++) {
    const long at = (line / job->inner * job->axis * job->inner + line % job->inner) * job->bytes;
    scan_plain(job, job->x + at, job->y + at);
  }
}

static double sum_row(const struct scan *job, const char *x, char *y, long n, double carry) {
  const struct nnk_table *table = nnk_kernels();
  if (job->type == NNK_F32) return table->cumsum_row_f32((const float *)x, (float *)y, n, carry, job->reversed);
  return table->cumsum_row_f64((const double *)x, (double *)y, n, carry, job->reversed);
}

static void run_rows(void *context, long chunk, long chunks) {
  const struct scan *job = context;
  const long begin = nnk_chunk_begin(job->outer, 1, chunk, chunks), end = nnk_chunk_begin(job->outer, 1, chunk + 1, chunks);
  const long bytes = job->axis * job->bytes;
  for (long o = begin; o < end; o++) sum_row(job, job->x + o * bytes, job->y + o * bytes, job->axis, -0.0);
}

/// Tiles of columns; a chunk has whole tiles.
static void run_columns(void *context, long chunk, long chunks) {
  const struct scan *job = context;
  const struct nnk_table *table = nnk_kernels();
  const long tiles = (job->inner + TILE - 1) / TILE, all = job->outer * tiles;
  const long begin = nnk_chunk_begin(all, 1, chunk, chunks), end = nnk_chunk_begin(all, 1, chunk + 1, chunks);
  for (long k = begin; k < end; k++) {
    const long first = k % tiles * TILE, cols = job->inner - first < TILE ? job->inner - first : TILE;
    const long at = (k / tiles * job->axis * job->inner + first) * job->bytes;
    if (job->type == NNK_F32) {
      table->cumsum_columns_f32((const float *)(job->x + at), (float *)(job->y + at), job->inner, job->axis, cols, job->reversed);
    } else {
      table->cumsum_columns_f64((const double *)(job->x + at), (double *)(job->y + at), job->inner, job->axis, cols, job->reversed);
    }
  }
}

// MARK: One long line: the sums of its parts first, then each part on top of those before it

static long part_begin(const struct scan *job, long part, long *n) {
  const long begin = part * PART;
  *n = job->axis - begin < PART ? job->axis - begin : PART;
  return job->reversed ? job->axis - begin - *n : begin;
}

static void run_part_sum(void *context, long part, long parts) {
  (void)parts;
  const struct scan *job = context;
  long n;
  const long begin = part_begin(job, part, &n);
  job->carries[part] = sum_row(job, job->x + begin * job->bytes, NULL, n, -0.0);
}

static void run_part(void *context, long part, long parts) {
  (void)parts;
  const struct scan *job = context;
  long n;
  const long begin = part_begin(job, part, &n);
  sum_row(job, job->x + begin * job->bytes, job->y + begin * job->bytes, n, job->carries[part]);
}

static bool scan_long_line(struct scan line) {
  const long parts = (line.axis + PART - 1) / PART;
  line.carries = nnk_block_alloc((size_t)parts * sizeof(double));
  if (line.carries == NULL) return false;
  nnk_parallel_sized(parts, (double)line.axis * COST, run_part_sum, &line);
  double carry = -0.0;
  for (long part = 0; part < parts; part++) {
    const double sum = line.carries[part];
    line.carries[part] = carry;
    carry += sum;
  }
  nnk_parallel_sized(parts, (double)line.axis * COST, run_part, &line);
  nnk_block_release(line.carries);
  return true;
}

// MARK: Choosing

static void spread(nnk_job run, struct scan *job, long most, double cost) {
  const double nanoseconds = (double)job->outer * (double)job->axis * (double)job->inner * cost;
  const long chunks = nnk_chunks(nanoseconds, most);
  if (chunks == 1) {
    run(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run, job);
  }
}

bool nnk_cumulative(
    nnk_reduce_op op, nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner, bool reversed) {
  if (type < NNK_I64 || (op != NNK_SUM && op != NNK_PROD)) return false;
  struct scan job = {type, x, y, (long)outer, (long)axis, (long)inner, (long)nnk_type_bytes(type), reversed, op == NNK_PROD, NULL};
  if (outer * axis * inner == 0) return true;
  if (op == NNK_PROD || type == NNK_I64) {
    spread(run_plain, &job, job.outer * job.inner, 4 * COST);
  } else if (inner > 1) {
    spread(run_columns, &job, job.outer * ((job.inner + TILE - 1) / TILE), COST);
  } else if (axis <= PART) {
    spread(run_rows, &job, job.outer, COST);
  } else {
    for (long o = 0; o < job.outer; o++) {
      struct scan line = job;
      line.x += o * job.axis * job.bytes;
      line.y += o * job.axis * job.bytes;
      if (!scan_long_line(line)) return false;
    }
  }
  return true;
}
