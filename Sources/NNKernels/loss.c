// Losses fused with what precedes them: softmax cross entropy for class indices and for probabilities, mean squared error.
#include "spread.h"

/// Nanoseconds for an f32 element on AVX-512, about.
static const double COST = 0.4;

enum { ROW_BLOCK = 128 };

struct entropy_job {
  nnk_type type, label_type;
  const struct nnk_math_table *table;
  const char *x, *labels, *targets;  ///< class indices, or (NULL then) probabilities of the shape of x
  char *probabilities, *losses;      ///< losses: one a row
  char *dx;
  double factor;
  long rows, cols;
  size_t bytes;
};

static int64_t label_at(const struct entropy_job *job, long i) {
  switch (job->label_type) {
    case NNK_I32: return ((const int32_t *)job->labels)[i];
    case NNK_I64: return ((const int64_t *)job->labels)[i];
    default: return ((const uint8_t *)job->labels)[i];
  }
}

/// loss[r] = (largest - x[label]) + log(sum) of a block of rows.
static void label_losses(const struct entropy_job *job, long first, long count, const void *largest, const void *logs) {
  for (long r = 0; r < count; r++) {
    const long place = (first + r) * job->cols + label_at(job, first + r);
    if (job->type == NNK_F32) {
      const float distance = ((const float *)largest)[r] - ((const float *)job->x)[place];
      ((float *)job->losses)[first + r] = distance + ((const float *)logs)[r];
    } else {
      const double distance = ((const double *)largest)[r] - ((const double *)job->x)[place];
      ((double *)job->losses)[first + r] = distance + ((const double *)logs)[r];
    }
  }
}

static void run_entropy(void *context, long chunk, long chunks) {
  const struct entropy_job *job = context;
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  double largest[ROW_BLOCK], logs[ROW_BLOCK];
  for (long r = begin; r < end; r += ROW_BLOCK) {
    const long count = end - r < ROW_BLOCK ? end - r : ROW_BLOCK, place = r * job->cols;
    const void *x = nnk_after(job->x, place, job->bytes);
    void *p = job->probabilities == NULL ? NULL : nnk_after_mutable(job->probabilities, place, job->bytes);
    job->table->softmax[job->type](x, p, count, job->cols, largest, logs);
    job->table->unary[NNK_LOG][job->type](logs, logs, count);
    if (job->labels != NULL) {
      label_losses(job, r, count, largest, logs);
    } else {
      job->table->soft_loss[job->type](x, nnk_after(job->targets, place, job->bytes), count, job->cols, largest, logs,
                                       nnk_after_mutable(job->losses, r, job->bytes));
    }
  }
}

static void spread_entropy(nnk_job run, struct entropy_job *job, double cost) {
  const double factor = (job->type == NNK_F64 ? 3 : 1) * nnk_slowness(job->table);
  const double nanoseconds = (double)job->rows * (double)job->cols * cost * factor;
  const long chunks = nnk_chunks(nanoseconds, job->rows);
  if (chunks == 1) {
    run(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run, job);
  }
}

/// The losses of all rows, then their mean. False when out of memory.
static bool mean_entropy(struct entropy_job *job, void *loss) {
  double few[1024];
  const bool fits = job->rows <= 1024;
  job->losses = fits ? (char *)few : nnk_block_alloc((size_t)job->rows * job->bytes);
  if (job->losses == NULL) return false;
  spread_entropy(run_entropy, job, COST);
  nnk_reduce(NNK_MEAN, job->type, job->losses, loss, 1, (size_t)job->rows, 1);
  if (!fits) nnk_block_release(job->losses);
  return true;
}

ptrdiff_t nnk_cross_entropy(
    nnk_type type, const void *x, nnk_type label_type, const void *labels, void *probabilities, void *loss, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  if (table->softmax[type] == NULL) return NNK_INDICES_BAD_TYPE;
  const ptrdiff_t checked = nnk_check_indices(label_type, labels, rows, 0, (int64_t)cols);
  if (checked != NNK_INDICES_OK) return checked;
  struct entropy_job job = {
      .type = type, .label_type = label_type, .table = table, .x = x, .labels = labels, .probabilities = probabilities,
      .rows = (long)rows, .cols = (long)cols, .bytes = nnk_type_bytes(type)};
  return mean_entropy(&job, loss) ? NNK_INDICES_OK : NNK_INDICES_BAD_TYPE;
}

bool nnk_cross_entropy_soft(
    nnk_type type, const void *x, const void *targets, void *probabilities, void *loss, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  if (table->softmax[type] == NULL) return false;
  struct entropy_job job = {
      .type = type, .table = table, .x = x, .targets = targets, .probabilities = probabilities,
      .rows = (long)rows, .cols = (long)cols, .bytes = nnk_type_bytes(type)};
  return mean_entropy(&job, loss);
}

// MARK: Gradients

/// All of a block is scaled, then the labels' elements are set; their probabilities are kept, as dx may be where they lie.
static void run_label_gradient(void *context, long chunk, long chunks) {
  const struct entropy_job *job = context;
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  const double factor = job->factor;
  const float short_factor = (float)factor;
  double kept[ROW_BLOCK];
  for (long r = begin; r < end; r += ROW_BLOCK) {
    const long count = end - r < ROW_BLOCK ? end - r : ROW_BLOCK, n = count * job->cols;
    const float *p32 = (const float *)job->probabilities;
    const double *p64 = (const double *)job->probabilities;
    for (long k = 0; k < count; k++) {
      const long place = (r + k) * job->cols + label_at(job, r + k);
      kept[k] = job->type == NNK_F32 ? p32[place] : p64[place];
    }
    const void *number = job->type == NNK_F32 ? (const void *)&short_factor : (const void *)&factor;
    const struct nnk_binary_part part = {nnk_after(job->probabilities, r * job->cols, job->bytes), number,
                                         nnk_after_mutable(job->dx, r * job->cols, job->bytes), {0, 1}, {0, 0}, n, 1, n};
    job->table->binary[NNK_MUL][job->type](&part);
    for (long k = 0; k < count; k++) {
      const long place = (r + k) * job->cols + label_at(job, r + k);
      if (job->type == NNK_F32) {
        ((float *)job->dx)[place] = ((float)kept[k] - 1.0f) * short_factor;
      } else {
        ((double *)job->dx)[place] = (kept[k] - 1.0) * factor;
      }
    }
  }
}

bool nnk_cross_entropy_grad(
    nnk_type type, double g, const void *probabilities, nnk_type label_type, const void *labels, void *dx, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  if (table->softmax[type] == NULL) return false;
  struct entropy_job job = {
      .type = type, .label_type = label_type, .table = table, .labels = labels, .probabilities = (char *)probabilities,
      .dx = dx, .factor = g / (double)rows, .rows = (long)rows, .cols = (long)cols, .bytes = nnk_type_bytes(type)};
  spread_entropy(run_label_gradient, &job, COST / 8);
  return true;
}

static void run_soft_gradient(void *context, long chunk, long chunks) {
  const struct entropy_job *job = context;
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  const long place = begin * job->cols;
  job->table->soft_loss_grad[job->type](nnk_after(job->probabilities, place, job->bytes), nnk_after(job->targets, place, job->bytes),
                                        nnk_after_mutable(job->dx, place, job->bytes), end - begin, job->cols, job->factor);
}

bool nnk_cross_entropy_soft_grad(
    nnk_type type, double g, const void *probabilities, const void *targets, void *dx, size_t rows, size_t cols) {
  const struct nnk_math_table *table = nnk_math();
  if (table->softmax[type] == NULL) return false;
  struct entropy_job job = {
      .type = type, .table = table, .targets = targets, .probabilities = (char *)probabilities, .dx = dx,
      .factor = g / (double)rows, .rows = (long)rows, .cols = (long)cols, .bytes = nnk_type_bytes(type)};
  spread_entropy(run_soft_gradient, &job, COST / 4);
  return true;
}

// MARK: Mean squared error

/// Squared differences are the sum of squares of a with b as centers, block by block: the order of `nnk_reduce`.
enum { PART = 65536 };

struct mse_job {
  const struct nnk_math_table *table;
  nnk_type type;
  const char *a, *b;
  char *sums;
  long n;
  size_t bytes;
};

static void run_mse(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct mse_job *job = context;
  const long begin = chunk * PART, n = job->n - begin < PART ? job->n - begin : PART;
  job->table->squared_distance[job->type](nnk_after(job->a, begin, job->bytes), nnk_after(job->b, begin, job->bytes), n,
                                          job->sums + chunk * (long)job->bytes);
}

bool nnk_mse(nnk_type type, const void *a, const void *b, void *loss, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (table->squared_distance[type] == NULL) return false;
  const long parts = ((long)n + PART - 1) / PART;
  double few[256];
  const bool fits = parts <= 256;
  struct mse_job job = {table, type, a, b, fits ? (char *)few : nnk_block_alloc((size_t)parts * 8), (long)n, nnk_type_bytes(type)};
  if (job.sums == NULL) return false;
  nnk_parallel_sized(parts, (double)n * 0.06 * (double)job.bytes / 4 * nnk_slowness(table), run_mse, &job);
  nnk_reduce(NNK_SUM, type, job.sums, loss, 1, (size_t)parts, 1);
  if (!fits) nnk_block_release(job.sums);
  return nnk_binary_scalar(NNK_DIV, type, loss, (double)n, loss, 1);
}

struct mse_gradient_job {
  const struct nnk_math_table *table;
  nnk_type type;
  const char *a, *b;
  char *da;
  long n;
  size_t bytes;
  const void *factor;
};

/// The difference, then its multiple, block by block: exactly 0 where a is b.
static void run_mse_gradient(void *context, long chunk, long chunks) {
  enum { BLOCK = 2048 };
  const struct mse_gradient_job *job = context;
  const long begin = nnk_chunk_begin(job->n, BLOCK, chunk, chunks), end = nnk_chunk_begin(job->n, BLOCK, chunk + 1, chunks);
  for (long i = begin; i < end; i += BLOCK) {
    const long n = end - i < BLOCK ? end - i : BLOCK;
    void *da = nnk_after_mutable(job->da, i, job->bytes);
    const struct nnk_binary_part difference = {
        nnk_after(job->a, i, job->bytes), nnk_after(job->b, i, job->bytes), da, {0, 1}, {0, 1}, n, 1, n};
    const struct nnk_binary_part multiple = {da, job->factor, da, {0, 1}, {0, 0}, n, 1, n};
    job->table->binary[NNK_SUB][job->type](&difference);
    job->table->binary[NNK_MUL][job->type](&multiple);
  }
}

bool nnk_mse_grad(nnk_type type, double g, const void *a, const void *b, void *da, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  if (table->squared_distance[type] == NULL) return false;
  uint64_t factor;
  nnk_store_number(type, 2 * g / (double)n, &factor);
  struct mse_gradient_job job = {table, type, a, b, da, (long)n, nnk_type_bytes(type), &factor};
  const double nanoseconds = (double)n * 0.08 * (double)job.bytes / 4 * nnk_slowness(table);
  const long chunks = nnk_chunks(nanoseconds, (long)n / 2048);
  if (chunks == 1) {
    run_mse_gradient(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_mse_gradient, &job);
  }
  return true;
}
