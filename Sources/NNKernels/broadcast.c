// Operands of any strides, and the choice between two operands: walks the outer axes, runs loops along the inner ones.
#include "spread.h"

/// Nanoseconds for a 4-byte element on AVX-512, about.
static const double ELEMENT_COST = 0.05;

enum { GRAIN = 256 };

// MARK: General strides

enum { MAX_RANK = 8 };

/// Axes of a dense result with the strides of up to three operands; adjacent axes that run on are merged.
struct walk {
  int rank;
  ptrdiff_t shape[MAX_RANK];
  ptrdiff_t strides[3][MAX_RANK];
};

static struct walk make_walk(int rank, const ptrdiff_t *shape, int operands, const ptrdiff_t *const strides[]) {
  struct walk walk = {.rank = 0};
  for (int axis = 0; axis < rank; axis++) {
    if (shape[axis] == 1) continue;
    const int last = walk.rank - 1;
    bool joins = last >= 0;
    for (int k = 0; k < operands && joins; k++) joins = walk.strides[k][last] == strides[k][axis] * shape[axis];
    const int place = joins ? last : walk.rank++;
    walk.shape[place] = joins ? walk.shape[place] * shape[axis] : shape[axis];
    for (int k = 0; k < operands; k++) walk.strides[k][place] = strides[k][axis];
  }
  while (walk.rank < 2) {  // at least a row of one column axis: unit axes in front
    for (int axis = walk.rank; axis > 0; axis--) {
      walk.shape[axis] = walk.shape[axis - 1];
      for (int k = 0; k < operands; k++) walk.strides[k][axis] = walk.strides[k][axis - 1];
    }
    walk.shape[0] = 1;
    for (int k = 0; k < operands; k++) walk.strides[k][0] = 0;
    walk.rank++;
  }
  return walk;
}

/// Moves to the next place of the axes before the last `inner`; false when all have been visited.
static bool next_place(const struct walk *walk, int inner, ptrdiff_t *place, int operands, ptrdiff_t *offsets) {
  for (int axis = walk->rank - inner - 1; axis >= 0; axis--) {
    place[axis]++;
    for (int k = 0; k < operands; k++) offsets[k] += walk->strides[k][axis];
    if (place[axis] < walk->shape[axis]) return true;
    for (int k = 0; k < operands; k++) offsets[k] -= walk->strides[k][axis] * walk->shape[axis];
    place[axis] = 0;
  }
  return false;
}

/// A dense copy of an operand that does not have unit or zero stride along the last axis; NULL when out of memory.
static void *dense_copy(size_t bytes, int rank, const ptrdiff_t *shape, const void *src, const ptrdiff_t *strides, ptrdiff_t *dense) {
  ptrdiff_t count = 1;
  for (int axis = rank - 1; axis >= 0; axis--) {
    dense[axis] = count;
    count *= shape[axis];
  }
  void *copy = nnk_block_alloc((size_t)count * bytes);
  if (copy != NULL) nnk_copy_strided(bytes, rank, shape, src, strides, copy, dense);
  return copy;
}

static bool is_empty(int rank, const ptrdiff_t *shape) {
  for (int axis = 0; axis < rank; axis++)
    if (shape[axis] == 0) return true;
  return false;
}

bool nnk_binary_strided(
    nnk_binary_op op, nnk_type type, int rank, const ptrdiff_t *shape, const void *a, const ptrdiff_t *a_strides, const void *b,
    const ptrdiff_t *b_strides, void *y) {
  if (nnk_math()->binary[op][type] == NULL) return false;
  if (is_empty(rank, shape)) return true;
  const size_t bytes = nnk_type_bytes(type);
  struct walk walk = make_walk(rank, shape, 2, (const ptrdiff_t *const[]){a_strides, b_strides});
  const void *operands[2] = {a, b};
  void *copies[2] = {NULL, NULL};
  const int last = walk.rank - 1;
  bool done = true;
  for (int k = 0; k < 2; k++) {
    if (walk.strides[k][last] == 0 || walk.strides[k][last] == 1) continue;
    ptrdiff_t dense[MAX_RANK];
    copies[k] = dense_copy(bytes, walk.rank, walk.shape, operands[k], walk.strides[k], dense);
    memcpy(walk.strides[k], dense, sizeof dense);
    operands[k] = copies[k];
    done = done && copies[k] != NULL;
  }
  const ptrdiff_t rows = walk.shape[last - 1], cols = walk.shape[last];
  ptrdiff_t place[MAX_RANK] = {0}, offsets[2] = {0, 0};
  char *out = y;
  if (done) do {
      nnk_binary_matrix(
          op, type, nnk_after(operands[0], offsets[0], bytes), (nnk_steps){walk.strides[0][last - 1], walk.strides[0][last]},
          nnk_after(operands[1], offsets[1], bytes), (nnk_steps){walk.strides[1][last - 1], walk.strides[1][last]}, out, (size_t)rows,
          (size_t)cols);
      out += rows * cols * (ptrdiff_t)nnk_result_bytes(op, type);
    } while (next_place(&walk, 2, place, 2, offsets));
  for (int k = 0; k < 2; k++) nnk_block_release(copies[k]);
  return done;
}

// MARK: Choice between two operands

struct where_job {
  nnk_where_loop loop;
  const uint8_t *c;
  const void *a, *b;
  long a_step, b_step, n;
  size_t bytes;
  void *y;
};

static void run_where(void *context, long chunk, long chunks) {
  const struct where_job *job = context;
  const long begin = nnk_chunk_begin(job->n, GRAIN, chunk, chunks), end = nnk_chunk_begin(job->n, GRAIN, chunk + 1, chunks);
  job->loop(job->c + begin, nnk_after(job->a, begin * job->a_step, job->bytes), job->a_step,
            nnk_after(job->b, begin * job->b_step, job->bytes), job->b_step, nnk_after_mutable(job->y, begin, job->bytes),
            end - begin);
}

bool nnk_where(
    size_t element_bytes, const uint8_t *c, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (element_bytes > 8 || table->where[element_bytes] == NULL) return false;
  struct where_job job = {table->where[element_bytes], c, a, b, a_step, b_step, (long)n, element_bytes, y};
  const double nanoseconds = (double)n * ELEMENT_COST * (double)element_bytes / 4 * nnk_slowness(table);
  const long chunks = nnk_chunks(nanoseconds, (long)n / GRAIN);
  if (chunks == 1) {
    run_where(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_where, &job);
  }
  return true;
}

/// Element k of an operand, whatever its size.
static void choose_one(size_t bytes, char *y, bool c, const char *a, const char *b) { memcpy(y, c ? a : b, bytes); }

bool nnk_where_strided(
    size_t element_bytes, int rank, const ptrdiff_t *shape, const uint8_t *c, const ptrdiff_t *c_strides, const void *a,
    const ptrdiff_t *a_strides, const void *b, const ptrdiff_t *b_strides, void *y) {
  if (element_bytes > 8 || nnk_math()->where[element_bytes] == NULL) return false;
  if (is_empty(rank, shape)) return true;
  const struct walk walk = make_walk(rank, shape, 3, (const ptrdiff_t *const[]){c_strides, a_strides, b_strides});
  const int last = walk.rank - 1;
  const ptrdiff_t n = walk.shape[last], c_step = walk.strides[0][last], a_step = walk.strides[1][last], b_step = walk.strides[2][last];
  const bool plain = c_step == 1 && (a_step == 0 || a_step == 1) && (b_step == 0 || b_step == 1);
  ptrdiff_t place[MAX_RANK] = {0}, offsets[3] = {0, 0, 0};
  char *out = y;
  do {
    const uint8_t *conditions = c + offsets[0];
    const char *as = nnk_after(a, offsets[1], element_bytes), *bs = nnk_after(b, offsets[2], element_bytes);
    if (plain) {
      nnk_where(element_bytes, conditions, as, a_step, bs, b_step, out, (size_t)n);
    } else {
      for (ptrdiff_t i = 0; i < n; i++)
        choose_one(element_bytes, out + i * (ptrdiff_t)element_bytes, conditions[i * c_step],
                   as + i * a_step * (ptrdiff_t)element_bytes, bs + i * b_step * (ptrdiff_t)element_bytes);
    }
    out += n * (ptrdiff_t)element_bytes;
  } while (next_place(&walk, 1, place, 3, offsets));
  return true;
}
