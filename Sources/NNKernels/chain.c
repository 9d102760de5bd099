// Chains of elementwise operations: their steps become a program for a loop that takes a few vectors at a time through all of it.
#include "include/nnk_chain.h"
#include "scratch.h"
#include "spread.h"

enum {
  MOST_STEPS = 64,
  MOST_OPS = 3 * MOST_STEPS,
  GROUP_BYTES = NNK_CHAIN_VECTORS * 64,  // of the longest vectors
  GRAIN_BYTES = 8 << 10,                 // chunks begin at multiples of this
  // From here on results leave the caches anyway: they are written past them, which saves reading the lines first.
  STREAM_BYTES = 8 << 20,
};

/// A value while the program is made: an operand in memory, or the value so far, which is in registers.
struct operand {
  const void *address;
  long step;
  int slot;  // where it is kept, or NO_SLOT
  bool is_number, is_value;
};
enum { NO_SLOT = -1 };

/// A program, with one group of equal elements for each number.
struct program {
  struct nnk_chain_op ops[MOST_OPS];
  int8_t slots[MOST_OPS];  // of operands that are kept in a place that each thread has its own of
  long count;
  struct operand stack[NNK_CHAIN_DEPTH + 1];
  int height;
  _Alignas(64) char numbers[MOST_STEPS][GROUP_BYTES];
};

struct chain_job {
  struct program program;
  nnk_chain_loop loop;
  char *y;
  long n, group;
  size_t bytes;
  bool streams;
};

// MARK: From steps to a program

static void emit(struct program *p, uint32_t code, const struct operand *operand, nnk_binary_loop loop) {
  p->slots[p->count] = (int8_t)operand->slot;
  p->ops[p->count++] = (struct nnk_chain_op){code, operand->is_number, operand->step, operand->address, loop};
}

static void push(struct program *p, const void *address, bool is_number) {
  p->stack[p->height++] = (struct operand){address, is_number ? 0 : 1, NO_SLOT, is_number, false};
}

/// Makes the stack's element `place` the value so far, after the value so far has been kept if it is another that is still needed.
static void load(struct program *p, int place) {
  if (p->stack[place].is_value) return;
  for (int i = 0; i < place; i++) {
    if (!p->stack[i].is_value) continue;
    p->stack[i] = (struct operand){NULL, 0, i, false, false};
    emit(p, NNK_CODE_KEEP, &p->stack[i], NULL);
  }
  emit(p, NNK_CODE_LOAD, &p->stack[place], NULL);
  p->stack[place].is_value = true;
}

static void add_unary(struct program *p, uint32_t op) {
  const struct operand none = {NULL, 0, NO_SLOT, false, false};
  load(p, p->height - 1);
  emit(p, NNK_CODE_UNARY + op, &none, NULL);
}

static void add_binary(struct program *p, uint32_t op, nnk_binary_loop loop) {
  const int place = --p->height - 1;
  struct operand *left = &p->stack[place];
  const struct operand *right = &p->stack[p->height];
  if (right->is_value) {
    emit(p, NNK_CODE_SWAPPED + op, left, loop);
    left->is_value = true;
  } else {
    load(p, place);
    emit(p, NNK_CODE_BINARY + op, right, loop);
  }
}

/// Whether a step is a square, written as a power: the number before it is the exponent.
static bool is_square(const nnk_chain_step *step) {
  return step->op == NNK_POW && step[-1].kind == NNK_CHAIN_NUMBER && step[-1].number == 2;
}

/// Adds a step; false if there is no loop for its operation.
static bool add(struct program *p, const nnk_chain_step *step, nnk_type type, int place) {
  const struct nnk_math_table *table = nnk_math();
  char *number = p->numbers[place];
  switch (step->kind) {
    case NNK_CHAIN_LOAD: push(p, step->elements, false); break;
    case NNK_CHAIN_NUMBER:
      for (size_t i = 0; i < GROUP_BYTES; i += nnk_type_bytes(type)) nnk_store_number(type, step->number, number + i);
      push(p, number, true);
      break;
    case NNK_CHAIN_UNARY:
      if (table->unary[step->op][type] == NULL) return false;
      add_unary(p, step->op);
      break;
    case NNK_CHAIN_BINARY:
      if (table->binary[step->op][type] == NULL) return false;
      if (is_square(step)) {
        p->height--;
        add_unary(p, NNK_SQUARE);
      } else {
        add_binary(p, step->op, table->binary[step->op][type]);
      }
      break;
  }
  return true;
}

// MARK: Running it

/// The program with this thread's memory for what is kept.
static void place_slots(const struct program *p, char *memory, struct nnk_chain_op *ops) {
  for (long i = 0; i < p->count; i++) {
    ops[i] = p->ops[i];
    if (p->slots[i] != NO_SLOT) ops[i].operand = memory + p->slots[i] * GROUP_BYTES;
  }
}

/// The elements from `begin` to the end, fewer than a group: by copies of the operands that have a whole one.
static void run_rest(const struct chain_job *job, long begin, struct nnk_chain_op *ops, char *memory) {
  const size_t bytes = (size_t)(job->n - begin) * job->bytes;
  char *result = memory;
  for (long i = 0; i < job->program.count; i++) {
    if (ops[i].step == 0) continue;
    memory += GROUP_BYTES;
    memset(memory, 0, GROUP_BYTES);
    memcpy(memory, (const char *)ops[i].operand + begin * (long)job->bytes, bytes);
    ops[i].operand = memory;
    ops[i].step = 0;
  }
  job->loop(ops, job->program.count, 0, job->group, result, false);
  memcpy(job->y + begin * (long)job->bytes, result, bytes);
}

static void run_chain(void *context, long chunk, long chunks) {
  const struct chain_job *job = context;
  const long grain = GRAIN_BYTES / (long)job->bytes, count = job->program.count;
  const long begin = nnk_chunk_begin(job->n, grain, chunk, chunks), end = nnk_chunk_begin(job->n, grain, chunk + 1, chunks);
  const long whole = end - (end - begin) % job->group;
  struct nnk_chain_op ops[MOST_OPS];
  char *memory = nnk_scratch();
  place_slots(&job->program, memory, ops);
  job->loop(ops, count, begin, whole, job->y, job->streams);
  // Stores past the caches are not ordered with the ones that tell the caller about this chunk.
  if (job->streams) atomic_thread_fence(memory_order_seq_cst);
  if (whole < end) run_rest(job, whole, ops, memory + NNK_CHAIN_DEPTH * GROUP_BYTES);
}

bool nnk_has_elementwise(bool is_unary, uint32_t op, nnk_type type) {
  const struct nnk_math_table *table = nnk_math();
  return is_unary ? table->unary[op][type] != NULL : table->binary[op][type] != NULL;
}

/// Whether a program is one operation, on elements if it has one operand.
static bool is_single(const struct program *p) {
  return p->count == 2 && (p->ops[1].code >= NNK_CODE_BINARY || p->ops[0].step == 1);
}

/// Runs such a program by the loop of the operation, which keeps its constants in registers.
static bool run_single(const struct program *p, nnk_type type, void *y, size_t n) {
  const struct nnk_chain_op *x = &p->ops[0], *op = &p->ops[1];
  if (op->code < NNK_CODE_BINARY) return nnk_unary(op->code - NNK_CODE_UNARY, type, x->operand, y, n);
  return nnk_binary_matrix(
      op->code - NNK_CODE_BINARY, type, x->operand, (nnk_steps){0, x->step}, op->operand, (nnk_steps){0, op->step}, y, 1, n);
}

bool nnk_chain(nnk_type type, const nnk_chain_step *steps, size_t count, void *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  const size_t bytes = nnk_type_bytes(type);
  struct chain_job job;
  if (count > MOST_STEPS || table->chain[type] == NULL) return false;
  job.loop = table->chain[type], job.y = y, job.n = (long)n, job.bytes = bytes;
  job.group = NNK_CHAIN_VECTORS * table->lanes * 4 / (long)bytes;
  job.program.count = job.program.height = 0;
  double cost = 0;
  bool is_read = false;
  for (size_t i = 0; i < count; i++) {
    if (!add(&job.program, &steps[i], type, (int)i)) return false;
    cost += nnk_elementwise_cost(steps[i].kind == NNK_CHAIN_UNARY, steps[i].op, type);
    is_read |= steps[i].kind == NNK_CHAIN_LOAD && steps[i].elements == y;
  }
  load(&job.program, 0);
  // Lines that are read are in the cache already when they are written.
  job.streams = n * bytes >= STREAM_BYTES && (uintptr_t)y % 64 == 0 && !is_read;
  if (is_single(&job.program) && !job.streams) return run_single(&job.program, type, y, n);
  const double nanoseconds = (double)n * cost;
  const long chunks = nnk_chunks(nanoseconds, job.n * (long)bytes / GRAIN_BYTES);
  if (chunks <= 1) {
    run_chain(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_chain, &job);
  }
  return true;
}
