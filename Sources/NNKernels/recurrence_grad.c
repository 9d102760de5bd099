// Recurrent networks back through time: the steps in reverse, then one product each for the weights and the inputs.
#include "recurrence.h"

struct backward_job {
  struct nnk_steps_plan plan;
  const nnk_recurrence_cotangents *given;
  struct nnk_step_matrix turned;  ///< the recurrent weights, transposed
  char *dgates;                   ///< [steps, batch, gates]; of GRU the third gate only
  char *dinner;                   ///< GRU: [steps, batch, 3], what goes through the recurrent product
  char *dh, *dc;                  ///< [batch, units]
  bool wants_start;               ///< whether the gradient in the first state is asked for
  nnk_cell_grad_loop cell;
};

/// Whether a sequence is a GRU.
static bool is_gru(const struct backward_job *job) { return job->plan.s->kind == NNK_GRU; }

/// What the recurrent product passes back, and how wide it is.
static char *inner_gates(const struct backward_job *job) { return is_gru(job) ? job->dinner : job->dgates; }
static long inner_columns(const struct backward_job *job) { return job->plan.gates * job->plan.units; }

/// The step before: the gradient in its state.
static void turn_back(const struct backward_job *job, long t, long row, long rows) {
  const struct nnk_steps_plan *p = &job->plan;
  const long columns = inner_columns(job);
  const nnk_gemm gemm = {.rows = rows, .columns = p->units, .depth = columns,
                         .a = inner_gates(job) + (t * p->batch + row) * columns * p->bytes, .a_row = columns, .a_column = 1,
                         .b = job->turned.p, .b_row = job->turned.row, .b_column = 1, .c = job->dh + row * p->units * p->bytes,
                         .c_row = p->units, .batch = 1, .accumulate = is_gru(job), .activation = NNK_NO_ACTIVATION};
  nnk_step_product(p, &gemm);
}

/// All steps of one part of the batch, the last first.
static void run_backward(void *context, long part, long parts) {
  const struct backward_job *job = context;
  const struct nnk_steps_plan *p = &job->plan;
  const nnk_recurrence *s = p->s;
  const nnk_recurrence_cotangents *given = job->given;
  const long row = nnk_chunk_begin(p->batch, 1, part, parts), rows = nnk_chunk_begin(p->batch, 1, part + 1, parts) - row;
  const long step = p->batch * p->units, place = row * p->units, out = row * p->steps * p->units;
  const long own = is_gru(job) ? 1 : p->gates;
  for (long t = p->steps - 1; t >= 0 && !nnk_cancelled(); t--) {
    const struct nnk_cell_grad cell = {
        .gates = nnk_at(p, given->gates, (t * step + place) * p->stored), .c = nnk_at(p, given->cells, t * step + place),
        .c_before = t > 0 ? nnk_at(p, given->cells, (t - 1) * step + place) : nnk_at(p, s->c0, place),
        .h_before = t > 0 ? nnk_at(p, given->y, out + (t - 1) * p->units) : nnk_at(p, s->h0, place),
        .h_before_row = t > 0 ? p->steps * p->units : p->units,
        .y = nnk_at(p, given->y, out + t * p->units), .dy = nnk_at(p, given->dy, out + t * p->units), .y_row = p->steps * p->units,
        .dh = nnk_at_mutable(p, job->dh, place), .dc = nnk_at_mutable(p, job->dc, place),
        .dgates = nnk_at_mutable(p, job->dgates, (t * step + place) * own), .dgates_row = own * p->units,
        .dinner = nnk_at_mutable(p, job->dinner, 3 * (t * step + place)), .dinner_row = 3 * p->units,
        .rows = rows, .units = p->units, .relu = s->kind == NNK_RELU_RNN};
    job->cell(&cell);
    if (t > 0 || job->wants_start) turn_back(job, t, row, rows);
  }
}

// MARK: After the steps

static void product(const struct backward_job *job, nnk_gemm gemm) {
  gemm.activation = NNK_NO_ACTIVATION;
  if (gemm.batch == 0) gemm.batch = 1;
  job->plan.s->type == NNK_F32 ? nnk_gemm_f32(&gemm) : nnk_gemm_f64(&gemm);
}

/// m[batch, steps, width] with the first two axes exchanged, its first `steps` steps; NULL when out of memory.
static char *by_time(const struct nnk_steps_plan *p, const void *m, long steps, long width) {
  char *copy = nnk_block_alloc((size_t)(steps * p->batch * width * p->bytes));
  if (copy == NULL) return NULL;
  const ptrdiff_t shape[3] = {steps, p->batch, width}, from[3] = {width, p->steps * width, 1}, to[3] = {p->batch * width, width, 1};
  nnk_copy_strided((size_t)p->bytes, 3, shape, m, from, copy, to);
  return copy;
}

/// Sums over all steps of the states before times the gradients of the gates.
static bool recurrent_slope(const struct backward_job *job, void *result) {
  const struct nnk_steps_plan *p = &job->plan;
  const long columns = inner_columns(job), rows = (p->steps - 1) * p->batch;
  nnk_gemm gemm = {.rows = p->units, .columns = columns, .a_row = 1, .a_column = p->units, .b_row = columns, .b_column = 1,
                   .c = result, .c_row = columns};
  if (rows == 0 && p->s->h0 == NULL) memset(result, 0, (size_t)(p->units * columns * p->bytes));
  if (p->s->h0 != NULL) {
    gemm.depth = p->batch;
    gemm.a = p->s->h0;
    gemm.b = inner_gates(job);
    product(job, gemm);
    gemm.accumulate = true;
  }
  if (rows == 0) return true;
  char *states = by_time(p, job->given->y, p->steps - 1, p->units);
  if (states == NULL) return false;
  gemm.depth = rows;
  gemm.a = states;
  gemm.b = inner_gates(job) + p->batch * columns * p->bytes;
  product(job, gemm);
  nnk_block_release(states);
  return true;
}

/// Sums over all steps of the inputs times the gradients of the gates.
static bool input_slope(const struct backward_job *job, void *result) {
  const struct nnk_steps_plan *p = &job->plan;
  const long columns = p->gates * p->units;
  char *inputs = by_time(p, p->s->x, p->steps, p->inputs);
  if (inputs == NULL) return false;
  nnk_gemm gemm = {.rows = p->inputs, .columns = columns, .depth = p->steps * p->batch, .a = inputs, .a_row = 1,
                   .a_column = p->inputs, .b = inner_gates(job), .b_row = columns, .b_column = 1, .c = result, .c_row = columns};
  if (is_gru(job)) {
    gemm.columns = 2 * p->units;
    product(job, gemm);
    gemm.columns = gemm.b_row = p->units;
    gemm.b = job->dgates;
    gemm.c = (char *)result + 2 * p->units * p->bytes;
  }
  product(job, gemm);
  nnk_block_release(inputs);
  return true;
}

/// The gradient in the inputs: those of the gates times the transposed weights, step by step.
static void inputs_gradient(const struct backward_job *job, void *result) {
  const struct nnk_steps_plan *p = &job->plan;
  const long columns = p->gates * p->units;
  nnk_gemm gemm = {.rows = p->batch, .columns = p->inputs, .depth = columns, .a = inner_gates(job), .a_row = columns, .a_column = 1,
                   .b = p->s->weight, .b_row = 1, .b_column = columns, .c = result, .c_row = p->steps * p->inputs,
                   .batch = p->steps, .a_batch = p->batch * columns, .c_batch = p->inputs};
  if (is_gru(job)) {
    gemm.depth = 2 * p->units;
    product(job, gemm);
    gemm.depth = gemm.a_row = p->units;
    gemm.a = job->dgates;
    gemm.a_batch = p->batch * p->units;
    gemm.b = (const char *)p->s->weight + 2 * p->units * p->bytes;
    gemm.accumulate = true;
  }
  product(job, gemm);
}

/// Sums of gate gradients over steps and batch.
static bool bias_slopes(const struct backward_job *job, void *bias, void *recurrent_bias) {
  const struct nnk_steps_plan *p = &job->plan;
  const size_t rows = (size_t)(p->steps * p->batch), columns = (size_t)inner_columns(job), bytes = (size_t)p->bytes;
  if (!is_gru(job)) return bias == NULL || nnk_reduce(NNK_SUM, p->s->type, job->dgates, bias, 1, rows, columns);
  void *own = recurrent_bias == NULL ? nnk_block_alloc(columns * bytes) : NULL, *inner = own != NULL ? own : recurrent_bias;
  if (inner == NULL) return false;
  bool done = nnk_reduce(NNK_SUM, p->s->type, job->dinner, inner, 1, rows, columns);
  if (bias != NULL) {
    const size_t two = 2 * (size_t)p->units * bytes;
    memcpy(bias, inner, two);
    done = nnk_reduce(NNK_SUM, p->s->type, job->dgates, (char *)bias + two, 1, rows, (size_t)p->units) && done;
  }
  nnk_block_release(own);
  return done;
}

// MARK: The whole way

/// Fills a buffer with what is given, or with zeros.
static void start_with(void *buffer, const void *given, size_t bytes) {
  if (given != NULL) {
    memcpy(buffer, given, bytes);
  } else {
    memset(buffer, 0, bytes);
  }
}

/// Allocates what the steps need; false when out of memory. `wanted` lends its results where they serve.
static bool prepare(struct backward_job *job, const nnk_recurrence_gradients *wanted) {
  const struct nnk_steps_plan *p = &job->plan;
  const size_t state = (size_t)(p->batch * p->units * p->bytes), all = state * (size_t)p->steps;
  job->turned = nnk_prepare_matrix(p, p->s->recurrent, p->units, p->gates * p->units, true);
  job->dgates = nnk_block_alloc(all * (size_t)(is_gru(job) ? 1 : p->gates));
  if (is_gru(job)) job->dinner = nnk_block_alloc(3 * all);
  job->dh = wanted->dh0 != NULL ? wanted->dh0 : nnk_block_alloc(state);
  const bool has_cells = p->s->kind == NNK_LSTM;
  if (has_cells) job->dc = wanted->dc0 != NULL ? wanted->dc0 : nnk_block_alloc(state);
  if (job->turned.p == NULL || job->dgates == NULL || job->dh == NULL || (is_gru(job) && job->dinner == NULL)) return false;
  if (has_cells && job->dc == NULL) return false;
  start_with(job->dh, job->given->dh, state);
  if (has_cells) start_with(job->dc, job->given->dc, state);
  return true;
}

/// Gives back what `prepare` allocated.
static void finish(struct backward_job *job, const nnk_recurrence_gradients *wanted) {
  nnk_block_release(job->turned.copy);
  nnk_block_release(job->dgates);
  nnk_block_release(job->dinner);
  if (wanted->dh0 == NULL) nnk_block_release(job->dh);
  if (wanted->dc0 == NULL) nnk_block_release(job->dc);
}

/// Zeros in all gradients, where there is nothing to sum.
static void clear_all(const struct nnk_steps_plan *p, const nnk_recurrence_gradients *w) {
  const nnk_type type = p->s->type;
  const size_t columns = (size_t)(p->gates * p->units), state = (size_t)(p->batch * p->units);
  if (w->dx != NULL) nnk_fill(type, 0, w->dx, (size_t)(p->batch * p->steps * p->inputs));
  if (w->dweight != NULL) nnk_fill(type, 0, w->dweight, (size_t)p->inputs * columns);
  if (w->drecurrent != NULL) nnk_fill(type, 0, w->drecurrent, (size_t)p->units * columns);
  if (w->dbias != NULL) nnk_fill(type, 0, w->dbias, columns);
  if (w->drecurrent_bias != NULL) nnk_fill(type, 0, w->drecurrent_bias, columns);
  if (w->dh0 != NULL) nnk_fill(type, 0, w->dh0, state);
  if (w->dc0 != NULL) nnk_fill(type, 0, w->dc0, state);
}

bool nnk_recurrence_backward(
    const nnk_recurrence *s, const nnk_recurrence_cotangents *given, const nnk_recurrence_gradients *wanted) {
  if (s->type != NNK_F32 && s->type != NNK_F64) return false;
  const struct nnk_sequence_table *table = nnk_sequences();
  struct backward_job job = {.plan = nnk_plan_steps(s), .given = given, .wants_start = wanted->dh0 != NULL};
  job.cell = s->kind == NNK_LSTM ? table->lstm_grad[s->type] : s->kind == NNK_GRU ? table->gru_grad[s->type] : table->rnn_grad[s->type];
  const struct nnk_steps_plan *p = &job.plan;
  if (p->batch * p->units == 0) {
    clear_all(p, wanted);
    return true;
  }
  bool done = prepare(&job, wanted);
  if (done) nnk_parallel_sized(p->parts, p->cost, run_backward, &job);
  if (done && wanted->drecurrent != NULL) done = recurrent_slope(&job, wanted->drecurrent);
  if (done && wanted->dweight != NULL && p->inputs > 0) done = input_slope(&job, wanted->dweight);
  if (done && (wanted->dbias != NULL || wanted->drecurrent_bias != NULL))
    done = bias_slopes(&job, wanted->dbias, wanted->drecurrent_bias);
  if (done && wanted->dx != NULL && p->inputs > 0) inputs_gradient(&job, wanted->dx);
  finish(&job, wanted);
  return done;
}
