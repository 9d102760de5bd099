// Connectionist temporal classification: the sums over all paths forward and backward in time, in logarithms.
//
// A path runs through states: blank, first label, blank, second label, ..., blank. It stays, goes one further, or, between
// labels that differ, skips the blank.
#include "spread.h"

struct ctc_job {
  const nnk_ctc_call *call;
  void *results;
  bool is_slope;
  double *work;
  long work_each;
};

enum { MOST_CHUNKS = 16 };

/// One item: its states, and room for one step.
struct item {
  const nnk_ctc_call *call;
  long index, steps, states;
  int32_t *classes;            ///< by state
  double *terms, *sums, *top;  ///< 3, 1 and 1 for each state
};

static double log_of(const struct item *item, long step, long class) {
  const nnk_ctc_call *call = item->call;
  const long place = (item->index * call->steps + step) * call->classes + class;
  return call->type == NNK_F64 ? ((const double *)call->logs)[place] : (double)((const float *)call->logs)[place];
}

/// Whether a path may go from state s - 2 to s.
static bool may_skip(const struct item *item, long s) {
  return s >= 2 && item->classes[s] != item->call->blank && item->classes[s] != item->classes[s - 2];
}

/// to[s] = log of the sum of the exponentials of three terms of each state.
static void add_terms(const struct item *item, double *to) {
  const long states = item->states;
  double *terms = item->terms;
  for (long s = 0; s < states; s++) {
    double top = terms[s] > terms[states + s] ? terms[s] : terms[states + s];
    top = terms[2 * states + s] > top ? terms[2 * states + s] : top;
    item->top[s] = top;
    // Without a way to the state the terms stay -inf.
    const double shift = top == -__builtin_inf() ? 0 : top;
    for (long i = 0; i < 3; i++) terms[i * states + s] -= shift;
  }
  nnk_unary(NNK_EXP, NNK_F64, terms, terms, (size_t)(3 * states));
  for (long s = 0; s < states; s++) item->sums[s] = terms[s] + terms[states + s] + terms[2 * states + s];
  nnk_unary(NNK_LOG, NNK_F64, item->sums, item->sums, (size_t)states);
  for (long s = 0; s < states; s++) to[s] = item->top[s] == -__builtin_inf() ? item->top[s] : item->top[s] + item->sums[s];
}

/// alpha[s] of a step from the one before: paths that are at s then, this step's probability included.
static void go_forward(const struct item *item, long step, const double *before, double *alpha) {
  const double none = -__builtin_inf();
  for (long s = 0; s < item->states; s++) {
    item->terms[s] = before[s];
    item->terms[item->states + s] = s >= 1 ? before[s - 1] : none;
    item->terms[2 * item->states + s] = may_skip(item, s) ? before[s - 2] : none;
  }
  add_terms(item, alpha);
  for (long s = 0; s < item->states; s++) alpha[s] += log_of(item, step, item->classes[s]);
}

/// beta[s] of a step: what may follow. `after` is the next step's, with that step's probability included.
static void go_backward(const struct item *item, const double *after, double *beta) {
  const double none = -__builtin_inf();
  for (long s = 0; s < item->states; s++) {
    item->terms[s] = after[s];
    item->terms[item->states + s] = s + 1 < item->states ? after[s + 1] : none;
    item->terms[2 * item->states + s] = s + 2 < item->states && may_skip(item, s + 2) ? after[s + 2] : none;
  }
  add_terms(item, beta);
}

/// The states of an item; gives its memory on.
static double *begin_item(struct item *item, const nnk_ctc_call *call, long index, double *memory) {
  *item = (struct item){.call = call, .index = index, .steps = call->steps};
  if (call->lengths != NULL) item->steps = call->lengths[index];
  const int32_t *labels = call->labels + index * call->width;
  long length = 0;
  while (length < call->width && labels[length] >= 0) length++;
  item->states = 2 * length + 1;
  item->terms = memory;
  item->sums = memory + 3 * item->states;
  item->top = memory + 4 * item->states;
  item->classes = (int32_t *)(memory + 5 * item->states);
  for (long s = 0; s < item->states; s++) item->classes[s] = (int32_t)(s % 2 == 0 ? call->blank : labels[s / 2]);
  return memory + 6 * item->states;
}

/// The logarithms of the first step.
static void begin_forward(const struct item *item, double *alpha) {
  for (long s = 0; s < item->states; s++) alpha[s] = s < 2 ? log_of(item, 0, item->classes[s]) : -__builtin_inf();
}

/// log(e^a + e^b).
static double log_sum(double a, double b) {
  const double top = a > b ? a : b, gap = a > b ? b - a : a - b;
  return top == -__builtin_inf() ? top : top + nnk_unary_f64(NNK_LOG1P, nnk_unary_f64(NNK_EXP, gap));
}

/// The probability of all paths; without steps only an empty sequence is certain.
static double total_of(const struct item *item, const double *last) {
  if (item->steps == 0) return item->states == 1 ? 0 : -__builtin_inf();
  return item->states == 1 ? last[0] : log_sum(last[item->states - 1], last[item->states - 2]);
}

static void run_loss(const struct ctc_job *job, long index, double *memory) {
  struct item item;
  double *alpha = begin_item(&item, job->call, index, memory), *next = alpha + item.states;
  if (item.steps > 0) begin_forward(&item, alpha);
  for (long step = 1; step < item.steps && !nnk_cancelled(); step++) {
    go_forward(&item, step, alpha, next);
    double *old = alpha;
    alpha = next;
    next = old;
  }
  nnk_store_number(job->call->type, -total_of(&item, alpha), (char *)job->results + index * (long)nnk_type_bytes(job->call->type));
}

/// Takes the probabilities of the states from the classes' slopes at a step.
static void take_states(const struct ctc_job *job, const struct item *item, long step, const double *alpha, const double *beta, double total) {
  const nnk_ctc_call *call = job->call;
  const long place = (item->index * call->steps + step) * call->classes;
  for (long s = 0; s < item->states; s++) {
    const double share = nnk_unary_f64(NNK_EXP, alpha[s] + beta[s] - total);
    if (call->type == NNK_F64) {
      ((double *)job->results)[place + item->classes[s]] -= share;
    } else {
      ((float *)job->results)[place + item->classes[s]] -= (float)share;
    }
  }
}

static void run_slope(const struct ctc_job *job, long index, double *memory) {
  struct item item;
  const nnk_ctc_call *call = job->call;
  const size_t bytes = (size_t)(call->steps * call->classes) * nnk_type_bytes(call->type);
  memset((char *)job->results + (size_t)index * bytes, 0, bytes);
  double *alphas = begin_item(&item, call, index, memory);
  const long states = item.states;
  double *beta = alphas + item.steps * states, *after = beta + states;
  if (item.steps == 0) return;
  begin_forward(&item, alphas);
  for (long step = 1; step < item.steps && !nnk_cancelled(); step++)
    go_forward(&item, step, alphas + (step - 1) * states, alphas + step * states);
  const double total = total_of(&item, alphas + (item.steps - 1) * states);
  if (!(total > -__builtin_inf())) return;
  for (long s = 0; s < states; s++) beta[s] = s + 2 >= states ? 0 : -__builtin_inf();
  for (long step = item.steps - 1; step >= 0 && !nnk_cancelled(); step--) {
    take_states(job, &item, step, alphas + step * states, beta, total);
    for (long s = 0; s < states; s++) after[s] = beta[s] + log_of(&item, step, item.classes[s]);
    if (step > 0) go_backward(&item, after, beta);
  }
}

static void run_items(void *context, long chunk, long chunks) {
  const struct ctc_job *job = context;
  const long batch = job->call->batch;
  const long begin = nnk_chunk_begin(batch, 1, chunk, chunks), end = nnk_chunk_begin(batch, 1, chunk + 1, chunks);
  for (long index = begin; index < end && !nnk_cancelled(); index++) {
    double *memory = job->work + chunk * job->work_each;
    if (job->is_slope) {
      run_slope(job, index, memory);
    } else {
      run_loss(job, index, memory);
    }
  }
}

static bool spread(const nnk_ctc_call *call, void *results, bool is_slope) {
  if (call->batch == 0) return true;
  const long states = 2 * call->width + 1;
  struct ctc_job job = {.call = call, .results = results, .is_slope = is_slope};
  job.work_each = states * (8 + (is_slope ? call->steps : 0)) + 8;
  const double nanoseconds = (double)call->batch * (double)call->steps * (double)states * (is_slope ? 25 : 10) + 500;
  const long chunks = nnk_chunks(nanoseconds, call->batch < MOST_CHUNKS ? call->batch : MOST_CHUNKS);
  job.work = nnk_block_alloc((size_t)chunks * (size_t)job.work_each * sizeof(double));
  if (job.work == NULL) return false;
  nnk_parallel_sized(chunks, nanoseconds, run_items, &job);
  nnk_block_release(job.work);
  return true;
}

bool nnk_ctc(const nnk_ctc_call *call, void *losses) { return spread(call, losses, false); }
bool nnk_ctc_slope(const nnk_ctc_call *call, void *slopes) { return spread(call, slopes, true); }
