// Optimizer steps: the constants of a step, then chunks of parameters on all threads.
#include "spread.h"

struct sgd_job {
  nnk_sgd_loop loop;
  struct nnk_sgd_step step;
  void *p, *velocity;
  const void *g;
  long n;
  size_t bytes;
};

static void run_sgd(void *context, long chunk, long chunks) {
  const struct sgd_job *job = context;
  const long begin = nnk_chunk_begin(job->n, 256, chunk, chunks), end = nnk_chunk_begin(job->n, 256, chunk + 1, chunks);
  void *velocity = job->velocity == NULL ? NULL : nnk_after_mutable(job->velocity, begin, job->bytes);
  job->loop(nnk_after_mutable(job->p, begin, job->bytes), nnk_after(job->g, begin, job->bytes), velocity, end - begin, &job->step);
}

/// Runs a step of `cost` nanoseconds an f32 element on AVX-512.
static void spread_step(nnk_job run, void *job, nnk_type type, long n, double cost) {
  const double nanoseconds = (double)n * cost * (type == NNK_F64 ? 3 : 1) * nnk_slowness(nnk_math());
  const long chunks = nnk_chunks(nanoseconds, n / 256);
  if (chunks == 1) {
    run(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run, job);
  }
}

bool nnk_sgd(
    nnk_type type, void *p, const void *g, void *velocity, size_t n, double lr, double momentum, double weight_decay, bool nesterov) {
  struct sgd_job job = {nnk_math()->sgd[type], {lr, momentum, weight_decay, nesterov}, p, velocity, g, (long)n, nnk_type_bytes(type)};
  if (job.loop == NULL) return false;
  spread_step(run_sgd, &job, type, (long)n, 0.08);
  return true;
}

struct adam_job {
  nnk_adam_loop loop;
  struct nnk_adam_step step;
  void *p, *m, *v;
  const void *g;
  long n;
  size_t bytes;
};

static void run_adam(void *context, long chunk, long chunks) {
  const struct adam_job *job = context;
  const long begin = nnk_chunk_begin(job->n, 256, chunk, chunks), end = nnk_chunk_begin(job->n, 256, chunk + 1, chunks);
  job->loop(nnk_after_mutable(job->p, begin, job->bytes), nnk_after(job->g, begin, job->bytes),
            nnk_after_mutable(job->m, begin, job->bytes), nnk_after_mutable(job->v, begin, job->bytes), end - begin, &job->step);
}

bool nnk_adam(
    nnk_type type, void *p, const void *g, void *m, void *v, size_t n, double lr, double b1, double b2, double epsilon,
    double weight_decay, bool decoupled, uint64_t t) {
  const struct nnk_adam_step step = {
      .b1 = b1,
      .b2 = b2,
      .epsilon = epsilon,
      .rate = lr / (1 - nnk_pow_f64(b1, (double)t)),
      .root = 1 / nnk_sqrt_f64(1 - nnk_pow_f64(b2, (double)t)),
      .shrink = decoupled ? 1 - lr * weight_decay : 1,
      .decay = decoupled ? 0 : weight_decay,
  };
  struct adam_job job = {nnk_math()->adam[type], step, p, m, v, g, (long)n, nnk_type_bytes(type)};
  if (job.loop == NULL) return false;
  spread_step(run_adam, &job, type, (long)n, 0.12);
  return true;
}
