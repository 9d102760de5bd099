// Places of what is true, and counts of what lies between edges.
#include "spread.h"

/// Nanoseconds for an element, about.
static const double TRUE_COST = 0.5, DIVISION_COST = 2, COUNT_COST = 2;

/// The most parts that truths or counts are cut into; a part has its own counts.
enum { MAX_PARTS = 64 };

// MARK: True ones

struct truths {
  const uint8_t *truth;
  long n;
  int64_t *places;
  long first[MAX_PARTS + 1];  ///< the true ones before each part
};

static void count_part(void *context, long part, long parts) {
  struct truths *job = context;
  const long begin = nnk_chunk_begin(job->n, 64, part, parts), end = nnk_chunk_begin(job->n, 64, part + 1, parts);
  long count = 0;
  for (long i = begin; i < end; i++) count += job->truth[i] != 0;
  job->first[part + 1] = count;
}

/// Writes the places of a part, by way of a small block: the next place is written whether it is wanted or not.
static void fill_part(void *context, long part, long parts) {
  const struct truths *job = context;
  const long begin = nnk_chunk_begin(job->n, 64, part, parts), end = nnk_chunk_begin(job->n, 64, part + 1, parts);
  int64_t *out = job->places + job->first[part];
  for (long i = begin; i < end; i += 64) {
    const long limit = end - i < 64 ? end - i : 64;
    int64_t block[64];
    long count = 0;
    for (long k = 0; k < limit; k++) {
      block[count] = i + k;
      count += job->truth[i + k] != 0;
    }
    memcpy(out, block, (size_t)count * sizeof *out);
    out += count;
  }
}

/// Counts the true ones before each part; gives the number of parts.
static long count_parts(struct truths *job) {
  const double nanoseconds = (double)job->n * TRUE_COST;
  const long parts = nnk_chunks(nanoseconds, MAX_PARTS);
  nnk_parallel_sized(parts, nanoseconds, count_part, job);
  for (long part = 0; part < parts; part++) job->first[part + 1] += job->first[part];
  return parts;
}

size_t nnk_count_true(const uint8_t *truth, size_t n) {
  struct truths job = {.truth = truth, .n = (long)n};
  return (size_t)job.first[count_parts(&job)];
}

void nnk_true_places(const uint8_t *truth, size_t n, int64_t *places) {
  struct truths job = {.truth = truth, .n = (long)n, .places = places};
  nnk_parallel_sized(count_parts(&job), (double)n * TRUE_COST, fill_part, &job);
}

// MARK: Coordinates

struct coordinates {
  const int64_t *places;
  long n, stride, size;
  int32_t *y;
  long step;
};

static void run_coordinates(void *context, long chunk, long chunks) {
  const struct coordinates *job = context;
  const long begin = nnk_chunk_begin(job->n, 64, chunk, chunks), end = nnk_chunk_begin(job->n, 64, chunk + 1, chunks);
  const uint64_t stride = (uint64_t)job->stride, size = (uint64_t)job->size;
  for (long i = begin; i < end; i++) job->y[i * job->step] = (int32_t)((uint64_t)job->places[i] / stride % size);
}

void nnk_coordinates(const int64_t *places, size_t n, size_t stride, size_t size, int32_t *y, size_t step) {
  struct coordinates job = {places, (long)n, (long)stride, (long)size, y, (long)step};
  const double nanoseconds = (double)n * DIVISION_COST;
  nnk_parallel_sized(nnk_chunks(nanoseconds, ((long)n + 63) / 64), nanoseconds, run_coordinates, &job);
}

// MARK: Histograms

struct histogram {
  nnk_type type;
  const void *x, *edges;
  long n, bins;
  int32_t *counts;  ///< [parts, bins]
};

/// The bin is guessed from the distance to the first edge, then put right by the edges themselves.
#define COUNT_BETWEEN(T)                                                       \
  {                                                                            \
    const T *x = job->x, *edges = job->edges, first = edges[0], last = edges[bins]; \
    const T scale = (T)bins / (last - first);                                  \
    for (long i = begin; i < end; i++) {                                       \
      if (!(x[i] >= first && x[i] <= last)) continue;                          \
      const T guess = (x[i] - first) * scale;                                  \
      long bin = guess >= 0 && guess < (T)bins ? (long)guess : bins - 1;       \
      while (bin > 0 && x[i] < edges[bin]) bin--;                              \
      while (bin < bins - 1 && x[i] >= edges[bin + 1]) bin++;                  \
      counts[bin]++;                                                           \
    }                                                                          \
  }
static void count_between(void *context, long part, long parts) {
  const struct histogram *job = context;
  const long bins = job->bins;
  const long begin = nnk_chunk_begin(job->n, 64, part, parts), end = nnk_chunk_begin(job->n, 64, part + 1, parts);
  int32_t *counts = job->counts + part * bins;
  memset(counts, 0, (size_t)bins * sizeof *counts);
  if (job->type == NNK_F32) COUNT_BETWEEN(float) else COUNT_BETWEEN(double)
}

bool nnk_histogram(nnk_type type, const void *x, size_t n, const void *edges, size_t bins, int32_t *counts) {
  if (type != NNK_F32 && type != NNK_F64) return false;
  const double nanoseconds = (double)n * COUNT_COST;
  // Each part has its own counts; where they would be more than the elements one part has to do.
  const long parts = bins > n / MAX_PARTS ? 1 : nnk_chunks(nanoseconds, MAX_PARTS);
  struct histogram job = {type, x, edges, (long)n, (long)bins, counts};
  if (parts == 1) {
    count_between(&job, 0, 1);
    return true;
  }
  job.counts = nnk_block_alloc((size_t)parts * bins * sizeof *counts);
  if (job.counts == NULL) return false;
  nnk_parallel_sized(parts, nanoseconds, count_between, &job);
  for (size_t bin = 0; bin < bins; bin++) {
    counts[bin] = 0;
    for (long part = 0; part < parts; part++) counts[bin] += job.counts[part * (long)bins + (long)bin];
  }
  nnk_block_release(job.counts);
  return true;
}
