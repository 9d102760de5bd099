// Fourier transforms: plans for a length, and the batch spread over the pool.
//
// Lengths with prime factors up to 31 are taken apart by passes; long ones as a matrix of two shorter lengths, columns first, so
// that every pass runs along contiguous memory (Bailey 1990). Other lengths become a convolution of a length that is a
// power of two (Bluestein 1970).
#include "spread.h"

enum { LARGEST_RADIX = 31, LANES = 8, MOST_CHUNKS = 16, SPLIT_FROM = 512 };
static const double PI = 3.14159265358979323846;

/// Arrays of real and imaginary parts.
struct parts {
  double *re, *im;
};

/// The powers of e^(-2 pi i / n).
struct roots {
  long n;
  struct parts w;
};

/// What transforms of one length share.
struct plan {
  const struct nnk_table *table;
  long n, rows, columns;  ///< as a matrix, where it is worth it; otherwise rows is 0
  struct roots roots;
  const struct plan *convolution;  ///< a power of two, for lengths with large prime factors
  struct parts chirp;              ///< e^(-pi i j^2 / n)
  struct parts kernel;             ///< the transform of the conjugate chirp
};

// MARK: Roots

/// e^(-2 pi i k / n) for 0 <= k < n, from an angle of at most an eighth of a turn.
static void root_of(long k, long n, double *re, double *im) {
  const long eighths = 8 * k / n;
  const long turns = (eighths + 1) / 2;  // the nearest quarter turn
  const double angle = 2 * PI * (double)(4 * k - turns * n) / (4 * (double)n);
  const double c = nnk_unary_f64(NNK_COS, angle), s = nnk_unary_f64(NNK_SIN, angle);
  switch (turns & 3) {
    case 0: *re = c, *im = -s; break;
    case 1: *re = -s, *im = -c; break;
    case 2: *re = -c, *im = s; break;
    default: *re = s, *im = c; break;
  }
}

static void fill_roots(struct roots *roots) {
  const long n = roots->n;
  for (long k = 0; k <= n / 2; k++) root_of(k, n, roots->w.re + k, roots->w.im + k);
  for (long k = n / 2 + 1; k < n; k++) {
    roots->w.re[k] = roots->w.re[n - k];
    roots->w.im[k] = -roots->w.im[n - k];
  }
}

// MARK: Lengths

/// The next radix for a length; a prime over LARGEST_RADIX if there is no smaller factor.
static long radix_of(long n) {
  if (n % 4 == 0) return 4;
  for (long r = 2; r <= LARGEST_RADIX; r++)
    if (n % r == 0) return r;
  return n;
}

static bool is_smooth(long n) {
  while (n > 1) {
    const long r = radix_of(n);
    if (r > LARGEST_RADIX) return false;
    n /= r;
  }
  return true;
}

/// The rows of the squarest matrix with n elements; 0 where the length is short or has no such matrix.
static long rows_of(long n) {
  if (n < SPLIT_FROM) return 0;
  long rows = (long)__builtin_elementwise_sqrt((double)n);
  while (n % rows != 0) rows--;
  return rows >= LANES / 2 ? rows : 0;
}

// MARK: One transform

/// Transforms of length n (which divides the roots' number) side by side in `lanes`; gives where the result is.
static struct parts run_passes(
    const struct plan *plan, long n, long lanes, struct parts x, struct parts spare) {
  long m = n, width = lanes;
  while (m > 1) {
    const long radix = radix_of(m);
    m /= radix;
    plan->table->fft_pass(&(nnk_fft_pass){
        .x_re = x.re, .x_im = x.im, .y_re = spare.re, .y_im = spare.im, .radix = radix, .m = m, .width = width,
        .root_re = plan->roots.w.re, .root_im = plan->roots.w.im, .root_count = plan->roots.n});
    const struct parts old = x;
    x = spare;
    spare = old;
    width *= radix;
  }
  return x;
}

/// The transform by way of a matrix [rows, columns]: down the columns, a turn of each element, along the rows.
static struct parts run_matrix(const struct plan *plan, struct parts x, struct parts spare) {
  const long rows = plan->rows, columns = plan->columns;
  const struct parts first = run_passes(plan, rows, columns, x, spare);
  const struct parts other = first.re == x.re ? spare : x;
  for (long i = 0; i < rows && !nnk_cancelled(); i++) {
    for (long j = 0; j < columns; j++) {
      const long turn = i * j;
      const double a = first.re[i * columns + j], b = first.im[i * columns + j];
      const double c = plan->roots.w.re[turn], s = plan->roots.w.im[turn];
      other.re[j * rows + i] = a * c - b * s;
      other.im[j * rows + i] = a * s + b * c;
    }
  }
  return run_passes(plan, columns, rows, other, first);
}

static struct parts run_smooth(const struct plan *plan, long lanes, struct parts x, struct parts spare) {
  return plan->rows > 0 ? run_matrix(plan, x, spare) : run_passes(plan, plan->n, lanes, x, spare);
}

/// z = x y of complex numbers; z may be x.
static void multiply(struct parts x, struct parts y, struct parts z, long n) {
  for (long i = 0; i < n; i++) {
    const double a = x.re[i], b = x.im[i];
    z.re[i] = a * y.re[i] - b * y.im[i];
    z.im[i] = a * y.im[i] + b * y.re[i];
  }
}

/// The transform as a convolution with the chirp: j k = (j^2 + k^2 - (k - j)^2) / 2.
static struct parts run_chirp(const struct plan *plan, struct parts x, struct parts spare) {
  const long n = plan->n, size = plan->convolution->n;
  multiply(x, plan->chirp, x, n);
  for (long i = n; i < size; i++) x.re[i] = x.im[i] = 0;
  struct parts y = run_smooth(plan->convolution, 1, x, spare);
  multiply(y, plan->kernel, y, size);
  // With real and imaginary parts exchanged the transform is the inverse one.
  const struct parts other = y.re == x.re ? spare : x;
  y = run_smooth(plan->convolution, 1, (struct parts){y.im, y.re}, (struct parts){other.im, other.re});
  y = (struct parts){y.im, y.re};
  multiply(y, plan->chirp, y, n);
  return y;
}

// MARK: Plans

/// Bytes of numbers a plan needs for its tables, and each lane for its four work arrays.
static long work_length(const struct plan *plan) { return plan->convolution != NULL ? plan->convolution->n : plan->n; }

static void begin_plan(struct plan *plan, long n, double *memory) {
  *plan = (struct plan){.table = nnk_kernels(), .n = n, .rows = rows_of(n)};
  plan->columns = plan->rows > 0 ? n / plan->rows : 0;
  plan->roots = (struct roots){.n = n, .w = {memory, memory + n}};
  fill_roots(&plan->roots);
}

/// `memory` holds 2 * size numbers for the convolution's roots, 2 * size for the kernel, 2 * n for the chirp, 4 * size to work in.
static void begin_chirp(struct plan *plan, struct plan *convolution, long n, long size, double *memory) {
  begin_plan(convolution, size, memory);
  double *next = memory + 2 * size;
  *plan = (struct plan){.table = nnk_kernels(), .n = n, .convolution = convolution};
  plan->kernel = (struct parts){next, next + size};
  plan->chirp = (struct parts){next + 2 * size, next + 2 * size + n};
  double *work = next + 2 * size + 2 * n;
  const struct parts x = {work, work + size}, spare = {work + 2 * size, work + 3 * size};
  for (long i = 0; i < size; i++) x.re[i] = x.im[i] = 0;
  for (long j = 0; j < n; j++) {
    root_of((long)((__int128)j * j % (2 * n)), 2 * n, plan->chirp.re + j, plan->chirp.im + j);
    x.re[j] = x.re[(size - j) % size] = plan->chirp.re[j];
    x.im[j] = x.im[(size - j) % size] = -plan->chirp.im[j];
  }
  const struct parts y = run_smooth(convolution, 1, x, spare);
  for (long i = 0; i < size; i++) {
    plan->kernel.re[i] = y.re[i] / (double)size;
    plan->kernel.im[i] = y.im[i] / (double)size;
  }
}

// MARK: A batch

struct fft_job {
  const nnk_fft_call *call;
  const struct plan *plan;
  nnk_type type;
  long lanes;  ///< how many transforms run side by side
  double *work;
  long work_each;
};

/// Reads one transform to every `step`-th place of x, for numbers of T.
#define DEFINE_COPIES(T, NAME)                                                                                      \
  static void read_##NAME(const nnk_fft_call *call, const T *from, struct parts x, long step, long filled) {        \
    if (call->real_input) {                                                                                         \
      for (long j = 0; j < filled; j++) x.re[j * step] = (double)from[j * call->inner], x.im[j * step] = 0;          \
    } else {                                                                                                        \
      for (long j = 0; j < filled; j++) {                                                                           \
        x.re[j * step] = (double)from[2 * j * call->inner];                                                         \
        x.im[j * step] = (double)from[2 * j * call->inner + 1];                                                     \
      }                                                                                                             \
    }                                                                                                               \
  }                                                                                                                 \
  static void write_##NAME(const nnk_fft_call *call, struct parts y, long step, T *to, long filled) {               \
    const double scale = call->scale;                                                                               \
    if (call->real_output) {                                                                                        \
      for (long k = 0; k < filled; k++) to[k * call->inner] = (T)(scale * y.re[k * step]);                          \
      for (long k = filled; k < call->out_count; k++) to[k * call->inner] = 0;                                      \
    } else {                                                                                                        \
      for (long k = 0; k < filled; k++) {                                                                           \
        to[2 * k * call->inner] = (T)(scale * y.re[k * step]);                                                      \
        to[2 * k * call->inner + 1] = (T)(scale * y.im[k * step]);                                                  \
      }                                                                                                             \
      for (long k = filled; k < call->out_count; k++) to[2 * k * call->inner] = to[2 * k * call->inner + 1] = 0;    \
    }                                                                                                               \
  }
DEFINE_COPIES(float, f32)
DEFINE_COPIES(double, f64)
#undef DEFINE_COPIES

/// Where transform `t` begins in an array with `count` numbers along the axis.
static long begin_of(const nnk_fft_call *call, long t, long count, bool is_real) {
  return (t / call->inner * count * call->inner + t % call->inner) * (is_real ? 1 : 2);
}

/// Reads transforms first ... first + count to lanes.
static void gather(const struct fft_job *job, long first, long count, struct parts x) {
  const nnk_fft_call *call = job->call;
  const long n = call->n, filled = call->in_count < n ? call->in_count : n;
  for (long lane = 0; lane < count; lane++) {
    const struct parts to = {x.re + lane, x.im + lane};
    const long begin = begin_of(call, first + lane, call->in_count, call->real_input);
    if (job->type == NNK_F64) {
      read_f64(call, (const double *)call->x + begin, to, count, filled);
    } else {
      read_f32(call, (const float *)call->x + begin, to, count, filled);
    }
    for (long j = filled; j < n; j++) to.re[j * count] = to.im[j * count] = 0;
  }
}

static void scatter(const struct fft_job *job, long first, long count, struct parts y) {
  const nnk_fft_call *call = job->call;
  const long filled = call->out_count < call->n ? call->out_count : call->n;
  for (long lane = 0; lane < count; lane++) {
    const struct parts from = {y.re + lane, y.im + lane};
    const long begin = begin_of(call, first + lane, call->out_count, call->real_output);
    if (job->type == NNK_F64) {
      write_f64(call, from, count, (double *)call->y + begin, filled);
    } else {
      write_f32(call, from, count, (float *)call->y + begin, filled);
    }
  }
}

static struct parts exchanged(struct parts x) { return (struct parts){x.im, x.re}; }

static void run_group(const struct fft_job *job, long first, long count, double *work) {
  const long length = work_length(job->plan) * job->lanes;
  struct parts x = {work, work + length}, spare = {work + 2 * length, work + 3 * length};
  gather(job, first, count, x);
  if (job->call->inverse) {
    x = exchanged(x);
    spare = exchanged(spare);
  }
  struct parts y = job->plan->convolution != NULL ? run_chirp(job->plan, x, spare) : run_smooth(job->plan, count, x, spare);
  scatter(job, first, count, job->call->inverse ? exchanged(y) : y);
}

static void run_groups(void *context, long chunk, long chunks) {
  const struct fft_job *job = context;
  const long total = job->call->outer * job->call->inner, groups = (total + job->lanes - 1) / job->lanes;
  const long begin = nnk_chunk_begin(groups, 1, chunk, chunks), end = nnk_chunk_begin(groups, 1, chunk + 1, chunks);
  for (long g = begin; g < end && !nnk_cancelled(); g++) {
    const long first = g * job->lanes, count = total - first < job->lanes ? total - first : job->lanes;
    run_group(job, first, count, job->work + chunk * job->work_each);
  }
}

/// Nanoseconds of one transform, about.
static double cost_of(long length) {
  double cost = 20;
  for (long n = length; n > 1; n /= 2) cost += 0.6 * (double)length;
  return cost;
}

static bool spread(const nnk_fft_call *call, nnk_type type, const struct plan *plan) {
  const long total = call->outer * call->inner;
  const bool alone = plan->rows > 0 || plan->convolution != NULL;
  struct fft_job job = {.call = call, .plan = plan, .type = type, .lanes = alone ? 1 : total < LANES ? total : LANES};
  const long groups = (total + job.lanes - 1) / job.lanes;
  const double nanoseconds = (double)total * cost_of(work_length(plan)) * (plan->convolution != NULL ? 2 : 1);
  const long chunks = nnk_chunks(nanoseconds, groups < MOST_CHUNKS ? groups : MOST_CHUNKS);
  job.work_each = 4 * work_length(plan) * job.lanes;
  job.work = nnk_block_alloc((size_t)chunks * (size_t)job.work_each * sizeof(double));
  if (job.work == NULL) return false;
  nnk_parallel_sized(chunks, nanoseconds, run_groups, &job);
  nnk_block_release(job.work);
  return true;
}

bool nnk_fft(nnk_type type, const nnk_fft_call *call) {
  const long n = call->n;
  if (call->outer * call->inner * call->out_count == 0) return true;
  if (n == 0) return nnk_fill(type, 0, call->y, (size_t)(call->outer * call->inner * call->out_count * (call->real_output ? 1 : 2)));
  struct plan plan, convolution;
  const bool smooth = is_smooth(n);
  long size = 4;
  while (size < 2 * n - 1) size *= 2;
  double *memory = nnk_block_alloc((size_t)(smooth ? 2 * n : 8 * size + 2 * n) * sizeof(double));
  if (memory == NULL) return false;
  if (smooth) {
    begin_plan(&plan, n, memory);
  } else {
    begin_chirp(&plan, &convolution, n, size, memory);
  }
  const bool done = spread(call, type, &plan);
  nnk_block_release(memory);
  return done;
}
