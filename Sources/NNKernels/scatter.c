// Sums of rows by index: indices are sorted into ranges of result rows, whose sums then run side by side.
//
// Within a range the order of the source is kept, so every row of the result adds up in the order of the source whatever
// the number of ranges and of threads.
#include "sequence_table.h"

/// Nanoseconds for a byte that is added, and for a row.
static const double BYTE_COST = 0.03, ROW_COST = 3;

enum { MAX_RANGES = 64 };

struct sum_job {
  nnk_scatter_loop add;
  const struct nnk_scatter_pair *pairs;
  const char *src;
  char *dst;
  long cols, row_bytes, rows;
  int shift;                      ///< a range has 2^shift rows
  long first[MAX_RANGES + 1];     ///< of the pairs of a range
};

static void run_sum(void *context, long range, long ranges) {
  (void)ranges;
  const struct sum_job *job = context;
  const long begin = range << job->shift, limit = (range + 1) << job->shift, end = limit < job->rows ? limit : job->rows;
  memset(job->dst + begin * job->row_bytes, 0, (size_t)((end - begin) * job->row_bytes));
  job->add(job->pairs + job->first[range], job->first[range + 1] - job->first[range], job->src, job->dst, job->cols);
}

/// The row an index means.
static inline uint32_t result_row(nnk_type type, const void *indices, long i, long rows) {
  const int64_t index = type == NNK_I32   ? ((const int32_t *)indices)[i]
                        : type == NNK_I64 ? ((const int64_t *)indices)[i]
                                          : ((const uint8_t *)indices)[i];
  return (uint32_t)(index < 0 ? index + rows : index);
}

/// Sorts pairs of source and result rows into ranges, the order of the source kept within each.
static void sort_pairs(struct sum_job *job, nnk_type type, const void *indices, long n, long ranges, struct nnk_scatter_pair *pairs) {
  long counts[MAX_RANGES] = {0};
  for (long i = 0; i < n; i++) counts[result_row(type, indices, i, job->rows) >> job->shift]++;
  long place = 0;
  for (long k = 0; k < ranges; k++) {
    job->first[k] = place;
    place += counts[k];
    counts[k] = job->first[k];
  }
  job->first[ranges] = place;
  for (long i = 0; i < n; i++) {
    const uint32_t row = result_row(type, indices, i, job->rows);
    pairs[counts[row >> job->shift]++] = (struct nnk_scatter_pair){(uint32_t)i, row};
  }
}

ptrdiff_t nnk_sum_rows_by_index(
    nnk_type type, const void *src, size_t cols, nnk_type index_type, const void *indices, size_t n, void *dst, size_t dst_rows) {
  struct sum_job job = {.add = nnk_sequences()->scatter[type], .src = src, .dst = dst, .cols = (long)cols,
                        .row_bytes = (long)(cols * nnk_type_bytes(type)), .rows = (long)dst_rows};
  if (job.add == NULL || n > UINT32_MAX || dst_rows > UINT32_MAX) return NNK_INDICES_BAD_TYPE;
  const ptrdiff_t checked = nnk_check_indices(index_type, indices, n, -(int64_t)dst_rows, (int64_t)dst_rows);
  if (checked != NNK_INDICES_OK) return checked;
  const double nanoseconds =
      (double)n * (ROW_COST + 2 * BYTE_COST * (double)job.row_bytes) + (double)dst_rows * (double)job.row_bytes * BYTE_COST;
  const long wanted = nnk_chunks(nanoseconds, MAX_RANGES);
  while ((((long)dst_rows + (1L << job.shift) - 1) >> job.shift) > wanted) job.shift++;
  const long ranges = ((long)dst_rows + (1L << job.shift) - 1) >> job.shift;
  struct nnk_scatter_pair *pairs = nnk_block_alloc(n * sizeof *pairs);
  if (pairs == NULL) return NNK_INDICES_BAD_TYPE;
  sort_pairs(&job, index_type, indices, (long)n, ranges, pairs);
  job.pairs = pairs;
  nnk_parallel_sized(ranges, nanoseconds, run_sum, &job);
  nnk_block_release(pairs);
  return NNK_INDICES_OK;
}
