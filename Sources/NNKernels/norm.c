// Norms of rows: measured by the loops of reductions a few rows at a time, then normalized while they are in the cache.
#include "sequence_table.h"

#pragma STDC FP_CONTRACT OFF

/// Nanoseconds for an f32 element on AVX-512, about.
static const double FORWARD_COST = 0.1, BACKWARD_COST = 0.2;

enum {
  BLOCK_ROWS = 64,         // most rows that are measured together
  BLOCK_ELEMENTS = 4096,   // and about how many elements
  MAX_PARTS = 64,          // of the sums over rows
  PART_ELEMENTS = 16384,   // each at least this many
};

struct norm_job {
  nnk_type type;
  const char *g, *x;
  const void *weight, *bias;
  char *y;                      ///< or dx
  char *means, *scales;         ///< of all rows: to be filled in forward, given back; may be NULL
  char *partial;                ///< [parts, 2, cols]: sums for the weight and for the bias, or NULL
  bool wants_weight, wants_bias;
  long rows, cols, bytes;
  double epsilon;
  bool centred;
};

/// The mean of some rows (unless it counts as 0), then 1 / sqrt(variance + epsilon) in `scales`.
static void measure_rows(const struct norm_job *job, const void *x, long rows, void *means, void *scales) {
  const struct nnk_math_table *table = nnk_math();
  const long cols = job->cols;
  if (job->centred) table->reduce_rows[NNK_SUM][job->type](x, cols, rows, cols, NULL, means);
  for (long r = 0; r < rows && job->centred; r++) {
    if (job->type == NNK_F32) ((float *)means)[r] /= (float)cols;
    else ((double *)means)[r] /= (double)cols;
  }
  table->reduce_rows[NNK_REDUCE_COUNT][job->type](x, cols, rows, cols, job->centred ? means : NULL, scales);
  for (long r = 0; r < rows; r++) {
    if (job->type == NNK_F32) ((float *)scales)[r] = ((float *)scales)[r] / (float)cols + (float)job->epsilon;
    else ((double *)scales)[r] = ((double *)scales)[r] / (double)cols + job->epsilon;
  }
  table->unary[NNK_RSQRT][job->type](scales, scales, rows);
}

/// How many rows are measured together.
static long block_rows(const struct norm_job *job) {
  const long rows = BLOCK_ELEMENTS / job->cols;
  return rows < 1 ? 1 : rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
}

static void run_norm(void *context, long chunk, long chunks) {
  const struct norm_job *job = context;
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  const long block = block_rows(job), row_bytes = job->cols * job->bytes;
  const nnk_normalize_loop normalize = nnk_sequences()->normalize[job->type];
  double own_means[BLOCK_ROWS], own_scales[BLOCK_ROWS];
  for (long r = begin; r < end; r += block) {
    const long rows = end - r < block ? end - r : block;
    void *means = job->means == NULL ? own_means : (void *)(job->means + r * job->bytes);
    void *scales = job->scales == NULL ? own_scales : (void *)(job->scales + r * job->bytes);
    measure_rows(job, job->x + r * row_bytes, rows, means, scales);
    normalize(job->x + r * row_bytes, job->centred ? means : NULL, scales, job->weight, job->bias, job->y + r * row_bytes, rows,
              job->cols);
  }
}

/// Runs a job in chunks of rows.
static void spread_norm(nnk_job run, struct norm_job *job, long chunks, double nanoseconds) {
  if (chunks == 1) {
    run(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run, job);
  }
}

static double norm_cost(const struct norm_job *job, double cost) {
  return (double)job->rows * (double)job->cols * cost * (job->type == NNK_F64 ? 3 : 1) * nnk_slowness(nnk_math());
}

bool nnk_row_norm(
    nnk_type type, const void *x, const void *weight, const void *bias, void *y, void *means, void *scales, size_t rows, size_t cols,
    double epsilon, bool centred) {
  if (type != NNK_F32 && type != NNK_F64) return false;
  if (rows * cols == 0) return true;
  struct norm_job job = {.type = type, .x = x, .weight = weight, .bias = bias, .y = y, .means = means, .scales = scales,
                         .rows = (long)rows, .cols = (long)cols,
                         .bytes = (long)nnk_type_bytes(type), .epsilon = epsilon, .centred = centred};
  const double nanoseconds = norm_cost(&job, FORWARD_COST);
  spread_norm(run_norm, &job, nnk_chunks(nanoseconds, job.rows), nanoseconds);
  return true;
}

// MARK: Back

/// One part of the rows, with sums of its own; the parts depend on the shape alone.
static void run_norm_grad(void *context, long part, long parts) {
  const struct norm_job *job = context;
  const long begin = nnk_chunk_begin(job->rows, 1, part, parts), end = nnk_chunk_begin(job->rows, 1, part + 1, parts);
  const long block = block_rows(job), row_bytes = job->cols * job->bytes;
  char *sums = job->partial == NULL ? NULL : job->partial + part * 2 * row_bytes;
  if (sums != NULL) memset(sums, 0, (size_t)(2 * row_bytes));
  struct nnk_norm_grad step = {.weight = job->weight, .cols = job->cols, .dw = job->wants_weight ? sums : NULL,
                               .db = job->wants_bias ? sums + row_bytes : NULL};
  for (long r = begin; r < end; r += block) {
    step.rows = end - r < block ? end - r : block;
    step.x = job->x + r * row_bytes;
    step.g = job->g + r * row_bytes;
    step.dx = job->y == NULL ? NULL : job->y + r * row_bytes;
    step.means = job->means == NULL ? NULL : job->means + r * job->bytes;
    step.scales = job->scales + r * job->bytes;
    nnk_sequences()->norm_grad[job->type](&step);
  }
}

/// Adds the parts' sums in order.
static void join_parts(const struct norm_job *job, long parts, long which, void *result) {
  if (result == NULL) return;
  const long row_bytes = job->cols * job->bytes;
  const char *first = job->partial + which * row_bytes;
  nnk_math()->reduce_columns[NNK_SUM][job->type](first, 2 * job->cols, parts, job->cols, NULL, true, result);
}

bool nnk_row_norm_grad(
    nnk_type type, const void *g, const void *x, const void *weight, const void *means, const void *scales, void *dx, void *dweight,
    void *dbias, size_t rows, size_t cols) {
  if (type != NNK_F32 && type != NNK_F64) return false;
  const size_t bytes = nnk_type_bytes(type);
  if (rows * cols == 0) {
    if (dweight != NULL) memset(dweight, 0, cols * bytes);
    if (dbias != NULL) memset(dbias, 0, cols * bytes);
    return true;
  }
  struct norm_job job = {.type = type, .g = g, .x = x, .weight = weight, .y = dx, .means = (char *)means,
                         .scales = (char *)scales, .rows = (long)rows, .cols = (long)cols, .bytes = (long)bytes,
                         .wants_weight = dweight != NULL, .wants_bias = dbias != NULL};
  long parts = (long)(rows * cols / PART_ELEMENTS);
  parts = parts < 1 ? 1 : parts > MAX_PARTS ? MAX_PARTS : parts;
  if (parts > (long)rows) parts = (long)rows;
  if (dweight != NULL || dbias != NULL) {
    job.partial = nnk_block_alloc((size_t)parts * 2 * cols * bytes);
    if (job.partial == NULL) return false;
  }
  spread_norm(run_norm_grad, &job, parts, norm_cost(&job, BACKWARD_COST));
  join_parts(&job, parts, 0, dweight);
  join_parts(&job, parts, 1, dbias);
  nnk_block_release(job.partial);
  return true;
}
