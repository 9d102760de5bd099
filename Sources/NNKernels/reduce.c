// Reductions: chooses between rows and columns, splits long sums into parts that depend on the shape only, and combines them.
#include "spread.h"

/// A long row is the sum, in order, of parts of this many elements; a tall matrix likewise, of parts of about as many.
enum { PART = 65536, PART_GRAIN = 128 };

/// Nanoseconds for an f32 element on AVX-512, about.
static const double COST = 0.03, EXPONENTIAL_COST = 0.15;

/// The type of a result.
static nnk_type result_type(int op, nnk_type type) {
  switch (op) {
    case NNK_ARGMAX: case NNK_ARGMIN: return NNK_I32;
    case NNK_ANY: case NNK_ALL: return NNK_BOOL;
    case NNK_COUNT: return NNK_I64;
    case NNK_SUM: case NNK_PROD: return type < NNK_F32 ? NNK_I64 : type;
    default: return type;
  }
}

/// The operation that joins the results of two parts.
static nnk_binary_op joining(int op) {
  switch (op) {
    case NNK_PROD: return NNK_MUL;
    case NNK_MAX: return NNK_MAXIMUM;
    case NNK_MIN: return NNK_MINIMUM;
    case NNK_ANY: return NNK_OR;
    case NNK_ALL: return NNK_AND;
    default: return NNK_ADD;
  }
}

/// x[outer, axis, inner] reduced into y[outer, inner].
struct reduction {
  int op;
  nnk_type type, result;
  nnk_reduce_rows_loop rows;
  nnk_reduce_columns_loop columns;
  const char *x;
  const char *centers;  ///< of squares and exponentials: one for each y
  char *y;
  long outer, axis, inner;
  size_t bytes, result_bytes;
  double slowness;
  long part, parts;     ///< of a long axis: elements (rows) of a part, number of parts
  char *partial;        ///< [parts, inner] results of parts
};

static double cost_of(const struct reduction *job) {
  const double cost = job->op == NNK_REDUCE_EXPONENTIALS ? EXPONENTIAL_COST : COST;
  return (double)job->outer * (double)job->axis * (double)job->inner * cost * ((double)job->bytes / 4) * job->slowness;
}

static const void *center_at(const struct reduction *job, long place) {
  return job->centers == NULL ? NULL : job->centers + place * (long)job->bytes;
}

/// y[i] = y[i] op x[i] for results.
static void join(const struct reduction *job, const void *x, void *y, long n) {
  const struct nnk_binary_part part = {y, x, y, {0, 1}, {0, 1}, n, 1, n};
  nnk_math()->binary[joining(job->op)][job->result](&part);
}

// MARK: The last axis

static void run_rows(void *context, long chunk, long chunks) {
  const struct reduction *job = context;
  const long begin = nnk_chunk_begin(job->outer, 1, chunk, chunks), end = nnk_chunk_begin(job->outer, 1, chunk + 1, chunks);
  job->rows(job->x + begin * job->axis * (long)job->bytes, job->axis, end - begin, job->axis, center_at(job, begin),
            job->y + begin * (long)job->result_bytes);
}

/// One part of a long row.
static void run_row_part(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct reduction *job = context;
  const long begin = chunk * PART, n = job->axis - begin < PART ? job->axis - begin : PART;
  job->rows(job->x + begin * (long)job->bytes, n, 1, n, job->centers, job->partial + chunk * (long)job->result_bytes);
}

/// The place of the extreme of a long row from the places within its parts.
static void join_places(const struct reduction *job, long first_part, long parts, const int32_t *places, int32_t *result) {
  char winners[2 * 8];
  for (long k = 0; k < parts; k++) {
    const long place = (first_part + k) * PART + places[k];
    if (first_part + k == 0) {
      *result = (int32_t)place;
      continue;
    }
    memcpy(winners, job->x + *result * (long)job->bytes, job->bytes);
    memcpy(winners + job->bytes, job->x + place * (long)job->bytes, job->bytes);
    int32_t later;
    job->rows(winners, 2, 1, 2, NULL, &later);
    if (later) *result = (int32_t)place;
  }
}

/// A row in parts, a few hundred at a time.
static void reduce_long_row(struct reduction row) {
  enum { WAVE = 512 };
  const long parts = (row.axis + PART - 1) / PART;
  uint64_t partial[WAVE];
  row.partial = (char *)partial;
  struct reduction wave = row;
  for (long first = 0; first < parts; first += WAVE) {
    const long count = parts - first < WAVE ? parts - first : WAVE;
    wave.x = row.x + first * PART * (long)row.bytes;
    wave.axis = row.axis - first * PART;
    nnk_parallel_sized(count, (double)count * PART * COST * ((double)row.bytes / 4) * row.slowness, run_row_part, &wave);
    if (row.op == NNK_ARGMAX || row.op == NNK_ARGMIN) {
      join_places(&row, first, count, (const int32_t *)partial, (int32_t *)row.y);
      continue;
    }
    for (long k = 0; k < count; k++) {
      const char *part = row.partial + k * (long)row.result_bytes;
      if (first + k == 0) {
        memcpy(row.y, part, row.result_bytes);
      } else {
        join(&row, part, row.y, 1);
      }
    }
  }
}

static void reduce_rows(struct reduction *job) {
  if (job->axis > PART) {
    struct reduction row = *job;
    for (long o = 0; o < job->outer; o++) {
      row.x = job->x + o * job->axis * (long)job->bytes;
      row.y = job->y + o * (long)job->result_bytes;
      row.centers = center_at(job, o);
      reduce_long_row(row);
    }
    return;
  }
  const double nanoseconds = cost_of(job);
  const long chunks = nnk_chunks(nanoseconds, job->outer);
  if (chunks == 1) {
    run_rows(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_rows, job);
  }
}

// MARK: Another axis

/// Columns begin ..< end of item o of the outer axis, part after part.
static void reduce_strip(const struct reduction *job, long o, long begin, long end) {
  const char *x = job->x + (o * job->axis * job->inner + begin) * (long)job->bytes;
  char *y = job->y + (o * job->inner + begin) * (long)job->result_bytes;
  for (long row = 0; row < job->axis; row += job->part) {
    const long rows = job->axis - row < job->part ? job->axis - row : job->part;
    job->columns(x + row * job->inner * (long)job->bytes, job->inner, rows, end - begin,
                 center_at(job, o * job->inner + begin), row == 0, y);
  }
}

static void run_outer(void *context, long chunk, long chunks) {
  const struct reduction *job = context;
  const long begin = nnk_chunk_begin(job->outer, 1, chunk, chunks), end = nnk_chunk_begin(job->outer, 1, chunk + 1, chunks);
  for (long o = begin; o < end; o++) reduce_strip(job, o, 0, job->inner);
}

static void run_columns(void *context, long chunk, long chunks) {
  const struct reduction *job = context;
  const long begin = nnk_chunk_begin(job->inner, PART_GRAIN, chunk, chunks);
  const long end = nnk_chunk_begin(job->inner, PART_GRAIN, chunk + 1, chunks);
  for (long o = 0; o < job->outer; o++) reduce_strip(job, o, begin, end);
}

/// One part of the rows of a tall matrix.
static void run_column_part(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct reduction *job = context;
  const long row = chunk * job->part, rows = job->axis - row < job->part ? job->axis - row : job->part;
  job->columns(job->x + row * job->inner * (long)job->bytes, job->inner, rows, job->inner, job->centers, true,
               job->partial + chunk * job->inner * (long)job->result_bytes);
}

/// A tall and narrow matrix: parts of its rows on all threads, then their results in order. False when out of memory.
static bool reduce_tall(struct reduction *job, double nanoseconds) {
  job->partial = nnk_block_alloc((size_t)(job->parts * job->inner) * job->result_bytes);
  if (job->partial == NULL) return false;
  nnk_parallel_sized(job->parts, nanoseconds, run_column_part, job);
  const long bytes = job->inner * (long)job->result_bytes;
  memcpy(job->y, job->partial, (size_t)bytes);
  for (long k = 1; k < job->parts; k++) join(job, job->partial + k * bytes, job->y, job->inner);
  nnk_block_release(job->partial);
  return true;
}

/// Wide matrices of so many blocks of rows: the blocks on all threads, a few dozen at a time, then their results in order.
/// False when out of memory.
static bool reduce_blocks(struct reduction job) {
  enum { WAVE = 64 };
  const long bytes = job.inner * (long)job.result_bytes, wave = job.parts < WAVE ? job.parts : WAVE, axis = job.axis;
  const char *x = job.x;
  job.partial = nnk_block_alloc((size_t)(wave * bytes));
  if (job.partial == NULL) return false;
  for (long first = 0; first < job.parts; first += wave) {
    const long count = job.parts - first < wave ? job.parts - first : wave;
    job.x = x + first * job.part * job.inner * (long)job.bytes;
    job.axis = axis - first * job.part;
    const double nanoseconds = (double)count * (double)job.part * (double)job.inner * COST * job.slowness;
    nnk_parallel_sized(count, nanoseconds, run_column_part, &job);
    for (long k = 0; k < count; k++) {
      if (first + k == 0) {
        memcpy(job.y, job.partial, (size_t)bytes);
      } else {
        join(&job, job.partial + k * bytes, job.y, job.inner);
      }
    }
  }
  nnk_block_release(job.partial);
  return true;
}

/// Whether the items of the outer axis were reduced block by block, which takes one block to a part.
static bool reduce_wide(const struct reduction *job) {
  if (job->part != PART_GRAIN || job->parts < 4) return false;
  for (long o = 0; o < job->outer; o++) {
    struct reduction item = *job;
    item.x += o * job->axis * job->inner * (long)job->bytes;
    item.y += o * job->inner * (long)job->result_bytes;
    item.centers = center_at(job, o * job->inner);
    if (!reduce_blocks(item)) return false;
  }
  return true;
}

static void reduce_columns(struct reduction *job) {
  const bool places = job->op == NNK_ARGMAX || job->op == NNK_ARGMIN;
  const long rows = (PART / job->inner + PART_GRAIN) / PART_GRAIN * PART_GRAIN;
  job->part = places ? job->axis : rows;
  job->parts = (job->axis + job->part - 1) / job->part;
  const double nanoseconds = cost_of(job);
  const long chunks = nnk_chunks(nanoseconds, job->outer * ((job->inner + PART_GRAIN - 1) / PART_GRAIN) * job->parts);
  if (chunks == 1) {
    run_outer(job, 0, 1);
  } else if (job->outer >= 8) {
    nnk_parallel_sized(chunks < job->outer ? chunks : job->outer, nanoseconds, run_outer, job);
  } else if (job->inner >= 4 * PART_GRAIN) {
    // As wide as possible: neighbouring columns come with the same lines of memory.
    const long strips = job->inner / (4 * PART_GRAIN) < 8 ? job->inner / PART_GRAIN : job->inner / (4 * PART_GRAIN);
    if (places || !reduce_wide(job)) nnk_parallel_sized(chunks < strips ? chunks : strips, nanoseconds, run_columns, job);
  } else if (job->outer > 1 || job->parts == 1 || !reduce_tall(job, nanoseconds)) {
    run_outer(job, 0, 1);
  }
}

/// Divides every result by a count.
static void divide_results(nnk_type type, void *y, long n, double count) {
  nnk_binary_scalar(NNK_DIV, type, y, count, y, (size_t)n);
}

/// The job for an operation; `columns` is NULL where there is none for the type.
static struct reduction make_job(int op, nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  const struct nnk_math_table *table = nnk_math();
  const int loop = op == NNK_MEAN ? NNK_SUM : op;
  const nnk_type result = result_type(op, type);
  return (struct reduction){
      .op = loop,
      .type = type,
      .result = result,
      .rows = table->reduce_rows[loop][type],
      .columns = table->reduce_columns[loop][type],
      .x = x,
      .y = y,
      .outer = (long)outer,
      .axis = (long)axis,
      .inner = (long)inner,
      .bytes = nnk_type_bytes(type),
      .result_bytes = nnk_type_bytes(result),
      .slowness = nnk_slowness(table),
  };
}

static void run_reduction(struct reduction *job) {
  if (job->outer == 0 || job->inner == 0) return;
  if (job->inner == 1 || job->axis == 0) {
    job->outer *= job->inner;
    job->inner = 1;
    reduce_rows(job);
  } else {
    reduce_columns(job);
  }
}

bool nnk_reduce(nnk_reduce_op op, nnk_type type, const void *x, void *y, size_t outer, size_t axis, size_t inner) {
  struct reduction job = make_job(op, type, x, y, outer, axis, inner);
  if (job.rows == NULL || (op == NNK_MEAN && type < NNK_F32)) return false;
  run_reduction(&job);
  if (op == NNK_MEAN) divide_results(type, y, (long)(outer * inner), (double)axis);
  return true;
}

bool nnk_variance(
    nnk_type type, const void *x, void *variance, void *mean, size_t outer, size_t axis, size_t inner, double correction) {
  struct reduction job = make_job(NNK_REDUCE_SQUARES, type, x, variance, outer, axis, inner);
  if (job.rows == NULL) return false;
  void *centers = mean;
  if (mean == NULL) centers = nnk_block_alloc(outer * inner * job.bytes);
  if (centers == NULL) return false;
  nnk_reduce(NNK_MEAN, type, x, centers, outer, axis, inner);
  job.centers = centers;
  run_reduction(&job);
  if (mean == NULL) nnk_block_release(centers);
  const double count = (double)axis - correction;
  divide_results(type, variance, (long)(outer * inner), count > 0 ? count : 0);
  return true;
}

bool nnk_sum_exponentials(
    nnk_type type, const void *x, const void *centers, void *y, size_t outer, size_t axis, size_t inner) {
  struct reduction job = make_job(NNK_REDUCE_EXPONENTIALS, type, x, y, outer, axis, inner);
  if (job.rows == NULL) return false;
  job.centers = centers;
  run_reduction(&job);
  return true;
}
