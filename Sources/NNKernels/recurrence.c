// Recurrent networks forward: one product for the inputs of all steps, then the steps, each part of the batch on its own.
#include "recurrence.h"

/// Multiply-adds per vector lane and nanosecond, at best, and nanoseconds for the functions of a gate.
static const double TERMS_PER_LANE = 8, GATE_COST = 0.25;

enum { SMALLEST_PART = 8, LARGEST_PART = 128 };

struct nnk_steps_plan nnk_plan_steps(const nnk_recurrence *s) {
  struct nnk_steps_plan plan = {.s = s, .batch = (long)s->batch, .steps = (long)s->steps, .inputs = (long)s->inputs,
                                .units = (long)s->units, .bytes = (long)nnk_type_bytes(s->type), .gates = 1, .stored = 1};
  if (s->kind == NNK_LSTM) plan.gates = plan.stored = 4;
  if (s->kind == NNK_GRU) plan.gates = 3, plan.stored = 4;
  const double lanes = nnk_kernels()->lanes * 4.0 / (double)plan.bytes, elements = (double)plan.batch * (double)plan.steps *
                       (double)plan.units * (double)plan.gates;
  plan.cost = elements * ((double)plan.units / (TERMS_PER_LANE * lanes) + GATE_COST * 16 / lanes);
  const long threads = plan.cost < 2000 ? 1 : nnk_threads(), most = plan.batch / SMALLEST_PART;
  plan.parts = threads < most ? threads : most > 1 ? most : 1;
  while (plan.parts > 1 && plan.batch / plan.parts > LARGEST_PART) plan.parts += threads;
  return plan;
}

void nnk_step_product(const struct nnk_steps_plan *plan, const nnk_gemm *gemm) {
  const bool alone = plan->parts > 1;
  if (plan->s->type == NNK_F32) {
    alone ? nnk_kernels()->gemm_f32(gemm) : nnk_gemm_f32(gemm);
  } else {
    alone ? nnk_kernels()->gemm_f64(gemm) : nnk_gemm_f64(gemm);
  }
}

struct nnk_step_matrix nnk_prepare_matrix(const struct nnk_steps_plan *plan, const void *m, long rows, long cols, bool transposed) {
  const long width = transposed ? rows : cols, height = transposed ? cols : rows;
  struct nnk_step_matrix matrix = {.p = m, .row = width};
  if (!transposed && width * plan->bytes % 4096 != 0) return matrix;
  if (width * plan->bytes % 4096 == 0) matrix.row = width + 64 / plan->bytes;
  matrix.p = matrix.copy = nnk_block_alloc((size_t)(height * matrix.row * plan->bytes));
  if (matrix.copy == NULL) return matrix;
  const ptrdiff_t shape[2] = {height, width}, to[2] = {matrix.row, 1};
  const ptrdiff_t from[2] = {transposed ? 1 : cols, transposed ? cols : 1};
  nnk_copy_strided((size_t)plan->bytes, 2, shape, m, from, matrix.copy, to);
  return matrix;
}

// MARK: Forward

struct forward_job {
  struct nnk_steps_plan plan;
  struct nnk_step_matrix recurrent;
  char *y, *h, *gates, *cells, *inner;
  nnk_cell_loop cell;
};

/// gates[t, b] = x[b, t] @ weight + bias, the steps being the batch of the product.
static void project_inputs(const struct forward_job *job) {
  const struct nnk_steps_plan *p = &job->plan;
  const nnk_recurrence *s = p->s;
  nnk_gemm gemm = {.rows = p->batch, .columns = p->gates * p->units, .depth = p->inputs, .a = s->x, .a_row = p->steps * p->inputs,
                   .a_column = 1, .b = s->weight, .b_row = p->gates * p->units, .b_column = 1, .c = job->gates,
                   .c_row = p->stored * p->units, .batch = p->steps, .a_batch = p->inputs,
                   .c_batch = p->batch * p->stored * p->units, .bias = s->bias, .activation = NNK_NO_ACTIVATION};
  if (p->batch == 1) {
    gemm.rows = p->steps;
    gemm.batch = 1;
    gemm.a_row = p->inputs;
  }
  s->type == NNK_F32 ? nnk_gemm_f32(&gemm) : nnk_gemm_f64(&gemm);
}

/// The recurrent product of some rows: added to the gates, for GRU into a buffer of its own.
static void project_state(const struct forward_job *job, char *gates, long row, long rows, bool has_state) {
  const struct nnk_steps_plan *p = &job->plan;
  const bool is_gru = p->s->kind == NNK_GRU;
  const long columns = p->gates * p->units;
  char *sums = is_gru ? job->inner + row * columns * p->bytes : gates;
  if (!has_state) {
    for (long r = 0; is_gru && r < rows; r++) {
      char *to = sums + r * columns * p->bytes;
      if (p->s->recurrent_bias != NULL) memcpy(to, p->s->recurrent_bias, (size_t)(columns * p->bytes));
      else memset(to, 0, (size_t)(columns * p->bytes));
    }
    return;
  }
  const nnk_gemm gemm = {.rows = rows, .columns = columns, .depth = p->units, .a = job->h + row * p->units * p->bytes,
                         .a_row = p->units, .a_column = 1, .b = job->recurrent.p, .b_row = job->recurrent.row, .b_column = 1,
                         .c = sums, .c_row = is_gru ? columns : p->stored * p->units, .batch = 1,
                         .bias = is_gru ? p->s->recurrent_bias : NULL, .accumulate = !is_gru, .activation = NNK_NO_ACTIVATION};
  nnk_step_product(p, &gemm);
}

/// All steps of one part of the batch.
static void run_forward(void *context, long part, long parts) {
  const struct forward_job *job = context;
  const struct nnk_steps_plan *p = &job->plan;
  const nnk_recurrence *s = p->s;
  const long row = nnk_chunk_begin(p->batch, 1, part, parts), rows = nnk_chunk_begin(p->batch, 1, part + 1, parts) - row;
  const long step = p->batch * p->units, place = row * p->units;
  for (long t = 0; t < p->steps && !nnk_cancelled(); t++) {
    char *gates = nnk_at_mutable(p, job->gates, (t * step + place) * p->stored);
    const bool has_state = t > 0 || s->h0 != NULL;
    project_state(job, gates, row, rows, has_state);
    const struct nnk_cell cell = {
        .gates = gates, .inner = nnk_at(p, job->inner, 3 * place),
        .c_before = t > 0 ? nnk_at(p, job->cells, (t - 1) * step + place) : nnk_at(p, s->c0, place),
        .h_before = has_state ? nnk_at(p, job->h, place) : NULL, .h_before_row = p->units,
        .c = nnk_at_mutable(p, job->cells, t * step + place), .h = nnk_at_mutable(p, job->h, place),
        .y = nnk_at_mutable(p, job->y, (row * p->steps + t) * p->units), .y_row = p->steps * p->units,
        .rows = rows, .units = p->units, .relu = s->kind == NNK_RELU_RNN};
    job->cell(&cell);
  }
}

/// The loop of a kind of cell.
static nnk_cell_loop cell_loop(const nnk_recurrence *s) {
  const struct nnk_sequence_table *table = nnk_sequences();
  return s->kind == NNK_LSTM ? table->lstm[s->type] : s->kind == NNK_GRU ? table->gru[s->type] : table->rnn[s->type];
}

bool nnk_recurrence_forward(const nnk_recurrence *s, void *y, void *h, void *c, void *gates, void *cells) {
  if (s->type != NNK_F32 && s->type != NNK_F64) return false;
  struct forward_job job = {.plan = nnk_plan_steps(s), .y = y, .h = h, .gates = gates, .cells = cells, .cell = cell_loop(s)};
  const struct nnk_steps_plan *p = &job.plan;
  const size_t state = (size_t)(p->batch * p->units * p->bytes);
  if (state == 0) return true;
  void *own_gates = NULL;
  if (gates == NULL) job.gates = own_gates = nnk_block_alloc(state * s->steps * (size_t)p->stored);
  if (s->kind == NNK_GRU) job.inner = nnk_block_alloc(3 * state);
  job.recurrent = nnk_prepare_matrix(p, s->recurrent, p->units, p->gates * p->units, false);
  const bool ready = job.gates != NULL && job.recurrent.p != NULL && (job.inner != NULL || s->kind != NNK_GRU);
  if (ready) {
    project_inputs(&job);
    if (s->h0 != NULL) memcpy(h, s->h0, state);
    nnk_parallel_sized(p->parts, p->cost, run_forward, &job);
    if (s->kind == NNK_LSTM && c != NULL) memcpy(c, (char *)cells + (s->steps - 1) * state, state);
  }
  nnk_block_release(own_gates);
  nnk_block_release(job.inner);
  nnk_block_release(job.recurrent.copy);
  return ready;
}
