// Random numbers: cuts a stream into units of 64 words and spreads them over the pool; see random.inc for the generator.
#include "spread.h"

enum { UNIT_WORDS = 64, TILE_UNITS = 16 };

/// What a call makes of its words.
struct random_job {
  uint64_t seed, offset;
  const struct nnk_math_table *table;
  nnk_random_loop convert;  ///< from words to numbers, or NULL: `make` does it
  void (*make)(const struct random_job *job, const uint32_t *words, long units, void *y);
  long per_unit, n;         ///< numbers from a unit, and in all
  size_t bytes;
  char *y;
  int64_t low;
  uint64_t range;
  nnk_type type;
};

/// Numbers of a few whole units.
static void make_numbers(const struct random_job *job, const uint32_t *words, long units, void *y) {
  if (job->convert != NULL) {
    job->convert(words, units, y);
  } else {
    job->make(job, words, units, y);
  }
}

static void run_units(void *context, long chunk, long chunks) {
  const struct random_job *job = context;
  const long units = (job->n + job->per_unit - 1) / job->per_unit;
  const long begin = nnk_chunk_begin(units, 1, chunk, chunks), end = nnk_chunk_begin(units, 1, chunk + 1, chunks);
  uint32_t words[TILE_UNITS * UNIT_WORDS];
  for (long unit = begin; unit < end; unit += TILE_UNITS) {
    const long count = end - unit < TILE_UNITS ? end - unit : TILE_UNITS, whole = job->n / job->per_unit - unit;
    const long direct = whole < count ? whole : count;
    job->table->random_words(job->seed, job->offset + (uint64_t)unit, count, words);
    char *y = job->y + unit * job->per_unit * (long)job->bytes;
    make_numbers(job, words, direct, y);
    if (direct == count) continue;
    // The last unit is not used up.
    uint64_t rest[UNIT_WORDS];
    make_numbers(job, words + direct * UNIT_WORDS, 1, rest);
    const long done = (unit + direct) * job->per_unit;
    memcpy(job->y + done * (long)job->bytes, rest, (size_t)(job->n - done) * job->bytes);
  }
}

/// Runs a job that takes `cost` nanoseconds a number; returns the units it used.
static uint64_t spread_units(struct random_job *job, double cost) {
  const long units = (job->n + job->per_unit - 1) / job->per_unit;
  const double nanoseconds = (double)job->n * cost * nnk_slowness(job->table);
  const long chunks = nnk_chunks(nanoseconds, units / 4);
  if (chunks == 1) {
    run_units(job, 0, 1);
  } else {
    nnk_parallel_sized(chunks, nanoseconds, run_units, job);
  }
  return (uint64_t)units;
}

static struct random_job make_job(nnk_type type, uint64_t seed, uint64_t offset, long per_unit, void *y, size_t n) {
  return (struct random_job){
      .seed = seed,
      .offset = offset,
      .table = nnk_math(),
      .per_unit = per_unit,
      .n = (long)n,
      .bytes = nnk_type_bytes(type),
      .y = y,
      .type = type,
  };
}

/// The 64-bit number e of a unit.
static inline uint64_t long_word(const uint32_t *unit, long e) { return (uint64_t)unit[e] << 32 | unit[32 + e]; }

static void make_words(const struct random_job *job, const uint32_t *words, long units, void *y) {
  (void)job;
  memcpy(y, words, (size_t)units * UNIT_WORDS * 4);
}

uint64_t nnk_random_words(uint64_t seed, uint64_t offset, uint32_t *y, size_t n) {
  struct random_job job = make_job(NNK_I32, seed, offset, UNIT_WORDS, y, n);
  job.make = make_words;
  return spread_units(&job, 0.3);
}

uint64_t nnk_random_uniform(nnk_type type, uint64_t seed, uint64_t offset, void *y, size_t n) {
  if (type != NNK_F32 && type != NNK_F64) return 0;
  struct random_job job = make_job(type, seed, offset, type == NNK_F32 ? 64 : 32, y, n);
  job.convert = job.table->random_uniform[type];
  return spread_units(&job, type == NNK_F32 ? 0.4 : 0.8);
}

uint64_t nnk_random_normal(nnk_type type, uint64_t seed, uint64_t offset, void *y, size_t n) {
  if (type != NNK_F32 && type != NNK_F64) return 0;
  struct random_job job = make_job(type, seed, offset, type == NNK_F32 ? 64 : 32, y, n);
  job.convert = job.table->random_normal[type];
  return spread_units(&job, type == NNK_F32 ? 0.7 : 2);
}

/// low + a 64-bit number times the range, over 2^64.
static void make_integers(const struct random_job *job, const uint32_t *words, long units, void *y) {
  for (long u = 0; u < units; u++)
    for (long e = 0; e < 32; e++) {
      const uint64_t scaled = (uint64_t)((unsigned __int128)long_word(words + u * UNIT_WORDS, e) * job->range >> 64);
      const int64_t value = (int64_t)((uint64_t)job->low + scaled);
      if (job->type == NNK_I32) {
        ((int32_t *)y)[u * 32 + e] = (int32_t)value;
      } else {
        ((int64_t *)y)[u * 32 + e] = value;
      }
    }
}

uint64_t nnk_random_integers(nnk_type type, uint64_t seed, uint64_t offset, int64_t low, int64_t high, void *y, size_t n) {
  if ((type != NNK_I32 && type != NNK_I64) || low >= high) return 0;
  struct random_job job = make_job(type, seed, offset, 32, y, n);
  job.make = make_integers;
  job.low = low;
  job.range = (uint64_t)high - (uint64_t)low;
  return spread_units(&job, 1.5);
}

/// 1 where a word is below p 2^32.
static void make_bernoulli(const struct random_job *job, const uint32_t *words, long units, void *y) {
  uint8_t hits[UNIT_WORDS];
  const nnk_unary_loop convert = job->table->cast[NNK_U8][job->type];
  for (long u = 0; u < units; u++) {
    for (long e = 0; e < UNIT_WORDS; e++) hits[e] = words[u * UNIT_WORDS + e] < job->range;
    convert(hits, (char *)y + u * UNIT_WORDS * (long)job->bytes, UNIT_WORDS);
  }
}

uint64_t nnk_random_bernoulli(nnk_type type, uint64_t seed, uint64_t offset, double p, void *y, size_t n) {
  struct random_job job = make_job(type, seed, offset, UNIT_WORDS, y, n);
  job.make = make_bernoulli;
  job.range = p <= 0 ? 0 : p >= 1 ? (uint64_t)1 << 32 : (uint64_t)nnk_round_f64(p * 0x1p32);
  return spread_units(&job, 0.5);
}

uint64_t nnk_random_permutation(uint64_t seed, uint64_t offset, int32_t *y, size_t n) {
  const struct nnk_math_table *table = nnk_math();
  for (size_t i = 0; i < n; i++) y[i] = (int32_t)i;
  uint32_t words[TILE_UNITS * UNIT_WORDS];
  uint64_t used = 0;
  long next = TILE_UNITS * 32;
  for (size_t i = n; i > 1; i--, next++) {
    if (next == TILE_UNITS * 32) {
      table->random_words(seed, offset + used, TILE_UNITS, words);
      used += TILE_UNITS;
      next = 0;
    }
    const uint64_t bits = long_word(words + next / 32 * UNIT_WORDS, next % 32);
    const size_t j = (size_t)((unsigned __int128)bits * i >> 64);
    const int32_t kept = y[i - 1];
    y[i - 1] = y[j];
    y[j] = kept;
  }
  return n < 2 ? 0 : (n - 1 + 31) / 32;
}
