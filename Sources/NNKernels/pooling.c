// Pooling and resampling of images: rows in chunks on all threads.
#include "spread.h"
#include "table.h"

/// Nanoseconds for one tap of one vector of channels, about.
static const double TAP = 1;

struct pool_job {
  const nnk_conv *window;
  const void *x, *given;
  void *y, *index;
  long index_bytes, rows;
  const struct nnk_resample_job *resample;
  nnk_type type;
};

/// How long `pixels` windows of `taps` taps take.
static double window_time(nnk_type type, double pixels, long channels, double taps) {
  const long lanes = nnk_kernels()->lanes / (type == NNK_F32 ? 1 : 2);
  return pixels * (double)((channels + lanes - 1) / lanes) * (taps + 1) * TAP;
}

static void spread_rows(struct pool_job *job, double nanoseconds, nnk_job run) {
  if (job->rows > 0) nnk_parallel_sized(nnk_chunks(nanoseconds, job->rows), nanoseconds, run, job);
}

// MARK: Max pooling

static void run_max_pool(void *context, long chunk, long chunks) {
  const struct pool_job *job = context;
  const struct nnk_table *table = nnk_kernels();
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  (job->type == NNK_F32 ? table->max_pool_rows_f32 : table->max_pool_rows_f64)(job->window, job->x, job->y, job->index,
                                                                               job->index_bytes, begin, end);
}

void nnk_max_pool(nnk_type type, const nnk_conv *v, const void *x, void *y, void *index, long index_bytes) {
  struct pool_job job = {.window = v, .x = x, .y = y, .index = index, .index_bytes = index_bytes,
                         .rows = v->batch * v->out_height, .type = type};
  const double taps = (double)(v->kernel_height * v->kernel_width);
  spread_rows(&job, window_time(type, (double)job.rows * (double)v->out_width, v->in_channels, taps), run_max_pool);
}

static void run_max_pool_grad(void *context, long chunk, long chunks) {
  const struct pool_job *job = context;
  const struct nnk_table *table = nnk_kernels();
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  (job->type == NNK_F32 ? table->max_pool_grad_rows_f32 : table->max_pool_grad_rows_f64)(job->window, job->x, job->given,
                                                                                         job->index_bytes, job->y, begin, end);
}

void nnk_max_pool_grad(nnk_type type, const nnk_conv *v, const void *g, const void *index, long index_bytes, void *dx) {
  struct pool_job job = {.window = v, .x = g, .given = index, .y = dx, .index_bytes = index_bytes,
                         .rows = v->batch * v->in_height, .type = type};
  const double pixels = (double)v->batch * (double)(v->out_height * v->out_width), taps = (double)(v->kernel_height * v->kernel_width);
  spread_rows(&job, window_time(type, pixels, v->in_channels, 2 * taps), run_max_pool_grad);
}

/// The winner of an output element, -1 where there is none.
static long winner(const void *index, long index_bytes, long place) {
  if (index_bytes == 4) return ((const int32_t *)index)[place];
  const uint8_t tap = ((const uint8_t *)index)[place];
  return tap == UINT8_MAX ? -1 : tap;
}

static void run_max_pool_take(void *context, long chunk, long chunks) {
  const struct pool_job *job = context;
  const nnk_conv *v = job->window;
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  for (long r = begin; r < end; r++) {
    const long n = r / v->out_height, i = r % v->out_height;
    for (long k = 0; k < v->out_width * v->in_channels; k++) {
      const long j = k / v->in_channels, c = k % v->in_channels, to = r * v->out_width * v->in_channels + k;
      const long tap = winner(job->given, job->index_bytes, to);
      const long h = i * v->stride_y - v->pad_top + tap / v->kernel_width * v->dilation_y;
      const long w = j * v->stride_x - v->pad_left + tap % v->kernel_width * v->dilation_x;
      const long from = ((n * v->in_height + h) * v->in_width + w) * v->in_channels + c;
      if (job->type == NNK_F32) {
        ((float *)job->y)[to] = tap < 0 ? 0 : ((const float *)job->x)[from];
      } else {
        ((double *)job->y)[to] = tap < 0 ? 0 : ((const double *)job->x)[from];
      }
    }
  }
}

void nnk_max_pool_take(nnk_type type, const nnk_conv *v, const void *x, const void *index, long index_bytes, void *y) {
  struct pool_job job = {.window = v, .x = x, .given = index, .y = y, .index_bytes = index_bytes,
                         .rows = v->batch * v->out_height, .type = type};
  spread_rows(&job, 3 * (double)job.rows * (double)(v->out_width * v->in_channels), run_max_pool_take);
}

// MARK: Resampling

static void run_resample(void *context, long chunk, long chunks) {
  const struct pool_job *job = context;
  const struct nnk_table *table = nnk_kernels();
  const long begin = nnk_chunk_begin(job->rows, 1, chunk, chunks), end = nnk_chunk_begin(job->rows, 1, chunk + 1, chunks);
  (job->type == NNK_F32 ? table->resample_rows_f32 : table->resample_rows_f64)(job->resample, job->x, job->y, begin, end);
}

void nnk_resample(nnk_type type, long batch, long height, long width, long channels, const nnk_resampling *rows,
                  const nnk_resampling *columns, const void *x, void *y) {
  const struct nnk_resample_job resample = {height, width, channels, rows, columns};
  struct pool_job job = {.x = x, .y = y, .rows = batch * rows->outputs, .resample = &resample, .type = type};
  if (columns->outputs == 0 || channels == 0) return;
  const double taps_y = (double)rows->begin[rows->outputs] / (double)(rows->outputs > 0 ? rows->outputs : 1);
  const double taps_x = (double)columns->begin[columns->outputs] / (double)columns->outputs;
  spread_rows(&job, window_time(type, (double)job.rows * (double)columns->outputs, channels, taps_y * taps_x), run_resample);
}
