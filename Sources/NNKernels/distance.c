// Distances of all vectors of one set from all of another: cuts the table into tiles, and its gradients into runs of the depth.
#include "include/nnk_distance.h"

#include "spread.h"
#include "table.h"

/// Rows of a tile, as in distance.inc, and nanoseconds for one place of its depth, about.
enum { ROWS = 4 };
static const double PLACE = 2.5;

struct distance_job {
  const nnk_distance_sets *sets;
  const char *x, *y;
  const char *w;
  char *to;
  long row_tiles, column_tiles, width, bytes;
  long w_row, w_column;
  /// Makes the tile of `rows` rows from `row` on, and `width` places from `column` on.
  void (*make)(const struct distance_job *job, long row, long rows, long column);
  bool is_by_columns;  // whether tiles under each other follow each other, or those side by side
};

/// Some of the tiles; a job of the pool.
static void run_tiles(void *context, long chunk, long chunks) {
  const struct distance_job *job = context;
  const long all = job->row_tiles * job->column_tiles;
  const long begin = nnk_chunk_begin(all, 1, chunk, chunks), end = nnk_chunk_begin(all, 1, chunk + 1, chunks);
  for (long tile = begin; tile < end; tile++) {
    const long row = (job->is_by_columns ? tile % job->row_tiles : tile / job->column_tiles) * ROWS;
    const long column = (job->is_by_columns ? tile / job->row_tiles : tile % job->column_tiles) * job->width;
    const long left = job->sets->rows - row;
    job->make(job, row, left < ROWS ? left : ROWS, column);
  }
}

static void spread_tiles(struct distance_job *job, long depth) {
  const long tiles = job->row_tiles * job->column_tiles;
  const double nanoseconds = (double)tiles * (double)(depth + 8) * PLACE * 16 / nnk_kernels()->lanes;
  if (tiles > 0) nnk_parallel_sized(nnk_chunks(nanoseconds, tiles), nanoseconds, run_tiles, job);
}

/// A tile of the table; those under each other share a panel.
static void make_tile(const struct distance_job *job, long row, long rows, long column) {
  const nnk_distance_sets *s = job->sets;
  const struct nnk_table *table = nnk_kernels();
  const long columns = s->columns - column < job->width ? s->columns - column : job->width;
  const char *x = job->x + row * s->depth * job->bytes, *panel = job->y + column * s->depth * job->bytes;
  char *to = job->to + (row * s->columns + column) * job->bytes;
  if (s->type == NNK_F32) {
    table->distance_tile_f32(s->length, (const float *)x, (const float *)panel, (float *)to, s->columns, rows, columns, s->depth);
  } else {
    table->distance_tile_f64(s->length, (const double *)x, (const double *)panel, (double *)to, s->columns, rows, columns, s->depth);
  }
}

/// Elements of the depth, or columns, of a tile: two vectors.
static long tile_width(nnk_type type) { return nnk_kernels()->lanes * (type == NNK_F32 ? 2 : 1); }

bool nnk_distances(const nnk_distance_sets *s, void *result) {
  if (s->type != NNK_F32 && s->type != NNK_F64) return false;
  struct distance_job job = {.sets = s, .width = tile_width(s->type), .bytes = (long)nnk_type_bytes(s->type),
                             .make = make_tile, .is_by_columns = true};
  job.row_tiles = (s->rows + ROWS - 1) / ROWS;
  job.column_tiles = (s->columns + job.width - 1) / job.width;
  void *panels = nnk_block_alloc((size_t)(job.column_tiles * job.width * s->depth * job.bytes + 1));
  if (panels == NULL) return false;
  job.y = panels;
  for (long item = 0; item < s->batch && !nnk_cancelled(); item++) {
    const char *y = (const char *)s->y + item * s->columns * s->depth * job.bytes;
    job.x = (const char *)s->x + item * s->rows * s->depth * job.bytes;
    job.to = (char *)result + item * s->rows * s->columns * job.bytes;
    if (s->type == NNK_F32) {
      nnk_kernels()->distance_pack_f32((const float *)y, panels, s->columns, s->depth);
    } else {
      nnk_kernels()->distance_pack_f64((const double *)y, panels, s->columns, s->depth);
    }
    spread_tiles(&job, s->depth);
  }
  nnk_block_release(panels);
  return true;
}

// MARK: Gradients

/// Some places of the depth, from `from` on, of the gradients in some rows.
static void make_shares(const struct distance_job *job, long row, long rows, long from) {
  const nnk_distance_sets *s = job->sets;
  const struct nnk_table *table = nnk_kernels();
  const long at = row * s->depth * job->bytes;
  const char *w = job->w + row * job->w_row * job->bytes;
  if (s->type == NNK_F32) {
    table->distance_share_f32(s->length, (const float *)w, job->w_row, job->w_column, (const float *)(job->x + at),
                              (const float *)job->y, (float *)(job->to + at), rows, s->columns, s->depth, from);
  } else {
    table->distance_share_f64(s->length, (const double *)w, job->w_row, job->w_column, (const double *)(job->x + at),
                              (const double *)job->y, (double *)(job->to + at), rows, s->columns, s->depth, from);
  }
}

/// The gradient in x of one pair of sets.
static void sum_shares(struct distance_job job) {
  const nnk_distance_sets *s = job.sets;
  job.width = tile_width(s->type);
  job.row_tiles = (s->rows + ROWS - 1) / ROWS;
  job.column_tiles = (s->depth + job.width - 1) / job.width;
  job.make = make_shares;
  spread_tiles(&job, s->columns);
}

void nnk_distances_grad(const nnk_distance_sets *s, const void *w, void *dx, void *dy) {
  const long bytes = (long)nnk_type_bytes(s->type);
  nnk_distance_sets turned = *s;
  turned.rows = s->columns;
  turned.columns = s->rows;
  for (long item = 0; item < s->batch && !nnk_cancelled(); item++) {
    const long first_x = item * s->rows * s->depth * bytes, first_y = item * s->columns * s->depth * bytes;
    const char *x = (const char *)s->x + first_x, *y = (const char *)s->y + first_y;
    const char *own = (const char *)w + item * s->rows * s->columns * bytes;
    const struct distance_job job = {.sets = s, .x = x, .y = y, .w = own, .w_row = s->columns, .w_column = 1, .bytes = bytes};
    struct distance_job other = {.sets = &turned, .x = y, .y = x, .w = own, .w_row = 1, .w_column = s->columns, .bytes = bytes};
    if (dx != NULL) {
      struct distance_job run = job;
      run.to = (char *)dx + first_x;
      sum_shares(run);
    }
    if (dy != NULL) {
      other.to = (char *)dy + first_y;
      sum_shares(other);
    }
  }
}
