// Chains of elementwise operations: a block of elements goes through all steps while it is in the first-level cache.
#include "include/nnk_chain.h"
#include "scratch.h"
#include "spread.h"

enum {
  BLOCK_BYTES = 8 << 10,
  MOST_STEPS = 64,
  // From here on results leave the caches anyway: those of several operations are written past them, which saves reading the lines
  // first. A single operation writes while it computes, which is quicker still.
  STREAM_BYTES = 8 << 20,
  STREAM_BLOCK_BYTES = 4 << 10,
};

/// A step with its loop looked up and its number as an element.
struct step {
  nnk_chain_kind kind;
  const char *elements;
  uint64_t number;
  nnk_unary_loop unary;
  nnk_binary_loop binary;
};

struct chain_job {
  struct step steps[MOST_STEPS];
  size_t count;
  char *y;
  long n;
  size_t bytes;
  bool streams;
};

/// A value during the evaluation of a block: elements, or one number for all of them.
struct value {
  const void *elements;
  ptrdiff_t step;
};

/// Evaluates elements begin..<begin + n; `buffers` are for the values between.
static void run_block(const struct chain_job *job, long begin, long n, char *buffers) {
  struct value stack[NNK_CHAIN_DEPTH + 1];
  int height = 0;
  char *target = job->y + begin * (long)job->bytes;
  char *last = job->streams ? buffers + NNK_CHAIN_DEPTH * BLOCK_BYTES : target;
  for (size_t i = 0; i < job->count; i++) {
    const struct step *step = &job->steps[i];
    switch (step->kind) {
      case NNK_CHAIN_LOAD:
        stack[height++] = (struct value){step->elements + begin * (long)job->bytes, 1};
        break;
      case NNK_CHAIN_NUMBER: stack[height++] = (struct value){&step->number, 0}; break;
      case NNK_CHAIN_UNARY: {
        void *result = i + 1 == job->count ? last : buffers + (height - 1) * BLOCK_BYTES;
        step->unary(stack[height - 1].elements, result, n);
        stack[height - 1] = (struct value){result, 1};
        break;
      }
      case NNK_CHAIN_BINARY: {
        height--;
        void *result = i + 1 == job->count ? last : buffers + (height - 1) * BLOCK_BYTES;
        const struct value a = stack[height - 1], b = stack[height];
        const struct nnk_binary_part part = {a.elements, b.elements, result, {0, a.step}, {0, b.step}, n, 1, n};
        step->binary(&part);
        stack[height - 1] = (struct value){result, 1};
        break;
      }
    }
  }
  if (job->streams) nnk_math()->stream_bytes(last, target, (size_t)n * job->bytes);
}

bool nnk_has_elementwise(bool is_unary, uint32_t op, nnk_type type) {
  const struct nnk_math_table *table = nnk_math();
  return is_unary ? table->unary[op][type] != NULL : table->binary[op][type] != NULL;
}

static void run_chain(void *context, long chunk, long chunks) {
  const struct chain_job *job = context;
  const long block = (job->streams ? STREAM_BLOCK_BYTES : BLOCK_BYTES) / (long)job->bytes;
  const long begin = nnk_chunk_begin(job->n, block, chunk, chunks), end = nnk_chunk_begin(job->n, block, chunk + 1, chunks);
  char *buffers = nnk_scratch();
  for (long place = begin; place < end; place += block) {
    run_block(job, place, end - place < block ? end - place : block, buffers);
  }
  // Stores past the caches are not ordered with the ones that tell the caller about this chunk.
  if (job->streams) atomic_thread_fence(memory_order_seq_cst);
}

/// Looks up a step's loop; false if there is none.
static bool prepare(struct step *step, const nnk_chain_step *source, nnk_type type) {
  const struct nnk_math_table *table = nnk_math();
  *step = (struct step){.kind = source->kind, .elements = source->elements};
  nnk_store_number(type, source->number, &step->number);
  if (source->kind == NNK_CHAIN_UNARY) step->unary = table->unary[source->op][type];
  if (source->kind == NNK_CHAIN_BINARY) step->binary = table->binary[source->op][type];
  return source->kind < NNK_CHAIN_UNARY || step->unary != NULL || step->binary != NULL;
}

bool nnk_chain(nnk_type type, const nnk_chain_step *steps, size_t count, void *y, size_t n) {
  struct chain_job job = {.count = count, .y = y, .n = (long)n, .bytes = nnk_type_bytes(type)};
  if (count > MOST_STEPS) return false;
  double cost = 0;
  size_t operations = 0;
  bool is_read = false;
  for (size_t i = 0; i < count; i++) {
    if (!prepare(&job.steps[i], &steps[i], type)) return false;
    cost += nnk_elementwise_cost(steps[i].kind == NNK_CHAIN_UNARY, steps[i].op, type);
    operations += steps[i].kind >= NNK_CHAIN_UNARY;
    is_read |= steps[i].kind == NNK_CHAIN_LOAD && steps[i].elements == y;
  }
  // Lines that are read are in the cache already when they are written.
  job.streams = n * job.bytes >= STREAM_BYTES && operations > 1 && !is_read;
  const double nanoseconds = (double)n * cost;
  const long chunks = nnk_chunks(nanoseconds, job.n * (long)job.bytes / BLOCK_BYTES);
  if (chunks <= 1) {
    run_chain(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_chain, &job);
  }
  return true;
}
