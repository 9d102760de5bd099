// Norms over groups of channels: batch norm, group norm and instance norm are one computation with other groups.
//
// Every item is cut into parts of rows that depend on the shape alone. Sums of parts are joined in order, in f64. Narrow rows
// are taken 16 at a time as one wide row, so that vectors are full.
#include "sequence_table.h"

#pragma STDC FP_CONTRACT OFF

/// Nanoseconds for an f32 element and pass on AVX-512, about.
static const double PASS_COST = 0.06;

enum {
  PART_ELEMENTS = 32768,  // of a part, about
  PART_GRAIN = 128,       // its rows are a multiple of this
  NARROW = 64,            // channels up to which rows are joined
  JOINED = 16,            // rows of a wide row
  COLUMN_ARRAYS = 4,      // arrays of one value for each column: means and coefficients
};

struct group_job {
  nnk_type type;
  const char *g, *x;
  const void *weight, *bias;
  void *means, *variances;       ///< [outer, groups]
  char *y;                       ///< or dx
  char *partial;                 ///< [outer, parts, 2, wide]: sums of parts
  char *columns;                 ///< [outer, COLUMN_ARRAYS, wide]
  double *slopes;                ///< back: [outer, 2, channels], gradients in weight and bias by item
  long outer, rows, channels, groups, part_rows, parts, joined, wide, bytes;
  double epsilon;
};

static inline double get(const struct group_job *job, const void *p, long i) {
  return job->type == NNK_F32 ? (double)((const float *)p)[i] : ((const double *)p)[i];
}
static inline void set(const struct group_job *job, void *p, long i, double value) {
  if (job->type == NNK_F32) {
    ((float *)p)[i] = (float)value;
  } else {
    ((double *)p)[i] = value;
  }
}

static char *column_array(const struct group_job *job, long o, long which) {
  return job->columns + (o * COLUMN_ARRAYS + which) * job->wide * job->bytes;
}
static char *partial_sums(const struct group_job *job, long o, long part, long which) {
  return job->partial + ((o * job->parts + part) * 2 + which) * job->wide * job->bytes;
}
/// Sets a value of a channel in an array of columns, in every row of a wide row.
static void set_channel(const struct group_job *job, void *array, long channel, double value) {
  for (long k = 0; k < job->joined; k++) set(job, array, k * job->channels + channel, value);
}

/// Where a part of an item lies: its rows as wide rows, and those that are left.
struct part {
  long first, rows, wide_rows, rest;  ///< `first`: in elements
};
static struct part part_of(const struct group_job *job, long o, long p) {
  const long begin = p * job->part_rows, left = job->rows - begin;
  struct part part = {.first = (o * job->rows + begin) * job->channels, .rows = left < job->part_rows ? left : job->part_rows};
  part.wide_rows = part.rows / job->joined;
  part.rest = part.rows % job->joined;
  return part;
}

/// The sum of one channel over all parts of an item.
static double channel_sum(const struct group_job *job, long o, long which, long channel) {
  double total = 0;
  for (long p = 0; p < job->parts; p++)
    for (long k = 0; k < job->joined; k++) total += get(job, partial_sums(job, o, p, which), k * job->channels + channel);
  return total;
}

// MARK: Passes over one part

/// Sums of the elements, or (with `centers`) of their squared distances, of each column.
static void sum_part(const struct group_job *job, long o, long p, const char *centers) {
  const struct part part = part_of(job, o, p);
  const nnk_reduce_columns_loop loop = nnk_math()->reduce_columns[centers == NULL ? NNK_SUM : (int)NNK_REDUCE_COUNT][job->type];
  char *sums = partial_sums(job, o, p, 0), *rest = partial_sums(job, o, p, 1);
  const char *x = job->x + part.first * job->bytes;
  if (part.wide_rows > 0) loop(x, job->wide, part.wide_rows, job->wide, centers, true, sums);
  else memset(sums, 0, (size_t)(job->wide * job->bytes));
  if (part.rest == 0) return;
  loop(x + part.wide_rows * job->wide * job->bytes, job->channels, part.rest, job->channels, centers, true, rest);
  for (long c = 0; c < job->channels; c++) set(job, sums, c, get(job, sums, c) + get(job, rest, c));
}

static void normalize_part(const struct group_job *job, long o, long p) {
  const struct part part = part_of(job, o, p);
  const nnk_scale_columns_loop loop = nnk_sequences()->scale_columns[job->type];
  const long first = part.first * job->bytes, rest = first + part.wide_rows * job->wide * job->bytes;
  const char *mean = column_array(job, o, 0), *a = column_array(job, o, 1), *b = column_array(job, o, 2);
  loop(job->x + first, mean, a, b, job->y + first, part.wide_rows, job->wide);
  loop(job->x + rest, mean, a, b, job->y + rest, part.rest, job->channels);
}

static void moments_part(const struct group_job *job, long o, long p) {
  const struct part part = part_of(job, o, p);
  const nnk_column_moments_loop loop = nnk_sequences()->column_moments[job->type];
  char *sums = partial_sums(job, o, p, 0), *moments = partial_sums(job, o, p, 1);
  const char *means = column_array(job, o, 0);
  const long first = part.first * job->bytes, rest = first + part.wide_rows * job->wide * job->bytes;
  memset(sums, 0, (size_t)(2 * job->wide * job->bytes));
  loop(job->g + first, job->x + first, means, sums, moments, part.wide_rows, job->wide);
  if (part.rest == 0) return;
  double rows[2 * NARROW];
  char *rest_sums = (char *)rows, *rest_moments = rest_sums + job->channels * job->bytes;
  loop(job->g + rest, job->x + rest, means, rest_sums, rest_moments, part.rest, job->channels);
  for (long c = 0; c < job->channels; c++) {
    set(job, sums, c, get(job, sums, c) + get(job, rest_sums, c));
    set(job, moments, c, get(job, moments, c) + get(job, rest_moments, c));
  }
}

static void mix_part(const struct group_job *job, long o, long p) {
  const struct part part = part_of(job, o, p);
  const nnk_mix_columns_loop loop = nnk_sequences()->mix_columns[job->type];
  const long first = part.first * job->bytes, rest = first + part.wide_rows * job->wide * job->bytes;
  const char *mean = column_array(job, o, 0), *a = column_array(job, o, 1), *b = column_array(job, o, 2), *c = column_array(job, o, 3);
  loop(job->g + first, job->x + first, mean, a, b, c, job->y + first, part.wide_rows, job->wide);
  loop(job->g + rest, job->x + rest, mean, a, b, c, job->y + rest, part.rest, job->channels);
}

// MARK: Between the passes

/// Means of an item's groups from the sums of its parts.
static void join_means(const struct group_job *job, long o) {
  const long size = job->channels / job->groups;
  for (long k = 0; k < job->groups; k++) {
    double total = 0;
    for (long c = k * size; c < (k + 1) * size; c++) total += channel_sum(job, o, 0, c);
    set(job, job->means, o * job->groups + k, total / (double)(job->rows * size));
    const double mean = get(job, job->means, o * job->groups + k);
    for (long c = k * size; c < (k + 1) * size; c++) set_channel(job, column_array(job, o, 0), c, mean);
  }
}

/// Variances of an item's groups, and what its columns are multiplied with.
static void join_variances(const struct group_job *job, long o) {
  const long size = job->channels / job->groups;
  for (long k = 0; k < job->groups; k++) {
    double total = 0;
    for (long c = k * size; c < (k + 1) * size; c++) total += channel_sum(job, o, 0, c);
    const double variance = total / (double)(job->rows * size), scale = 1 / nnk_sqrt_f64(variance + job->epsilon);
    set(job, job->variances, o * job->groups + k, variance);
    for (long c = k * size; c < (k + 1) * size; c++) {
      set_channel(job, column_array(job, o, 1), c, job->weight == NULL ? scale : scale * get(job, job->weight, c));
      set_channel(job, column_array(job, o, 2), c, job->bias == NULL ? 0 : get(job, job->bias, c));
    }
  }
}

static void place_means(const struct group_job *job, long o) {
  const long size = job->channels / job->groups;
  for (long c = 0; c < job->channels; c++)
    set_channel(job, column_array(job, o, 0), c, get(job, job->means, o * job->groups + c / size));
}

/// The coefficients of dx, and the item's share of the gradients in weight and bias.
static void join_moments(const struct group_job *job, long o) {
  const long size = job->channels / job->groups;
  double *dweight = job->slopes + 2 * o * job->channels, *dbias = dweight + job->channels;
  for (long k = 0; k < job->groups; k++) {
    const double scale = 1 / nnk_sqrt_f64(get(job, job->variances, o * job->groups + k) + job->epsilon);
    double plain = 0, crossed = 0;
    for (long c = k * size; c < (k + 1) * size; c++) {
      const double weight = job->weight == NULL ? 1 : get(job, job->weight, c);
      dbias[c] = channel_sum(job, o, 0, c);
      dweight[c] = channel_sum(job, o, 1, c) * scale;
      plain += weight * dbias[c];
      crossed += weight * dweight[c];
    }
    const double count = (double)(job->rows * size);
    for (long c = k * size; c < (k + 1) * size; c++) {
      set_channel(job, column_array(job, o, 1), c, scale * (job->weight == NULL ? 1 : get(job, job->weight, c)));
      set_channel(job, column_array(job, o, 2), c, -scale * scale * crossed / count);
      set_channel(job, column_array(job, o, 3), c, -scale * plain / count);
    }
  }
}

// MARK: Running

static void sum_chunk(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  sum_part(job, chunk / job->parts, chunk % job->parts, NULL);
}
static void squares_chunk(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  sum_part(job, chunk / job->parts, chunk % job->parts, column_array(job, chunk / job->parts, 0));
}
static void normalize_chunk(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  normalize_part(job, chunk / job->parts, chunk % job->parts);
}
static void moments_chunk(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  moments_part(job, chunk / job->parts, chunk % job->parts);
}
static void mix_chunk(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  mix_part(job, chunk / job->parts, chunk % job->parts);
}

/// All passes over an item that is a single part, one after the other while it is in the cache.
static void forward_item(void *context, long o, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  sum_part(job, o, 0, NULL);
  join_means(job, o);
  sum_part(job, o, 0, column_array(job, o, 0));
  join_variances(job, o);
  normalize_part(job, o, 0);
}
static void backward_item(void *context, long o, long chunks) {
  (void)chunks;
  const struct group_job *job = context;
  place_means(job, o);
  moments_part(job, o, 0);
  join_moments(job, o);
  if (job->y != NULL) mix_part(job, o, 0);
}

/// Fills in the sizes and allocates; false when out of memory.
static bool prepare(struct group_job *job, bool backward) {
  job->bytes = (long)nnk_type_bytes(job->type);
  job->joined = job->channels < NARROW && job->rows >= JOINED ? JOINED : 1;
  job->wide = job->channels * job->joined;
  job->part_rows = (PART_ELEMENTS / job->channels + PART_GRAIN) / PART_GRAIN * PART_GRAIN;
  job->parts = (job->rows + job->part_rows - 1) / job->part_rows;
  const size_t wide_bytes = (size_t)(job->wide * job->bytes);
  job->partial = nnk_block_alloc((size_t)(job->outer * job->parts * 2) * wide_bytes);
  job->columns = nnk_block_alloc((size_t)(job->outer * COLUMN_ARRAYS) * wide_bytes);
  job->slopes = backward ? nnk_block_alloc((size_t)(job->outer * 2 * job->channels) * sizeof(double)) : NULL;
  return job->partial != NULL && job->columns != NULL && (job->slopes != NULL || !backward);
}

static void finish(struct group_job *job) {
  nnk_block_release(job->partial);
  nnk_block_release(job->columns);
  nnk_block_release(job->slopes);
}

static double pass_cost(const struct group_job *job) {
  return (double)job->outer * (double)job->rows * (double)job->channels * PASS_COST * (double)job->bytes / 4 *
         nnk_slowness(nnk_math());
}

bool nnk_group_norm(
    nnk_type type, const void *x, const void *weight, const void *bias, void *y, void *means, void *variances, size_t outer,
    size_t rows, size_t channels, size_t groups, double epsilon) {
  if (type != NNK_F32 && type != NNK_F64) return false;
  if (outer * groups == 0) return true;
  struct group_job job = {.type = type, .x = x, .weight = weight, .bias = bias, .y = y, .means = means, .variances = variances,
                          .outer = (long)outer, .rows = (long)rows, .channels = (long)channels, .groups = (long)groups,
                          .epsilon = epsilon};
  if (rows * channels == 0) return nnk_fill(type, 0, means, outer * groups) && nnk_fill(type, 0, variances, outer * groups);
  const bool ready = prepare(&job, false);
  if (ready && job.parts == 1) {
    nnk_parallel_sized(job.outer, 3 * pass_cost(&job), forward_item, &job);
  } else if (ready) {
    nnk_parallel_sized(job.outer * job.parts, pass_cost(&job), sum_chunk, &job);
    for (long o = 0; o < job.outer; o++) join_means(&job, o);
    nnk_parallel_sized(job.outer * job.parts, pass_cost(&job), squares_chunk, &job);
    for (long o = 0; o < job.outer; o++) join_variances(&job, o);
    nnk_parallel_sized(job.outer * job.parts, pass_cost(&job), normalize_chunk, &job);
  }
  finish(&job);
  return ready;
}

/// Adds up the items' gradients in weight and bias.
static void join_slopes(const struct group_job *job, long which, void *result) {
  for (long c = 0; result != NULL && c < job->channels; c++) {
    double total = 0;
    for (long o = 0; o < job->outer; o++) total += job->slopes[(2 * o + which) * job->channels + c];
    set(job, result, c, total);
  }
}

bool nnk_group_norm_grad(
    nnk_type type, const void *g, const void *x, const void *weight, const void *means, const void *variances, void *dx, void *dweight,
    void *dbias, size_t outer, size_t rows, size_t channels, size_t groups, double epsilon) {
  if (type != NNK_F32 && type != NNK_F64) return false;
  struct group_job job = {.type = type, .g = g, .x = x, .weight = weight, .y = dx, .means = (void *)means,
                          .variances = (void *)variances, .outer = (long)outer, .rows = (long)rows, .channels = (long)channels,
                          .groups = (long)groups, .epsilon = epsilon};
  if (outer * rows * channels == 0) {
    if (dweight != NULL) nnk_fill(type, 0, dweight, channels);
    if (dbias != NULL) nnk_fill(type, 0, dbias, channels);
    return true;
  }
  const bool ready = prepare(&job, true);
  if (ready && job.parts == 1) {
    nnk_parallel_sized(job.outer, 2 * pass_cost(&job), backward_item, &job);
  } else if (ready) {
    for (long o = 0; o < job.outer; o++) place_means(&job, o);
    nnk_parallel_sized(job.outer * job.parts, pass_cost(&job), moments_chunk, &job);
    for (long o = 0; o < job.outer; o++) join_moments(&job, o);
    if (dx != NULL) nnk_parallel_sized(job.outer * job.parts, pass_cost(&job), mix_chunk, &job);
  }
  if (ready) {
    join_slopes(&job, 0, dweight);
    join_slopes(&job, 1, dbias);
  }
  finish(&job);
  return ready;
}
