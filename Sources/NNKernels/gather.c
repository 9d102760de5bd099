// Rows by index: gathering, scattering, one-hot rows.
#include "spread.h"

static const double BYTE_COST = 0.04;

// MARK: Indices

/// Index i of an array of i32, i64 or u8.
static inline int64_t index_at(nnk_type type, const void *indices, long i) {
  switch (type) {
    case NNK_I32: return ((const int32_t *)indices)[i];
    case NNK_I64: return ((const int64_t *)indices)[i];
    default: return ((const uint8_t *)indices)[i];
  }
}

/// The row an index means; a negative one counts from the end.
static inline int64_t row_at(nnk_type type, const void *indices, long i, long rows) {
  const int64_t index = index_at(type, indices, i);
  return index < 0 ? index + rows : index;
}

ptrdiff_t nnk_check_indices(nnk_type type, const void *indices, size_t n, int64_t low, int64_t high) {
  if (type != NNK_I32 && type != NNK_I64 && type != NNK_U8) return NNK_INDICES_BAD_TYPE;
  for (long i = 0; i < (long)n; i++) {
    const int64_t index = index_at(type, indices, i);
    if (index < low || index >= high) return i;
  }
  return NNK_INDICES_OK;
}

// MARK: Gathering

struct gather_job {
  const char *src;
  size_t row_bytes;
  long src_rows, n;
  nnk_type index_type;
  const void *indices;
  char *dst;
  float scale;
};

/// How many rows ahead the next source row is fetched.
enum { AHEAD = 2 };

/// Asks for the first lines of a row that will be needed soon; the processor follows from there.
static inline void fetch_row(const struct gather_job *job, long i) {
  if (i >= job->n) return;
  const char *row = job->src + row_at(job->index_type, job->indices, i, job->src_rows) * (int64_t)job->row_bytes;
  const size_t bytes = job->row_bytes < 1024 ? job->row_bytes : 1024;
  for (size_t k = 0; k < bytes; k += 64) __builtin_prefetch(row + k);
}

/// Rows of one element of 4 or 8 bytes.
#define GATHER_ELEMENTS(T)                                                                              \
  for (long i = begin; i < end; i++)                                                                    \
    ((T *)job->dst)[i] = ((const T *)job->src)[row_at(job->index_type, job->indices, i, job->src_rows)]

static void run_gather(void *context, long chunk, long chunks) {
  const struct gather_job *job = context;
  const long begin = nnk_chunk_begin(job->n, 1, chunk, chunks), end = nnk_chunk_begin(job->n, 1, chunk + 1, chunks);
  if (job->row_bytes == 4) {
    GATHER_ELEMENTS(uint32_t);
    return;
  }
  if (job->row_bytes == 8) {
    GATHER_ELEMENTS(uint64_t);
    return;
  }
  for (long i = begin; i < end; i++) {
    fetch_row(job, i + AHEAD);
    const int64_t row = row_at(job->index_type, job->indices, i, job->src_rows);
    memcpy(job->dst + i * (long)job->row_bytes, job->src + row * (int64_t)job->row_bytes, job->row_bytes);
  }
}

static void run_gather_bytes(void *context, long chunk, long chunks) {
  const struct gather_job *job = context;
  const long begin = nnk_chunk_begin(job->n, 1, chunk, chunks), end = nnk_chunk_begin(job->n, 1, chunk + 1, chunks);
  const struct nnk_math_table *table = nnk_math();
  for (long i = begin; i < end; i++) {
    fetch_row(job, i + AHEAD);
    const int64_t row = row_at(job->index_type, job->indices, i, job->src_rows);
    table->scale_bytes((const uint8_t *)job->src + row * (int64_t)job->row_bytes, job->scale,
                       (float *)job->dst + i * (long)job->row_bytes, (long)job->row_bytes);
  }
}

static void spread_rows(nnk_job run, void *job, long n, double nanoseconds) {
  const long chunks = nnk_chunks(nanoseconds, n);
  if (chunks == 1) {
    run(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run, job);
  }
}

ptrdiff_t nnk_gather_rows(
    const void *src, size_t src_rows, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, void *dst) {
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, -(int64_t)src_rows, (int64_t)src_rows);
  if (checked != NNK_INDICES_OK) return checked;
  struct gather_job job = {src, row_bytes, (long)src_rows, (long)n, index_type, indices, dst, 0};
  spread_rows(run_gather, &job, (long)n, (double)n * (double)(row_bytes + 64) * BYTE_COST);
  return NNK_INDICES_OK;
}

ptrdiff_t nnk_gather_rows_u8_f32(
    const uint8_t *src, size_t src_rows, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, float scale, float *dst) {
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, -(int64_t)src_rows, (int64_t)src_rows);
  if (checked != NNK_INDICES_OK) return checked;
  struct gather_job job = {(const char *)src, row_bytes, (long)src_rows, (long)n, index_type, indices, (char *)dst, scale};
  spread_rows(run_gather_bytes, &job, (long)n, (double)n * (double)(row_bytes + 64) * 2 * BYTE_COST);
  return NNK_INDICES_OK;
}

// MARK: Scattering

ptrdiff_t nnk_scatter_rows(
    const void *src, size_t src_step, size_t row_bytes, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows) {
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, -(int64_t)dst_rows, (int64_t)dst_rows);
  if (checked != NNK_INDICES_OK) return checked;
  for (size_t i = 0; i < n; i++)
    memcpy((char *)dst + row_at(index_type, indices, (long)i, (long)dst_rows) * (int64_t)row_bytes,
           (const char *)src + i * src_step * row_bytes, row_bytes);
  return NNK_INDICES_OK;
}

struct scatter_add_job {
  nnk_binary_loop add;
  const char *src;
  long row, n, dst_rows;
  size_t bytes;
  nnk_type index_type;
  const void *indices;
  char *dst;
};

/// Adds all rows of one element.
#define ADD_ELEMENTS(T, SUM)                                                               \
  for (long i = 0; i < job->n; i++) {                                                      \
    T *to = (T *)job->dst + row_at(job->index_type, job->indices, i, job->dst_rows);       \
    *to = (T)((SUM)*to + (SUM)((const T *)job->src)[i]);                                   \
  }                                                                                        \
  break
static void add_elements(const struct scatter_add_job *job, nnk_type type) {
  switch (type) {
    case NNK_F32: ADD_ELEMENTS(float, float);
    case NNK_F64: ADD_ELEMENTS(double, double);
    case NNK_I32: ADD_ELEMENTS(int32_t, uint32_t);
    case NNK_I64: ADD_ELEMENTS(int64_t, uint64_t);
    default: ADD_ELEMENTS(uint8_t, uint32_t);
  }
}

/// A chunk has a range of destination rows and looks through all indices, so that every row adds up in the order of i.
static void run_scatter_add(void *context, long chunk, long chunks) {
  const struct scatter_add_job *job = context;
  const long begin = nnk_chunk_begin(job->dst_rows, 1, chunk, chunks), end = nnk_chunk_begin(job->dst_rows, 1, chunk + 1, chunks);
  const long row_bytes = job->row * (long)job->bytes;
  for (long i = 0; i < job->n; i++) {
    const int64_t place = row_at(job->index_type, job->indices, i, job->dst_rows);
    if (place < begin || place >= end) continue;
    char *to = job->dst + place * row_bytes;
    const struct nnk_binary_part part = {to, job->src + i * row_bytes, to, {0, 1}, {0, 1}, job->row, 1, job->row};
    job->add(&part);
  }
}

ptrdiff_t nnk_scatter_add_rows(
    nnk_type type, const void *src, size_t row, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows) {
  const nnk_binary_loop add = nnk_math()->binary[NNK_ADD][type];
  if (add == NULL) return NNK_INDICES_BAD_TYPE;
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, -(int64_t)dst_rows, (int64_t)dst_rows);
  if (checked != NNK_INDICES_OK || row == 0) return checked;
  struct scatter_add_job job = {add, src, (long)row, (long)n, (long)dst_rows, nnk_type_bytes(type), index_type, indices, dst};
  if (row == 1) {
    add_elements(&job, type);
    return NNK_INDICES_OK;
  }
  const double nanoseconds = (double)n * (4 + (double)row * (double)job.bytes * 2 * BYTE_COST);
  const long rows = (long)dst_rows < 8 ? (long)dst_rows : 8;  // every chunk reads all indices
  spread_rows(run_scatter_add, &job, row * job.bytes >= 256 ? rows : 1, nanoseconds);
  return NNK_INDICES_OK;
}

// MARK: One-hot rows

ptrdiff_t nnk_one_hot(nnk_type type, nnk_type index_type, const void *indices, size_t n, size_t classes, void *dst) {
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, 0, (int64_t)classes);
  if (checked != NNK_INDICES_OK) return checked;
  const size_t bytes = nnk_type_bytes(type);
  uint64_t one = 0;
  nnk_store_number(type, 1, &one);
  nnk_fill(type, 0, dst, n * classes);
  for (size_t i = 0; i < n; i++)
    memcpy((char *)dst + (i * classes + (size_t)index_at(index_type, indices, (long)i)) * bytes, &one, bytes);
  return NNK_INDICES_OK;
}
