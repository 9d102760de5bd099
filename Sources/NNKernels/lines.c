// Elements by index along an axis: each line of the indices picks from, writes to or adds to its own line.
#include "spread.h"

/// Nanoseconds for an element, about.
static const double COST = 1;

enum action { PICK, WRITE, ADD };

/// x and y are the operands of the action; the indexed one has lines of `axis`, the other and the indices lines of `n`.
struct lines {
  enum action action;
  nnk_type type, index_type;
  size_t bytes;
  const char *x;
  char *y;
  const void *indices;
  long x_step, outer, axis, n, inner;
};

static inline long index_at(nnk_type type, const void *indices, long i, long size) {
  const long index = type == NNK_I32   ? ((const int32_t *)indices)[i]
                     : type == NNK_I64 ? ((const int64_t *)indices)[i]
                                       : ((const uint8_t *)indices)[i];
  return index < 0 ? index + size : index;
}

/// Columns begin ..< end of one item of the outer axis, row after row of the indices.
#define EACH(BODY)                                                                                          \
  for (long j = 0; j < job->n; j++)                                                                         \
    for (long i = begin; i < end; i++) {                                                                    \
      const long at = (o * job->n + j) * job->inner + i;                                                    \
      const long to = (o * job->axis + index_at(index_type, job->indices, at, job->axis)) * job->inner + i; \
      BODY;                                                                                                 \
    }
#define MOVE(T)                                                                      \
  if (job->action == PICK) {                                                          \
    EACH(((T *)job->y)[at] = ((const T *)job->x)[to])                                 \
  } else {                                                                            \
    EACH(((T *)job->y)[to] = ((const T *)job->x)[at * job->x_step])                   \
  }                                                                                   \
  break;
#define SUM(T, U)                                                                     \
  EACH(((T *)job->y)[to] = (T)((U)((T *)job->y)[to] + (U)((const T *)job->x)[at]))    \
  break;

static inline __attribute__((always_inline)) void move_lines(
    const struct lines *job, const nnk_type index_type, long o, long begin, long end) {
  switch (job->bytes) {
    case 1: MOVE(uint8_t)
    case 4: MOVE(uint32_t)
    default: MOVE(uint64_t)
  }
}

static inline __attribute__((always_inline)) void add_lines(
    const struct lines *job, const nnk_type index_type, long o, long begin, long end) {
  switch (job->type) {
    case NNK_I32: SUM(int32_t, uint32_t)
    case NNK_I64: SUM(int64_t, uint64_t)
    case NNK_F32: SUM(float, float)
    default: SUM(double, double)
  }
}

static void run_item(const struct lines *job, long o, long begin, long end) {
  if (job->action == ADD) {
    switch (job->index_type) {
      case NNK_I32: add_lines(job, NNK_I32, o, begin, end); break;
      case NNK_I64: add_lines(job, NNK_I64, o, begin, end); break;
      default: add_lines(job, NNK_U8, o, begin, end); break;
    }
  } else {
    switch (job->index_type) {
      case NNK_I32: move_lines(job, NNK_I32, o, begin, end); break;
      case NNK_I64: move_lines(job, NNK_I64, o, begin, end); break;
      default: move_lines(job, NNK_U8, o, begin, end); break;
    }
  }
}

static void run_outer(void *context, long chunk, long chunks) {
  const struct lines *job = context;
  const long begin = nnk_chunk_begin(job->outer, 1, chunk, chunks), end = nnk_chunk_begin(job->outer, 1, chunk + 1, chunks);
  for (long o = begin; o < end; o++) run_item(job, o, 0, job->inner);
}

static void run_columns(void *context, long chunk, long chunks) {
  const struct lines *job = context;
  const long begin = nnk_chunk_begin(job->inner, 16, chunk, chunks), end = nnk_chunk_begin(job->inner, 16, chunk + 1, chunks);
  for (long o = 0; o < job->outer; o++) run_item(job, o, begin, end);
}

static ptrdiff_t run(struct lines *job) {
  const long count = job->outer * job->n * job->inner;
  const ptrdiff_t checked = nnk_check_indices(job->index_type, job->indices, (size_t)count, -job->axis, job->axis);
  if (checked != NNK_INDICES_OK || count == 0) return checked;
  const double nanoseconds = (double)count * COST;
  const bool by_columns = job->outer < 8 && job->inner >= 64;
  const long chunks = nnk_chunks(nanoseconds, by_columns ? (job->inner + 15) / 16 : job->outer);
  if (chunks == 1) {
    run_outer(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, by_columns ? run_columns : run_outer, job);
  }
  return NNK_INDICES_OK;
}

ptrdiff_t nnk_gather_axis(
    size_t element_bytes, const void *x, nnk_type index_type, const void *indices, void *y, size_t outer, size_t axis, size_t n,
    size_t inner) {
  struct lines job = {PICK, NNK_F32, index_type, element_bytes, x, y, indices, 1, (long)outer, (long)axis, (long)n, (long)inner};
  return run(&job);
}

ptrdiff_t nnk_scatter_axis(
    size_t element_bytes, const void *x, ptrdiff_t x_step, nnk_type index_type, const void *indices, void *y, size_t outer,
    size_t axis, size_t n, size_t inner) {
  struct lines job = {WRITE, NNK_F32,    index_type, element_bytes, x,       y,          indices,
                      x_step, (long)outer, (long)axis, (long)n,      (long)inner};
  return run(&job);
}

ptrdiff_t nnk_scatter_add_axis(
    nnk_type type, const void *x, nnk_type index_type, const void *indices, void *y, size_t outer, size_t axis, size_t n,
    size_t inner) {
  if (type < NNK_I32) return NNK_INDICES_BAD_TYPE;
  struct lines job = {ADD, type, index_type, nnk_type_bytes(type), x, y, indices, 1, (long)outer, (long)axis, (long)n, (long)inner};
  return run(&job);
}
