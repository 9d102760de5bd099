// Copies with strides, transposes, fills, conversions of ranges.
#include "spread.h"

enum { MAX_RANK = 8 };

/// Nanoseconds for a byte moved, about, and for an element moved alone.
static const double BYTE_COST = 0.03, ELEMENT_COST = 0.4;

// MARK: Strided copies

/// Axes from the outermost in, adjacent ones merged where both sides run on; strides in elements.
struct copy_plan {
  int rank;
  size_t bytes;
  ptrdiff_t shape[MAX_RANK], src_strides[MAX_RANK], dst_strides[MAX_RANK];
  const char *src;
  char *dst;
  ptrdiff_t outer;  ///< number of places of all axes before the inner one or two
  int inner;        ///< axes that one call of `run_place` covers: 1 or 2
};

static struct copy_plan make_plan(
    size_t bytes, int rank, const ptrdiff_t *shape, const void *src, const ptrdiff_t *src_strides, void *dst,
    const ptrdiff_t *dst_strides) {
  struct copy_plan plan = {.rank = 0, .bytes = bytes, .src = src, .dst = dst};
  for (int axis = 0; axis < rank; axis++) {
    if (shape[axis] == 1) continue;
    const int last = plan.rank - 1;
    const bool joins = last >= 0 && plan.src_strides[last] == src_strides[axis] * shape[axis] &&
                       plan.dst_strides[last] == dst_strides[axis] * shape[axis];
    const int place = joins ? last : plan.rank++;
    plan.shape[place] = joins ? plan.shape[place] * shape[axis] : shape[axis];
    plan.src_strides[place] = src_strides[axis];
    plan.dst_strides[place] = dst_strides[axis];
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.shape[0] = plan.src_strides[0] = plan.dst_strides[0] = 1;
  }
  return plan;
}

static void swap_axes(struct copy_plan *plan, int a, int b) {
  ptrdiff_t *const lists[] = {plan->shape, plan->src_strides, plan->dst_strides};
  for (int k = 0; k < 3; k++) {
    const ptrdiff_t kept = lists[k][a];
    lists[k][a] = lists[k][b];
    lists[k][b] = kept;
  }
}

/// Brings together the axis along which the source runs and the one along which the destination does, to transpose tiles.
static void choose_inner(struct copy_plan *plan) {
  plan->inner = 1;
  const int last = plan->rank - 1;
  if (plan->dst_strides[last] == 1 && plan->src_strides[last] != 1 && plan->src_strides[last] != 0)
    for (int axis = 0; axis < last; axis++)
      if (plan->src_strides[axis] == 1) {
        swap_axes(plan, axis, last - 1);
        plan->inner = 2;
        break;
      }
  plan->outer = 1;
  for (int axis = 0; axis < plan->rank - plan->inner; axis++) plan->outer *= plan->shape[axis];
}

/// n elements, each side with its stride.
#define STRIDED_LOOP(T)                                                                    \
  {                                                                                        \
    const T *from = (const T *)src;                                                        \
    T *to = (T *)dst;                                                                      \
    for (ptrdiff_t i = 0; i < n; i++) to[i * dst_stride] = from[i * src_stride];           \
  }
static void copy_line(size_t bytes, const char *src, ptrdiff_t src_stride, char *dst, ptrdiff_t dst_stride, ptrdiff_t n) {
  if (src_stride == 1 && dst_stride == 1) {
    memcpy(dst, src, (size_t)n * bytes);
  } else if (bytes == 4) {
    STRIDED_LOOP(uint32_t)
  } else if (bytes == 8) {
    STRIDED_LOOP(uint64_t)
  } else {
    STRIDED_LOOP(uint8_t)
  }
}

/// Copies the inner axes at one place of the outer ones.
static void run_place(const struct copy_plan *plan, const char *src, char *dst) {
  const int last = plan->rank - 1;
  if (plan->inner == 2) {
    nnk_math()->transpose[plan->bytes](src, plan->src_strides[last], dst, plan->dst_strides[last - 1], plan->shape[last],
                                       plan->shape[last - 1]);
  } else {
    copy_line(plan->bytes, src, plan->src_strides[last], dst, plan->dst_strides[last], plan->shape[last]);
  }
}

static void run_places(void *context, long chunk, long chunks) {
  const struct copy_plan *plan = context;
  const long begin = nnk_chunk_begin(plan->outer, 1, chunk, chunks), end = nnk_chunk_begin(plan->outer, 1, chunk + 1, chunks);
  const int axes = plan->rank - plan->inner;
  ptrdiff_t place[MAX_RANK], from = 0, to = 0;
  for (long axis = axes - 1, rest = begin; axis >= 0; axis--) {
    place[axis] = rest % plan->shape[axis];
    rest /= plan->shape[axis];
    from += place[axis] * plan->src_strides[axis];
    to += place[axis] * plan->dst_strides[axis];
  }
  const ptrdiff_t bytes = (ptrdiff_t)plan->bytes;
  for (long k = begin; k < end; k++) {
    run_place(plan, plan->src + from * bytes, plan->dst + to * bytes);
    for (int axis = axes - 1; axis >= 0; axis--) {
      from += plan->src_strides[axis];
      to += plan->dst_strides[axis];
      if (++place[axis] < plan->shape[axis]) break;
      from -= plan->src_strides[axis] * plan->shape[axis];
      to -= plan->dst_strides[axis] * plan->shape[axis];
      place[axis] = 0;
    }
  }
}

/// Where there is no outer axis to cut, cuts the longest inner one.
static void split_for_threads(struct copy_plan *plan) {
  if (plan->outer >= 16 || plan->rank == MAX_RANK) return;
  const int first = plan->rank - plan->inner;
  const int axis = plan->inner == 2 && plan->shape[first + 1] > plan->shape[first] ? first + 1 : first;
  ptrdiff_t pieces = 64;
  while (pieces > 1 && (plan->shape[axis] % pieces != 0 || plan->shape[axis] / pieces < 32)) pieces /= 2;
  if (pieces == 1) return;
  ptrdiff_t *const lists[] = {plan->shape, plan->src_strides, plan->dst_strides};
  for (int k = 0; k < 3; k++)
    for (int a = plan->rank; a > first; a--) lists[k][a] = lists[k][a - 1];
  plan->rank++;
  plan->shape[axis + 1] /= pieces;
  plan->shape[first] = pieces;
  plan->src_strides[first] = plan->src_strides[axis + 1] * plan->shape[axis + 1];
  plan->dst_strides[first] = plan->dst_strides[axis + 1] * plan->shape[axis + 1];
  plan->outer *= pieces;
}

bool nnk_copy_strided(
    size_t element_bytes, int rank, const ptrdiff_t *shape, const void *src, const ptrdiff_t *src_strides, void *dst,
    const ptrdiff_t *dst_strides) {
  if (element_bytes != 1 && element_bytes != 4 && element_bytes != 8) return false;
  double count = 1;
  for (int axis = 0; axis < rank; axis++) count *= (double)shape[axis];
  if (count == 0) return true;
  struct copy_plan plan = make_plan(element_bytes, rank, shape, src, src_strides, dst, dst_strides);
  choose_inner(&plan);
  const int last = plan.rank - 1;
  const bool lines = plan.inner == 1 && plan.src_strides[last] == 1 && plan.dst_strides[last] == 1;
  const double nanoseconds = count * (lines || plan.inner == 2 ? (double)element_bytes * BYTE_COST : ELEMENT_COST);
  if (nanoseconds > 4000) split_for_threads(&plan);
  const long chunks = nnk_chunks(nanoseconds, plan.outer);
  if (chunks == 1) {
    run_places(&plan, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_places, &plan);
  }
  return true;
}

bool nnk_transpose(size_t element_bytes, const void *src, void *dst, size_t batch, size_t rows, size_t cols) {
  const ptrdiff_t m = (ptrdiff_t)rows, n = (ptrdiff_t)cols, shape[3] = {(ptrdiff_t)batch, n, m};
  const ptrdiff_t src_strides[3] = {m * n, 1, n}, dst_strides[3] = {m * n, m, 1};
  return nnk_copy_strided(element_bytes, 3, shape, src, src_strides, dst, dst_strides);
}

// MARK: Fills and ranges

struct fill_job {
  uint64_t value;
  size_t bytes;
  char *y;
  long n;
};

static void run_fill(void *context, long chunk, long chunks) {
  const struct fill_job *job = context;
  const long begin = nnk_chunk_begin(job->n, 256, chunk, chunks), end = nnk_chunk_begin(job->n, 256, chunk + 1, chunks);
  char *y = job->y + begin * (long)job->bytes;
  if (job->value == 0 || job->bytes == 1) {
    memset(y, (int)(job->value & 0xff), (size_t)(end - begin) * job->bytes);
  } else if (job->bytes == 4) {
    for (long i = 0; i < end - begin; i++) ((uint32_t *)y)[i] = (uint32_t)job->value;
  } else {
    for (long i = 0; i < end - begin; i++) ((uint64_t *)y)[i] = job->value;
  }
}

bool nnk_fill(nnk_type type, double value, void *y, size_t n) {
  struct fill_job job = {0, nnk_type_bytes(type), y, (long)n};
  nnk_store_number(type, value, &job.value);
  const double nanoseconds = (double)n * (double)job.bytes * BYTE_COST / 2;
  const long chunks = nnk_chunks(nanoseconds, (long)n / 256);
  if (chunks == 1) {
    run_fill(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_fill, &job);
  }
  return true;
}

struct arange_job {
  nnk_unary_loop convert;
  double start, step;
  size_t bytes;
  char *y;
  long n;
};

static void run_arange(void *context, long chunk, long chunks) {
  enum { TILE = 512 };
  const struct arange_job *job = context;
  const long begin = nnk_chunk_begin(job->n, TILE, chunk, chunks), end = nnk_chunk_begin(job->n, TILE, chunk + 1, chunks);
  double values[TILE];
  for (long first = begin; first < end; first += TILE) {
    const long count = end - first < TILE ? end - first : TILE;
    for (long i = 0; i < count; i++) values[i] = job->start + (double)(first + i) * job->step;
    job->convert(values, job->y + first * (long)job->bytes, count);
  }
}

bool nnk_arange(nnk_type type, double start, double step, void *y, size_t n) {
  struct arange_job job = {nnk_math()->cast[NNK_F64][type], start, step, nnk_type_bytes(type), y, (long)n};
  const double nanoseconds = (double)n * 0.5;
  const long chunks = nnk_chunks(nanoseconds, (long)n / 512);
  if (chunks == 1) {
    run_arange(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_arange, &job);
  }
  return true;
}
