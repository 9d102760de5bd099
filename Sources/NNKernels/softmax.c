// Softmax and its kin: rows in chunks, other axes through small transposed tiles, losses summed in a fixed order.
#include "spread.h"

/// Nanoseconds for an f32 element on AVX-512, about.
static const double COST = 0.4;

/// Rows whose maxima, sums and losses are held at once.
enum { ROW_BLOCK = 128 };

enum soft_kind { SOFTMAX, LOG_SOFTMAX, LOGSUMEXP, SOFTMAX_GRAD, LOG_SOFTMAX_GRAD };

struct soft_job {
  enum soft_kind kind;
  nnk_type type;
  const struct nnk_math_table *table;
  const char *x, *saved;  ///< the input (of gradients: g), and the saved output of gradients
  char *y;
  long outer, axis, inner;
  long tile;              ///< columns of `inner` that are transposed at once
  char *scratch;          ///< three tiles for each chunk
  size_t bytes;
};

// MARK: Rows

/// log(sum) in place of the sums, largest + log(sum) where asked; rows of -inf and inf keep those.
static void finish_logsumexp(const struct soft_job *job, const void *largest, void *sums, void *y, long rows) {
  job->table->unary[NNK_LOG][job->type](sums, sums, rows);
  if (y == NULL) return;
  for (long r = 0; r < rows; r++) {
    if (job->type == NNK_F32) {
      const float top = ((const float *)largest)[r];
      ((float *)y)[r] = top - top == 0 ? top + ((const float *)sums)[r] : top;
    } else {
      const double top = ((const double *)largest)[r];
      ((double *)y)[r] = top - top == 0 ? top + ((const double *)sums)[r] : top;
    }
  }
}

/// Some rows of `axis` elements each, from dense memory to dense memory.
static void soft_rows(const struct soft_job *job, const void *x, const void *saved, void *y, long rows) {
  const struct nnk_math_table *table = job->table;
  const nnk_type type = job->type;
  const long cols = job->axis;
  switch (job->kind) {
    case SOFTMAX: table->softmax[type](x, y, rows, cols, NULL, NULL); return;
    case SOFTMAX_GRAD: table->softmax_grad[type](x, saved, y, rows, cols); return;
    case LOG_SOFTMAX_GRAD: table->log_softmax_grad[type](x, saved, y, rows, cols); return;
    case LOG_SOFTMAX: case LOGSUMEXP: break;
  }
  double largest[ROW_BLOCK], sums[ROW_BLOCK];
  const size_t y_row = (job->kind == LOGSUMEXP ? 1 : (size_t)cols) * job->bytes;
  for (long r = 0; r < rows; r += ROW_BLOCK) {
    const long count = rows - r < ROW_BLOCK ? rows - r : ROW_BLOCK;
    const void *from = nnk_after(x, r * cols, job->bytes);
    void *to = (char *)y + (size_t)r * y_row;
    table->softmax[type](from, NULL, count, cols, largest, sums);
    finish_logsumexp(job, largest, sums, job->kind == LOGSUMEXP ? to : NULL, count);
    if (job->kind == LOG_SOFTMAX) table->log_softmax[type](from, to, count, cols, largest, sums);
  }
}

static void run_soft_rows(void *context, long chunk, long chunks) {
  const struct soft_job *job = context;
  const long begin = nnk_chunk_begin(job->outer, 1, chunk, chunks), end = nnk_chunk_begin(job->outer, 1, chunk + 1, chunks);
  const long row = job->axis * (long)job->bytes, y_row = job->kind == LOGSUMEXP ? (long)job->bytes : row;
  soft_rows(job, job->x + begin * row, job->saved == NULL ? NULL : job->saved + begin * row, job->y + begin * y_row, end - begin);
}

// MARK: Another axis

/// A tile of columns: transposed to rows, worked on, transposed back.
static void soft_tile(const struct soft_job *job, long o, long begin, long width, char *in, char *saved, char *out) {
  const nnk_transpose_loop transpose = job->table->transpose[job->bytes];
  const long place = (o * job->axis * job->inner + begin) * (long)job->bytes;
  transpose(job->x + place, job->inner, in, job->axis, job->axis, width);
  if (job->saved != NULL) transpose(job->saved + place, job->inner, saved, job->axis, job->axis, width);
  soft_rows(job, in, saved, out, width);
  if (job->kind == LOGSUMEXP) {
    memcpy(job->y + (o * job->inner + begin) * (long)job->bytes, out, (size_t)width * job->bytes);
  } else {
    transpose(out, job->axis, job->y + place, job->inner, width, job->axis);
  }
}

static void run_soft_tiles(void *context, long chunk, long chunks) {
  const struct soft_job *job = context;
  const long across = (job->inner + job->tile - 1) / job->tile, tiles = job->outer * across;
  const long first = nnk_chunk_begin(tiles, 1, chunk, chunks), end = nnk_chunk_begin(tiles, 1, chunk + 1, chunks);
  const size_t bytes = (size_t)(job->tile * job->axis) * job->bytes;
  char *scratch = job->scratch + (size_t)chunk * 3 * bytes;
  for (long t = first; t < end; t++) {
    const long begin = t % across * job->tile, width = job->inner - begin < job->tile ? job->inner - begin : job->tile;
    soft_tile(job, t / across, begin, width, scratch, scratch + bytes, scratch + 2 * bytes);
  }
}

/// Tiles on at most a few threads' worth of chunks, as each has memory of its own. False when out of memory.
static bool spread_tiles(struct soft_job *job, double nanoseconds) {
  job->tile = job->axis >= 16384 ? 1 : 16384 / job->axis > 64 ? 64 : 16384 / job->axis;
  const long tiles = job->outer * ((job->inner + job->tile - 1) / job->tile);
  const long chunks = nnk_chunks(nanoseconds, tiles < 16 ? tiles : 16);
  job->scratch = nnk_block_alloc((size_t)chunks * 3 * (size_t)(job->tile * job->axis) * job->bytes);
  if (job->scratch == NULL) return false;
  nnk_parallel_sized(chunks, nanoseconds, run_soft_tiles, job);
  nnk_block_release(job->scratch);
  return true;
}

static bool run_soft(
    enum soft_kind kind, nnk_type type, const void *x, const void *saved, void *y, size_t outer, size_t axis, size_t inner) {
  const struct nnk_math_table *table = nnk_math();
  if (table->softmax[type] == NULL) return false;
  if (outer * axis * inner == 0) return kind == LOGSUMEXP ? nnk_fill(type, -__builtin_inf(), y, outer * inner) : true;
  struct soft_job job = {
      .kind = kind, .type = type, .table = table, .x = x, .saved = saved, .y = y,
      .outer = (long)outer, .axis = (long)axis, .inner = (long)inner, .bytes = nnk_type_bytes(type)};
  const double nanoseconds = (double)(outer * axis * inner) * COST * (type == NNK_F64 ? 3 : 1) * nnk_slowness(table);
  if (inner > 1) return spread_tiles(&job, nanoseconds);
  const long chunks = nnk_chunks(nanoseconds, job.outer);
  if (chunks == 1) {
    run_soft_rows(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_soft_rows, &job);
  }
  return true;
}

bool nnk_softmax(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  return run_soft(SOFTMAX, type, x, NULL, y, outer, axis, inner);
}
bool nnk_log_softmax(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  return run_soft(LOG_SOFTMAX, type, x, NULL, y, outer, axis, inner);
}

/// Many columns: their maxima, then the sums of their exponentials, each in one pass over whole rows. False when out of memory.
static bool logsumexp_columns(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  const size_t n = outer * inner, bytes = nnk_type_bytes(type);
  void *largest = nnk_block_alloc(n * bytes);
  if (largest == NULL) return false;
  nnk_reduce(NNK_MAX, type, x, largest, outer, axis, inner);
  nnk_sum_exponentials(type, x, largest, y, outer, axis, inner);
  const struct soft_job job = {.type = type, .table = nnk_math()};
  finish_logsumexp(&job, largest, y, y, (long)n);
  nnk_block_release(largest);
  return true;
}

bool nnk_logsumexp(nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  enum { MANY = 64 };
  if (inner >= MANY && axis > 0 && outer > 0 && type >= NNK_F32) return logsumexp_columns(type, x, y, outer, axis, inner);
  return run_soft(LOGSUMEXP, type, x, NULL, y, outer, axis, inner);
}
bool nnk_softmax_grad(nnk_type type, const void *g, const void *y, void *dx, size_t outer, size_t axis, size_t inner) {
  return run_soft(SOFTMAX_GRAD, type, g, y, dx, outer, axis, inner);
}
bool nnk_log_softmax_grad(nnk_type type, const void *g, const void *y, void *dx, size_t outer, size_t axis, size_t inner) {
  return run_soft(LOG_SOFTMAX_GRAD, type, g, y, dx, outer, axis, inner);
}
