// Attention in blocks of queries and keys: scores exist for one block at a time, so memory does not grow with their number.
//
// After Dao et al., "FlashAttention" (2022): a running maximum and sum for each query forward; back, weights are computed
// again from the logarithms of the sums. Blocks are taken in order, so results have the same bits for any number of threads.
#include "sequence_table.h"

enum { QUERY_BLOCK = 64, KEY_BLOCK = 64 };

/// Nanoseconds of a score beside its products, and multiply-adds per vector lane and nanosecond.
static const double SCORE_COST = 0.5, TERMS_PER_LANE = 6;

struct attention_job {
  const nnk_attention *a;
  const struct nnk_sequence_table *table;
  void (*gemm)(const nnk_gemm *);
  long bytes, query_blocks;
  char *o;                        ///< forward: the result
  const char *g, *saved;          ///< back: the gradient in it, and the result itself
  nnk_head_strides o_strides;
  char *lse, *dots;
  char *dq, *dk, *dv;
};

/// A block of rows of one operand.
static const char *rows_at(const struct attention_job *job, const void *p, nnk_head_strides strides, long item, long row) {
  const long batch = item / (long)job->a->heads, head = item % (long)job->a->heads;
  return (const char *)p + (batch * strides.batch + head * strides.head + row * strides.row) * job->bytes;
}

static long lesser(long a, long b) { return a < b ? a : b; }

/// How many keys the queries before `end` may look at.
static long reach_of(const nnk_attention *a, long end) { return a->causal ? lesser(end, (long)a->keys) : (long)a->keys; }

/// scores[rows, cols] = rows of a times rows of b, transposed.
static void score_product(
    const struct attention_job *job, const char *a, long a_row, const char *b, long b_row, long rows, long cols, long depth, void *scores) {
  const nnk_gemm gemm = {.rows = rows, .columns = cols, .depth = depth, .a = a, .a_row = a_row, .a_column = 1, .b = b, .b_row = 1,
                         .b_column = b_row, .c = scores, .c_row = KEY_BLOCK, .batch = 1, .activation = NNK_NO_ACTIVATION};
  job->gemm(&gemm);
}

/// c[rows, cols] (+)= weights (or their transpose) times b; the weights are a block of scores.
static void weight_product(
    const struct attention_job *job, const void *weights, bool turned, const char *b, long b_row, char *c, long c_row, long rows, long depth,
    long cols, bool accumulate) {
  const nnk_gemm gemm = {.rows = rows, .columns = cols, .depth = depth, .a = weights, .a_row = turned ? 1 : KEY_BLOCK,
                         .a_column = turned ? KEY_BLOCK : 1, .b = b, .b_row = b_row, .b_column = 1, .c = c, .c_row = c_row, .batch = 1,
                         .accumulate = accumulate, .activation = NNK_NO_ACTIVATION};
  job->gemm(&gemm);
}

/// The block of scores of some queries and keys, its mask found.
static struct nnk_score_block block_at(const struct attention_job *job, long item, long query, long rows, long key, long cols) {
  const nnk_attention *a = job->a;
  struct nnk_score_block block = {.row = KEY_BLOCK, .rows = rows, .cols = cols, .first_query = query, .first_key = key,
                                  .scale = a->scale, .causal = a->causal, .mask_row = a->mask_strides.row, .mask_col = a->mask_column};
  const long batch = item / (long)a->heads, head = item % (long)a->heads;
  const long place = batch * a->mask_strides.batch + head * a->mask_strides.head + query * a->mask_strides.row + key * a->mask_column;
  if (a->allowed != NULL) block.allowed = a->allowed + place;
  if (a->added != NULL) block.added = (const char *)a->added + place * job->bytes;
  return block;
}

// MARK: Forward

/// One block of queries of one head against all keys it may look at.
static void run_attend(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct attention_job *job = context;
  const nnk_attention *a = job->a;
  const long item = chunk / job->query_blocks, query = chunk % job->query_blocks * QUERY_BLOCK;
  const long rows = lesser(QUERY_BLOCK, (long)a->queries - query), width = (long)a->value_dim;
  char *o = (char *)rows_at(job, job->o, job->o_strides, item, query);
  _Alignas(64) double scores[QUERY_BLOCK * KEY_BLOCK];
  double largest[QUERY_BLOCK], sums[QUERY_BLOCK], factors[QUERY_BLOCK];
  nnk_fill(a->type, -__builtin_inf(), largest, (size_t)rows);
  nnk_fill(a->type, 0, sums, (size_t)rows);
  const long reach = reach_of(a, query + rows);
  for (long key = 0; key < reach && !nnk_cancelled(); key += KEY_BLOCK) {
    struct nnk_score_block block = block_at(job, item, query, rows, key, lesser(KEY_BLOCK, reach - key));
    block.scores = scores;
    block.largest = largest;
    block.sums = sums;
    block.factors = factors;
    score_product(job, rows_at(job, a->q, a->q_strides, item, query), a->q_strides.row, rows_at(job, a->k, a->k_strides, item, key),
                  a->k_strides.row, rows, block.cols, (long)a->dim, scores);
    job->table->weigh[a->type](&block);
    if (key > 0) job->table->scale_rows[a->type](o, job->o_strides.row, factors, rows, width);
    weight_product(job, scores, false, rows_at(job, a->v, a->v_strides, item, key), a->v_strides.row, o, job->o_strides.row, rows,
                   block.cols, width, key > 0);
  }
  if (reach == 0)
    for (long r = 0; r < rows; r++) memset(o + r * job->o_strides.row * job->bytes, 0, (size_t)(width * job->bytes));
  char *lse = job->lse + (item * (long)a->queries + query) * job->bytes;
  job->table->finish_rows[a->type](o, job->o_strides.row, largest, sums, lse, rows, width);
}

/// Nanoseconds of the whole on one thread.
static double cost_of(const struct attention_job *job, double products) {
  const nnk_attention *a = job->a;
  const double scores = (double)a->batch * (double)a->heads * (double)a->queries * (double)a->keys * (a->causal ? 0.5 : 1);
  const double lanes = job->table->lanes * 4.0 / (double)job->bytes;
  return scores * (products * (double)(a->dim + a->value_dim) / (TERMS_PER_LANE * lanes) + SCORE_COST * 16 / lanes);
}

/// A job with what both directions need.
static struct attention_job make_job(const nnk_attention *a) {
  return (struct attention_job){.a = a, .table = nnk_sequences(),
                                .gemm = a->type == NNK_F32 ? nnk_kernels()->gemm_f32 : nnk_kernels()->gemm_f64,
                                .bytes = (long)nnk_type_bytes(a->type),
                                .query_blocks = ((long)a->queries + QUERY_BLOCK - 1) / QUERY_BLOCK};
}

bool nnk_attention_forward(const nnk_attention *a, void *o, nnk_head_strides o_strides, void *lse) {
  if (a->type != NNK_F32 && a->type != NNK_F64) return false;
  struct attention_job job = make_job(a);
  job.o = o;
  job.o_strides = o_strides;
  job.lse = lse;
  nnk_parallel_sized((long)(a->batch * a->heads) * job.query_blocks, cost_of(&job, 1), run_attend, &job);
  return true;
}

// MARK: Back

/// The weights of a block and the gradients in its products, from both operands' rows.
static void slope_block(
    const struct attention_job *job, long item, long query, long rows, long key, long cols, void *weights, void *slopes) {
  const nnk_attention *a = job->a;
  struct nnk_score_block block = block_at(job, item, query, rows, key, cols);
  const long place = (item * (long)a->queries + query) * job->bytes;
  block.scores = weights;
  block.slopes = slopes;
  block.lse = job->lse + place;
  block.dots = job->dots + place;
  score_product(job, rows_at(job, a->q, a->q_strides, item, query), a->q_strides.row, rows_at(job, a->k, a->k_strides, item, key),
                a->k_strides.row, rows, cols, (long)a->dim, weights);
  score_product(job, rows_at(job, job->g, job->o_strides, item, query), job->o_strides.row, rows_at(job, a->v, a->v_strides, item, key),
                a->v_strides.row, rows, cols, (long)a->value_dim, slopes);
  job->table->weigh_grad[a->type](&block);
}

static void clear_rows(const struct attention_job *job, char *rows, long row, long count, long width) {
  for (long r = 0; r < count; r++) memset(rows + r * row * job->bytes, 0, (size_t)(width * job->bytes));
}

/// dots = gradient times output, summed along each query's row.
static void run_dots(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct attention_job *job = context;
  const nnk_attention *a = job->a;
  const long item = chunk / job->query_blocks, query = chunk % job->query_blocks * QUERY_BLOCK;
  const long rows = lesser(QUERY_BLOCK, (long)a->queries - query);
  job->table->row_dots[a->type](rows_at(job, job->g, job->o_strides, item, query), job->o_strides.row,
                                rows_at(job, job->saved, job->o_strides, item, query), job->o_strides.row,
                                job->dots + (item * (long)a->queries + query) * job->bytes, rows, (long)a->value_dim);
}

/// One head: for each block of keys, all blocks of queries that may look at it. Sums run over queries in order for dk and dv,
/// over keys in order for dq.
static void run_head(void *context, long item, long chunks) {
  (void)chunks;
  const struct attention_job *job = context;
  const nnk_attention *a = job->a;
  const long queries = (long)a->queries, keys = (long)a->keys, dim = (long)a->dim, width = (long)a->value_dim;
  _Alignas(64) double weights[QUERY_BLOCK * KEY_BLOCK], slopes[QUERY_BLOCK * KEY_BLOCK];
  if (keys == 0) clear_rows(job, (char *)rows_at(job, job->dq, a->q_strides, item, 0), a->q_strides.row, queries, dim);
  for (long key = 0; key < keys; key += KEY_BLOCK) {
    const long cols = lesser(KEY_BLOCK, keys - key), first = a->causal ? key / QUERY_BLOCK * QUERY_BLOCK : 0;
    char *dk = (char *)rows_at(job, job->dk, a->k_strides, item, key), *dv = (char *)rows_at(job, job->dv, a->v_strides, item, key);
    const char *k = rows_at(job, a->k, a->k_strides, item, key);
    if (first >= queries) {
      clear_rows(job, dk, a->k_strides.row, cols, dim);
      clear_rows(job, dv, a->v_strides.row, cols, width);
    }
    for (long query = first; query < queries && !nnk_cancelled(); query += QUERY_BLOCK) {
      const long rows = lesser(QUERY_BLOCK, queries - query);
      slope_block(job, item, query, rows, key, cols, weights, slopes);
      weight_product(job, weights, true, rows_at(job, job->g, job->o_strides, item, query), job->o_strides.row, dv, a->v_strides.row,
                     cols, rows, width, query > first);
      weight_product(job, slopes, true, rows_at(job, a->q, a->q_strides, item, query), a->q_strides.row, dk, a->k_strides.row, cols, rows,
                     dim, query > first);
      weight_product(job, slopes, false, k, a->k_strides.row, (char *)rows_at(job, job->dq, a->q_strides, item, query), a->q_strides.row,
                     rows, cols, dim, key > 0);
    }
  }
}

bool nnk_attention_backward(
    const nnk_attention *a, const void *o, const void *g, nnk_head_strides o_strides, const void *lse, void *dq, void *dk, void *dv) {
  if (a->type != NNK_F32 && a->type != NNK_F64) return false;
  struct attention_job job = make_job(a);
  job.saved = o;
  job.g = g;
  job.o_strides = o_strides;
  job.lse = (char *)lse;
  job.dq = dq;
  job.dk = dk;
  job.dv = dv;
  const long items = (long)(a->batch * a->heads);
  job.dots = nnk_block_alloc((size_t)items * a->queries * (size_t)job.bytes);
  if (job.dots == NULL) return false;
  nnk_parallel_sized(items * job.query_blocks, (double)items * (double)a->queries * (double)a->value_dim * 0.1, run_dots, &job);
  nnk_parallel_sized(items, cost_of(&job, 2.5), run_head, &job);
  nnk_block_release(job.dots);
  return true;
}
