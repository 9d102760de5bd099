// Dropout: elements are kept by the words of the counter-based generator, so that the way back can draw the same mask again.
#include "sequence_table.h"

enum { UNIT_WORDS = 64, TILE_UNITS = 16 };

struct dropout_job {
  nnk_random_words_loop words;
  nnk_dropout_loop loop;
  uint64_t seed, offset;
  uint32_t limit;
  double scale;
  const char *x;
  char *y;
  long n, bytes;
};

static void run_dropout(void *context, long chunk, long chunks) {
  const struct dropout_job *job = context;
  const long units = (job->n + UNIT_WORDS - 1) / UNIT_WORDS;
  const long begin = nnk_chunk_begin(units, 1, chunk, chunks), end = nnk_chunk_begin(units, 1, chunk + 1, chunks);
  uint32_t words[TILE_UNITS * UNIT_WORDS];
  for (long unit = begin; unit < end; unit += TILE_UNITS) {
    const long count = end - unit < TILE_UNITS ? end - unit : TILE_UNITS, first = unit * UNIT_WORDS;
    const long n = job->n - first < count * UNIT_WORDS ? job->n - first : count * UNIT_WORDS;
    job->words(job->seed, job->offset + (uint64_t)unit, count, words);
    job->loop(words, job->limit, job->scale, job->x + first * job->bytes, job->y + first * job->bytes, n);
  }
}

uint64_t nnk_dropout(nnk_type type, uint64_t seed, uint64_t offset, double rate, const void *x, void *y, size_t n) {
  const struct nnk_math_table *math = nnk_math();
  const double keep = nnk_round_f64((1 - rate) * 0x1p32);
  struct dropout_job job = {math->random_words, nnk_sequences()->dropout[type], seed, offset, 0, 1 / (1 - rate), x, y, (long)n,
                            (long)nnk_type_bytes(type)};
  const uint64_t units = (n + UNIT_WORDS - 1) / UNIT_WORDS;
  if (job.loop == NULL) return 0;
  if (keep < 1) {
    memset(y, 0, n * nnk_type_bytes(type));
    return units;
  }
  job.limit = keep >= 0x1p32 ? UINT32_MAX : (uint32_t)(keep - 1);
  const double nanoseconds = (double)n * 0.4 * nnk_slowness(math);
  const long chunks = nnk_chunks(nanoseconds, (long)units / 4);
  if (chunks == 1) {
    run_dropout(&job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_dropout, &job);
  }
  return units;
}
