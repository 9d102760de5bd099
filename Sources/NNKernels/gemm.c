// Spreads matrix products over the pool: by items of the batch, by rows or by columns of C.
//
// Every element of C is computed the same way whatever part it is computed in, so parts may follow the thread count.
#include <stdlib.h>

#include "table.h"

/// What differs between element types.
struct kind {
  void (*run)(const nnk_gemm *);  // the product on one thread
  nnk_type type;
  long size;   // bytes of an element
  long lanes;  // elements of a vector
};

/// How C is cut: `row_parts` x `column_parts` for each of `batch_parts` runs of items.
struct cut {
  const nnk_gemm *gemm;
  const struct kind *kind;
  long batch_parts, row_parts, column_parts;
};

/// Columns are cut at multiples of this many elements, which is a whole number of strips for every instruction set.
enum { COLUMN_UNIT = 32 };
/// What packing an element costs, in multiply-adds: a part of r rows and c columns packs r + c elements per term.
static const double PACKING = 20;
/// Multiply-adds per vector lane and nanosecond, at best.
static const double TERMS_PER_LANE = 8;
/// Nanoseconds from which a second thread pays: 64 x 64 x 64 takes 2000 at best, and 1200 on two threads.
static const double SHARE_FROM = 1500;

// MARK: Parts

/// Where part `index` of `parts` begins when `total` is cut evenly at multiples of `unit`.
static long part_begin(long total, long unit, long parts, long index) {
  const long units = (total + unit - 1) / unit, begin = units * index / parts * unit;
  return begin < total ? begin : total;
}

/// The item `t`, rows and columns of `gemm` that begin at `row` and `column`.
static nnk_gemm sub_product(const nnk_gemm *gemm, long size, long t, long row, long rows, long column, long columns) {
  nnk_gemm part = *gemm;
  part.rows = rows;
  part.columns = columns;
  part.a = (const char *)gemm->a + size * (t * gemm->a_batch + row * gemm->a_row);
  part.b = (const char *)gemm->b + size * (t * gemm->b_batch + column * gemm->b_column);
  part.c = (char *)gemm->c + size * (t * gemm->c_batch + row * gemm->c_row + column);
  if (gemm->bias != NULL) part.bias = (const char *)gemm->bias + size * column;
  return part;
}

/// The product on this thread, with the activations that the micro-kernels do not know as a pass over C.
static void run(const nnk_gemm *gemm, const struct kind *kind) {
  kind->run(gemm);
  if (gemm->activation == NNK_NO_ACTIVATION || gemm->activation == NNK_RELU) return;
  for (long t = 0; t < gemm->batch; t++) {
    char *c = (char *)gemm->c + kind->size * t * gemm->c_batch;
    for (long i = 0; i < gemm->rows; i++, c += kind->size * gemm->c_row)
      nnk_unary((nnk_unary_op)gemm->activation, kind->type, c, c, (size_t)gemm->columns);
  }
}

/// Runs one part of a cut; a job of the pool.
static void run_part(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct cut *cut = context;
  const nnk_gemm *gemm = cut->gemm;
  const long in_item = cut->row_parts * cut->column_parts;
  const long b = chunk / in_item, r = chunk % in_item / cut->column_parts, c = chunk % cut->column_parts;
  const long item = gemm->batch * b / cut->batch_parts;
  const long row = part_begin(gemm->rows, 1, cut->row_parts, r);
  const long column = part_begin(gemm->columns, COLUMN_UNIT, cut->column_parts, c);
  nnk_gemm part = sub_product(gemm, cut->kind->size, item, row, part_begin(gemm->rows, 1, cut->row_parts, r + 1) - row,
                              column, part_begin(gemm->columns, COLUMN_UNIT, cut->column_parts, c + 1) - column);
  part.batch = gemm->batch * (b + 1) / cut->batch_parts - item;
  run(&part, cut->kind);
}

/// Cuts one item for `threads` threads so that the largest part, with its packing, is smallest. Of equal cuts the one by
/// columns is taken: B is mostly parameters, and what only one thread has read is quicker to change.
static void cut_item(struct cut *cut, long threads) {
  const nnk_gemm *g = cut->gemm;
  double best = __builtin_inf();
  for (long columns = 1; columns <= threads; columns++) {
    const long rows = threads / columns;
    if (columns > (g->columns + COLUMN_UNIT - 1) / COLUMN_UNIT || rows > g->rows) continue;
    const double r = (double)((g->rows + rows - 1) / rows);
    const double c = (double)part_begin(g->columns, COLUMN_UNIT, columns, 1);
    const double c_last = (double)(g->columns - part_begin(g->columns, COLUMN_UNIT, columns, columns - 1));
    const double widest = c > c_last ? c : c_last;
    const double cost = (r < 4 ? 4 : r) * widest + PACKING * (r + widest);
    if (cost > best) continue;
    best = cost;
    cut->row_parts = rows;
    cut->column_parts = columns;
  }
}

// MARK: The product

/// Runs a product in parts on the pool when it is large enough.
static void run_parallel(const nnk_gemm *gemm, const struct kind *kind, double nanoseconds) {
  const long threads = nnk_threads();
  struct cut cut = {.gemm = gemm, .kind = kind, .batch_parts = 1, .row_parts = 1, .column_parts = 1};
  if (gemm->batch >= 4 * threads) {
    cut.batch_parts = 4 * threads;
  } else {
    cut.batch_parts = gemm->batch;
    cut_item(&cut, (threads + gemm->batch - 1) / gemm->batch);
  }
  nnk_parallel_sized(cut.batch_parts * cut.row_parts * cut.column_parts, nanoseconds, run_part, &cut);
}

/// Runs a product where it is quickest. A batch whose items share B and follow each other is one taller product.
static void run_gemm(const nnk_gemm *gemm, const struct kind *kind) {
  const double terms = (double)gemm->rows * (double)gemm->columns * (double)gemm->depth * (double)gemm->batch;
  // At best; with few rows, reading B takes longer.
  const double nanoseconds = terms / (TERMS_PER_LANE * (double)kind->lanes) * (gemm->rows < 4 ? 1.5 : 1);
  if (nanoseconds < SHARE_FROM) {
    run(gemm, kind);
    return;
  }
  if (gemm->batch > 1 && gemm->b_batch == 0 && gemm->a_batch == gemm->rows * gemm->a_row &&
      gemm->c_batch == gemm->rows * gemm->c_row) {
    nnk_gemm tall = *gemm;
    tall.rows = gemm->rows * gemm->batch;
    tall.batch = 1;
    run_parallel(&tall, kind, nanoseconds);
  } else {
    run_parallel(gemm, kind, nanoseconds);
  }
}

void nnk_gemm_f32(const nnk_gemm *gemm) {
  const struct nnk_table *table = nnk_kernels();
  run_gemm(gemm, &(struct kind){table->gemm_f32, NNK_F32, sizeof(float), table->lanes});
}

void nnk_gemm_f64(const nnk_gemm *gemm) {
  const struct nnk_table *table = nnk_kernels();
  run_gemm(gemm, &(struct kind){table->gemm_f64, NNK_F64, sizeof(double), table->lanes / 2});
}

void nnk_gemm_i32(const nnk_gemm *gemm) {
  run_gemm(gemm, &(struct kind){nnk_kernels()->gemm_i32, NNK_I32, sizeof(int32_t), 1});
}

void nnk_gemm_i64(const nnk_gemm *gemm) {
  run_gemm(gemm, &(struct kind){nnk_kernels()->gemm_i64, NNK_I64, sizeof(int64_t), 1});
}
