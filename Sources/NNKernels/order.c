// Stable sorting along an axis, the first of an order, and places in sorted keys.
//
// Keys become unsigned numbers that rise in the wanted order, with the place below them: then all packed keys differ, any
// sort is stable, and the result cannot depend on how the work is cut.
#include "scratch.h"
#include "spread.h"

/// Elements of one part of a long line; two arrays of packed keys of that many must fit into scratch memory.
enum { PART = 65536 };
_Static_assert(2 * PART * 16 <= NNK_SCRATCH_BYTES, "a part must fit into scratch memory");

/// Nanoseconds for an element, about.
static const double SORT_COST = 12, MERGE_COST = 3, SELECT_COST = 1;

/// Lines of x[outer, axis, inner] whose first `k` places are wanted.
struct lines {
  nnk_type type;
  bool falls, selects;
  const char *x;
  int32_t *places;
  long axis, inner, count, k;  ///< count: outer * inner
  long bytes;
};

static const char *line_source(const struct lines *job, long line) {
  return job->x + (line / job->inner * job->axis * job->inner + line % job->inner) * job->bytes;
}

static int32_t *line_places(const struct lines *job, long line) {
  return job->places + line / job->inner * job->k * job->inner + line % job->inner;
}

/// A line on its way through sorted parts and merges.
struct long_line {
  const struct lines *job;
  const char *x;
  int32_t *places;
  void *from, *to;
  long width;
};

/// Bits of a float that rise with it; -0 as 0, NaN (which falls last in either order) as the highest.
static inline uint32_t ordered_f32(float x, uint32_t flip) {
  if (x != x) return UINT32_MAX;
  uint32_t bits;
  x += 0.0f;
  memcpy(&bits, &x, sizeof bits);
  return ((int32_t)bits < 0 ? ~bits : bits | 0x80000000u) ^ flip;
}
static inline uint64_t ordered_f64(double x, uint64_t flip) {
  if (x != x) return UINT64_MAX;
  uint64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return ((int64_t)bits < 0 ? ~bits : bits | 0x8000000000000000u) ^ flip;
}

#define P uint64_t
#define KEY uint32_t
#define KEY_BYTES 4
#define PLACE_BITS 32
#define NAME(x) x##_narrow
#define LOADS                                                   \
  case NNK_BOOL:                                                \
  case NNK_U8: PACK(uint8_t, e ^ flip)                          \
  case NNK_I32: PACK(int32_t, (uint32_t)e ^ 0x80000000u ^ flip) \
  case NNK_F32: PACK(float, ordered_f32(e, flip))
#include "order_sort.inc"
#undef P
#undef KEY
#undef KEY_BYTES
#undef PLACE_BITS
#undef NAME
#undef LOADS

#define P unsigned __int128
#define KEY uint64_t
#define KEY_BYTES 8
#define PLACE_BITS 64
#define NAME(x) x##_wide
#define LOADS                                                           \
  case NNK_I64: PACK(int64_t, (uint64_t)e ^ 0x8000000000000000u ^ flip) \
  case NNK_F64: PACK(double, ordered_f64(e, flip))
#include "order_sort.inc"

static bool run(struct lines *job) {
  if (job->count == 0 || job->axis == 0 || job->k == 0) return true;
  const bool wide = job->bytes == 8;
  if (job->axis <= PART) {
    const double nanoseconds = (double)job->count * (double)job->axis * (job->selects ? SELECT_COST : SORT_COST);
    const long chunks = nnk_chunks(nanoseconds, job->count);
    if (chunks == 1) {
      (wide ? run_lines_wide : run_lines_narrow)(job, 0, 1);
    } else {
      nnk_parallel_sized(chunks, nanoseconds, wide ? run_lines_wide : run_lines_narrow, job);
    }
    return true;
  }
  for (long line = 0; line < job->count; line++) {
    const char *x = line_source(job, line);
    int32_t *places = line_places(job, line);
    if (!(wide ? long_line_wide : long_line_narrow)(job, x, places)) return false;
  }
  return true;
}

bool nnk_argsort(nnk_type type, const void *x, int32_t *places, size_t outer, size_t axis, size_t inner, bool falls) {
  return nnk_top_places(type, x, places, outer, axis, inner, axis, falls);
}

bool nnk_top_places(
    nnk_type type, const void *x, int32_t *places, size_t outer, size_t axis, size_t inner, size_t k, bool falls) {
  struct lines job = {type, falls, k <= 1024 && k * 8 <= axis, x, places, (long)axis, (long)inner, (long)(outer * inner),
                      (long)k, (long)nnk_type_bytes(type)};
  return run(&job);
}

// MARK: Searching

struct search {
  nnk_type type;
  const void *sorted, *values;
  long n, count;
  int32_t *places;
  bool right;
};

/// Halving without branches: `low` keys are known to come before the value.
#define SEARCH(T, BEFORE)                                             \
  for (long i = begin; i < end; i++) {                                \
    const T value = ((const T *)job->values)[i];                      \
    const T *base = job->sorted;                                      \
    long low = 0, length = job->n;                                    \
    while (length > 0) {                                              \
      const long half = length / 2;                                   \
      const T key = base[low + half];                                 \
      const bool before = job->right ? !(BEFORE(value, key)) : BEFORE(key, value); \
      low = before ? low + half + 1 : low;                            \
      length = before ? length - half - 1 : half;                     \
    }                                                                 \
    job->places[i] = (int32_t)low;                                    \
  }                                                                   \
  break;
#define LESS(a, b) ((a) < (b))
/// NaN comes after everything else.
#define FLOAT_LESS(a, b) (((a) < (b)) | (((b) != (b)) & ((a) == (a))))

static void run_search(void *context, long chunk, long chunks) {
  const struct search *job = context;
  const long begin = nnk_chunk_begin(job->count, 64, chunk, chunks), end = nnk_chunk_begin(job->count, 64, chunk + 1, chunks);
  switch (job->type) {
    case NNK_BOOL:
    case NNK_U8: SEARCH(uint8_t, LESS)
    case NNK_I32: SEARCH(int32_t, LESS)
    case NNK_I64: SEARCH(int64_t, LESS)
    case NNK_F32: SEARCH(float, FLOAT_LESS)
    default: SEARCH(double, FLOAT_LESS)
  }
}

void nnk_searchsorted(
    nnk_type type, const void *sorted, size_t n, const void *values, int32_t *places, size_t count, bool right) {
  struct search job = {type, sorted, values, (long)n, (long)count, places, right};
  double steps = 1;
  for (size_t size = n; size > 1; size /= 2) steps++;
  const double nanoseconds = (double)count * steps * 2;
  const long chunks = nnk_chunks(nanoseconds, ((long)count + 63) / 64);
  if (chunks == 1) {
    run_search(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_search, &job);
  }
}
