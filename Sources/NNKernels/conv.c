// Convolutions: describes them to the kernels, arranges weights, and cuts the work for the pool.
//
// The forward pass is one map from the input to the output. The gradient in the input is a convolution of the gradient with
// the weights turned round; with strides it falls apart into phases, one for each remainder of the input's position,
// each a convolution of its own with stride 1. An output element is the same sum in whatever part it is computed.
#include <string.h>

#include "spread.h"
#include "table.h"

/// Multiply-adds per vector lane and nanosecond, at best.
static const double TERMS_PER_LANE = 8;
/// Nanoseconds to rearrange a weight, about.
static const double PACKING = 0.5;

/// What differs between element types.
struct conv_kind {
  void (*pack)(const struct nnk_conv_weights *, long, long);
  void (*part)(const struct nnk_conv_map *, const void *, void *, long, long, long, long);
  void (*narrow_rows)(const nnk_conv *, const void *, const void *, void *, long, long);
  void (*weight_part)(const struct nnk_conv_weight_part *);
  void (*planes)(const struct nnk_planes *, const void *, const void *, const void *, bool, void *, long, long, long, long);
  void (*planes_weight)(const struct nnk_planes *, const void *, const void *, void *, long, long);
  size_t bytes;
  long lanes;
  bool has_masked_loads;
};

static struct conv_kind kind_of(nnk_type type) {
  const struct nnk_table *t = nnk_kernels();
  if (type == NNK_F32)
    return (struct conv_kind){t->conv_pack_f32, t->conv_part_f32, t->conv_narrow_rows_f32, t->conv_weight_part_f32,
                              t->conv_planes_f32, t->conv_planes_weight_f32, 4, t->lanes, t->has_masked_loads};
  return (struct conv_kind){t->conv_pack_f64, t->conv_part_f64, t->conv_narrow_rows_f64, t->conv_weight_part_f64,
                            t->conv_planes_f64, t->conv_planes_weight_f64, 8, t->lanes / 2, t->has_masked_loads};
}

/// A pass over images: forward, or the gradient in the input.
struct conv_job {
  const nnk_conv *conv;
  struct conv_kind kind;
  bool is_gradient;
  const void *in, *weights, *bias;
  char *packed;  ///< rearranged weights, or NULL
  void *out;
  bool relu;
  long rows;          ///< of the result's images
  long parts, bands;  ///< how the images, and each image, are cut
};

/// One phase of an axis: the map's axis, and which of the window's taps belong to it.
struct phase {
  struct nnk_conv_axis axis;
  long last_tap, tap_step;  ///< the first tap of the axis is this one of the window, and they go down by the step
};

static long common_divisor(long a, long b) {
  while (b != 0) {
    const long rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// Phase `r` of the gradient in the input along an axis of the forward pass.
static struct phase gradient_phase(const struct nnk_conv_axis *forward, long r) {
  const long stride = forward->step, d = forward->dilation, divisor = common_divisor(stride, d);
  struct phase p = {.tap_step = stride / divisor};
  long first = 0;
  while (first < forward->taps && first < p.tap_step && (r - forward->offset - first * d) % stride != 0) first++;
  const bool has_taps = first < forward->taps && first < p.tap_step;
  const long taps = has_taps ? (forward->taps - 1 - first) / p.tap_step + 1 : 0;
  p.last_tap = has_taps ? first + (taps - 1) * p.tap_step : 0;
  p.axis = (struct nnk_conv_axis){.outputs = r < forward->inputs ? (forward->inputs - 1 - r) / stride + 1 : 0,
                                  .inputs = forward->outputs,
                                  .taps = taps,
                                  .step = 1,
                                  .offset = has_taps ? (r - forward->offset - p.last_tap * d) / stride : 0,
                                  .dilation = d / divisor,
                                  .in_stride = forward->out_stride,
                                  .out_stride = stride * forward->in_stride};
  return p;
}

static struct nnk_conv_axis axis_y(const nnk_conv *v) {
  return (struct nnk_conv_axis){v->out_height, v->in_height, v->kernel_height, v->stride_y, -v->pad_top, v->dilation_y,
                                v->in_width * v->in_channels, v->out_width * v->out_channels};
}

static struct nnk_conv_axis axis_x(const nnk_conv *v) {
  return (struct nnk_conv_axis){v->out_width, v->in_width, v->kernel_width, v->stride_x, -v->pad_left, v->dilation_x,
                                v->in_channels, v->out_channels};
}

/// Elements of a panel's row of `columns` weights, at most.
static long padded_columns(const struct conv_kind *kind, long columns) {
  return (columns + kind->lanes - 1) / kind->lanes * kind->lanes;
}

// MARK: Maps

/// A map of the job with the weights it reads, as they lie and as they are packed.
struct conv_step {
  struct nnk_conv_map map;
  struct nnk_conv_weights weights;
  long in, out;  ///< elements by which input and output are further on
};

/// The step of one group of channels and one phase; weights packed before it take `packed` elements.
static struct conv_step make_step(const struct conv_job *job, long group, const struct phase *y, const struct phase *x,
                                  long packed) {
  const nnk_conv *v = job->conv;
  const bool is_depthwise = nnk_conv_is_depthwise(v);
  const long in_depth = v->in_channels / v->groups, out_depth = v->out_channels / v->groups;
  const long depth = job->is_gradient ? out_depth : in_depth, columns = job->is_gradient ? in_depth : out_depth;
  const long tap_y = v->kernel_width * in_depth * v->out_channels, tap_x = in_depth * v->out_channels;
  const size_t bytes = job->kind.bytes;
  const long x_size = v->in_height * v->in_width * v->in_channels, y_size = v->out_height * v->out_width * v->out_channels;
  const char *from = nnk_after(job->weights, y->last_tap * tap_y + x->last_tap * tap_x + group * out_depth, bytes);
  struct conv_step step = {
      .map = {.y = y->axis, .x = x->axis, .depth = depth, .columns = columns, .relu = job->relu},
      .weights = {from, NULL, y->axis.taps, x->axis.taps, -y->tap_step * tap_y, -x->tap_step * tap_x, depth, columns,
                  job->is_gradient ? 1 : v->out_channels, job->is_gradient ? v->out_channels : 1},
      .in = group * depth,
      .out = group * columns};
  step.map.in_image = job->is_gradient ? y_size : x_size;
  step.map.out_image = job->is_gradient ? x_size : y_size;
  if (job->bias != NULL) step.map.bias = nnk_after(job->bias, group * columns, bytes);
  if (is_depthwise) {
    step.map.columns = v->in_channels;
    step.map.weights = from;
    step.map.weight_y = step.weights.y_step;
    step.map.weight_x = step.weights.x_step;
  } else if (job->packed != NULL) {
    step.weights.to = nnk_after_mutable(job->packed, packed, bytes);
    step.map.weights = step.weights.to;
  } else {
    step.map.weights = from;
    step.map.weight_row = v->out_channels;
  }
  return step;
}

/// Calls `body` for every step of a job: each group of channels, each phase.
static void for_each_step(const struct conv_job *job, void (*body)(const struct conv_job *, const struct conv_step *, void *),
                          void *context) {
  const nnk_conv *v = job->conv;
  const struct nnk_conv_axis y = axis_y(v), x = axis_x(v);
  // Forward there is one phase, with the taps in order.
  const struct phase whole_y = {y, 0, -1}, whole_x = {x, 0, -1};
  const long phases_y = job->is_gradient ? (v->stride_y < v->in_height ? v->stride_y : v->in_height) : 1;
  const long phases_x = job->is_gradient ? (v->stride_x < v->in_width ? v->stride_x : v->in_width) : 1;
  const long groups = nnk_conv_is_depthwise(v) ? 1 : v->groups;
  long packed = 0;
  for (long r = 0; r < phases_y; r++) {
    const struct phase phase_y = job->is_gradient ? gradient_phase(&y, r) : whole_y;
    for (long s = 0; s < phases_x; s++) {
      const struct phase phase_x = job->is_gradient ? gradient_phase(&x, s) : whole_x;
      for (long group = 0; group < groups; group++) {
        struct conv_step step = make_step(job, group, &phase_y, &phase_x, packed);
        step.out += r * y.in_stride + s * x.in_stride;
        body(job, &step, context);
        packed += phase_y.axis.taps * phase_x.axis.taps * step.map.depth * padded_columns(&job->kind, step.map.columns);
      }
    }
  }
}

// MARK: Parts

/// A range of images and a band of rows, as a fraction.
struct conv_range {
  long image, images_end, band;
};

static void run_step(const struct conv_job *job, const struct conv_step *step, void *context) {
  const struct conv_range *range = context;
  const long rows = step->map.y.outputs;
  job->kind.part(&step->map, nnk_after(job->in, step->in, job->kind.bytes),
                 nnk_after_mutable(job->out, step->out, job->kind.bytes), range->image, range->images_end,
                 rows * range->band / job->bands, rows * (range->band + 1) / job->bands);
}

/// One part of the images; a job of the pool.
static void run_conv_part(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct conv_job *job = context;
  const long part = chunk / job->bands;
  struct conv_range range = {job->conv->batch * part / job->parts, job->conv->batch * (part + 1) / job->parts, chunk % job->bands};
  for_each_step(job, run_step, &range);
}

struct pack_range {
  long chunk, chunks;
};

static void pack_step(const struct conv_job *job, const struct conv_step *step, void *context) {
  const struct pack_range *range = context;
  const long taps = step->weights.taps_y * step->weights.taps_x;
  job->kind.pack(&step->weights, taps * range->chunk / range->chunks, taps * (range->chunk + 1) / range->chunks);
}

/// Packs some taps of the weights; a job of the pool.
static void run_pack(void *context, long chunk, long chunks) {
  struct pack_range range = {chunk, chunks};
  for_each_step(context, pack_step, &range);
}

/// Makes packed weights; false without memory.
static bool pack_weights(struct conv_job *job, long depth, long columns) {
  const nnk_conv *v = job->conv;
  const long taps = v->kernel_height * v->kernel_width;
  const long elements = taps * depth * padded_columns(&job->kind, columns) * v->groups;
  job->packed = nnk_block_alloc((size_t)elements * job->kind.bytes);
  if (job->packed == NULL) return false;
  const double nanoseconds = PACKING * (double)elements;
  nnk_parallel_sized(nnk_chunks(nanoseconds, taps), nanoseconds, run_pack, job);
  return true;
}

/// How long the pass takes on one thread, in nanoseconds.
static double pass_time(const nnk_conv *v, const struct conv_kind *kind) {
  const double terms = (double)v->batch * (double)(v->out_height * v->out_width) * (double)v->out_channels *
                       (double)(v->kernel_height * v->kernel_width) * (double)(v->in_channels / v->groups);
  const long columns = v->out_channels / v->groups, wasted = padded_columns(kind, columns);
  return terms / (TERMS_PER_LANE * (double)kind->lanes) * (columns > 0 ? (double)wasted / (double)columns : 1);
}

/// Cuts a pass into images, and images into bands where there are few, and runs it.
static void spread_pass(struct conv_job *job, double nanoseconds) {
  const long batch = job->conv->batch, chunks = nnk_chunks(nanoseconds, batch * job->rows);
  job->parts = chunks < batch ? chunks : batch;
  job->bands = chunks <= batch ? 1 : (chunks + batch - 1) / batch;
  if (job->bands > job->rows) job->bands = job->rows;
  nnk_parallel_sized(job->parts * job->bands, nanoseconds, run_conv_part, job);
}

// MARK: Planes

/// Describes a pass over planes; false where they do not fit.
static bool plan_planes(const nnk_conv *v, bool is_gradient, struct nnk_planes *p) {
  const long in_depth = v->in_channels / v->groups, out_depth = v->out_channels / v->groups;
  const struct nnk_conv_axis y = axis_y(v), x = axis_x(v);
  *p = (struct nnk_planes){.conv = v,
                           .y = nnk_plane_axis(&y, is_gradient),
                           .x = nnk_plane_axis(&x, is_gradient),
                           .depth = is_gradient ? out_depth : in_depth,
                           .columns = is_gradient ? in_depth : out_depth};
  p->pitch = p->x.places + p->x.reach;
  if (p->columns > NNK_PLANE_COLUMNS || p->depth == 0) return false;
  if (v->kernel_height * v->kernel_width * p->depth * p->columns > NNK_PLANE_WEIGHTS) return false;
  if (p->pitch > NNK_PLANE_ELEMENTS || p->y.reach > NNK_PLANE_ELEMENTS) return false;
  if (v->stride_y > NNK_PLANE_STRIDE || v->stride_x > NNK_PLANE_STRIDE) return false;
  const long phases = p->y.in_phases * p->x.in_phases, out_phases = p->y.out_phases * p->x.out_phases;
  // Bands overlap by the window, so they should not be much lower than it.
  const long wanted = p->y.places < p->y.reach + 4 ? p->y.places : p->y.reach + 4;
  const long most_channels = phases > 1 ? NNK_PLANE_BLOCK / 4 : NNK_PLANE_BLOCK;
  p->block = p->depth < most_channels ? p->depth : most_channels;
  p->groups = p->block < p->depth ? 1 : most_channels / p->depth;
  if (p->groups > v->groups) p->groups = v->groups;
  while (v->kernel_height * v->kernel_width * p->depth * p->columns * p->groups > NNK_PLANE_WEIGHTS) p->groups /= 2;
  for (;;) {
    const long in = p->groups * p->block * phases, out = p->groups * p->columns * out_phases;
    const long around = in * (p->y.reach * p->pitch + p->x.reach + 3 * NNK_PLANE_LANES) + out * NNK_PLANE_TILE;
    p->rows = (NNK_PLANE_ELEMENTS - around) / ((in + out) * p->pitch);
    if (p->rows >= wanted) break;
    if (p->groups == 1 && p->block == 1) return false;
    if (p->groups > 1) {
      p->groups /= 2;
    } else {
      p->block /= 2;
    }
  }
  if (p->rows > p->y.places) p->rows = p->y.places;
  p->in_plane = nnk_plane_round((p->rows + p->y.reach) * p->pitch + p->x.reach) + NNK_PLANE_LANES;
  p->out_plane = nnk_plane_round(p->rows * p->pitch) + NNK_PLANE_TILE;
  return true;
}

/// Remainders of a pixel's place modulo the strides; more than planes are made for where the strides are large.
static long phases_of(const nnk_conv *v) {
  const long most = NNK_PLANE_STRIDE + 1;
  return (v->stride_y < most ? v->stride_y : most) * (v->stride_x < most ? v->stride_x : most);
}

/// Whether `results` channels of a group's result leave so many lanes empty that copies to planes pay: `copying` for each tap's
/// term of one channel is what the copies cost, and `most` terms would fill the lanes. Fitted to measured times; the same for
/// all vectors of 32 bytes and more, because sums over planes have an order of their own.
static bool leaves_lanes_empty(const nnk_conv *v, const struct conv_kind *kind, long results, long copying, long most) {
  const long taps = v->kernel_height * v->kernel_width, bytes = (long)kind->bytes;
  const long scale = bytes / 4 * (kind->lanes * bytes == 16 ? 2 : 1);
  if (v->stride_y > NNK_PLANE_STRIDE || v->stride_x > NNK_PLANE_STRIDE) return false;
  if (nnk_conv_is_depthwise(v) && v->groups > 4) return false;
  return scale * (copying + taps * results) <= most * taps;
}

/// Whether the forward pass has few output channels.
static bool has_few_outputs(const nnk_conv *v, const struct conv_kind *kind) {
  const long phases = phases_of(v), outputs = v->out_channels / v->groups;
  // Rows of few pixels and channels take their time.
  return v->in_channels <= 4 ? leaves_lanes_empty(v, kind, outputs, (10 + 256 / v->in_width) * phases, 6)
                             : leaves_lanes_empty(v, kind, outputs, 8 * phases, 7);
}

/// Whether the gradient in the input has few channels.
static bool has_few_inputs(const nnk_conv *v, const struct conv_kind *kind) {
  const long inputs = v->in_channels / v->groups;
  if (v->groups > 1) return leaves_lanes_empty(v, kind, inputs, 8, 7);
  // Few channels have lanes of pixels anyway, in sums of single taps, which are better where the sums are long.
  const bool is_point = v->kernel_height * v->kernel_width == 1 && (inputs <= 4 || phases_of(v) == 1);
  return v->out_channels <= (is_point ? 5 : 6 * inputs);
}

/// A pass over planes and how it is cut.
struct planes_job {
  struct nnk_planes planes;
  struct conv_kind kind;
  const void *in, *weights, *bias;
  void *out;
  bool relu;
  long parts, bands;
};

/// A band of places of some images; a job of the pool.
static void run_planes(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct planes_job *job = context;
  const long part = chunk / job->bands, band = chunk % job->bands, batch = job->planes.conv->batch;
  const long places = job->planes.y.places;
  job->kind.planes(&job->planes, job->in, job->weights, job->bias, job->relu, job->out, batch * part / job->parts,
                   batch * (part + 1) / job->parts, places * band / job->bands, places * (band + 1) / job->bands);
}

/// How long a pass over planes takes on one thread, in nanoseconds.
static double planes_time(const struct nnk_planes *p, const struct conv_kind *kind) {
  const nnk_conv *v = p->conv;
  const double x_pixels = (double)v->batch * (double)(v->in_height * v->in_width);
  const double y_elements = (double)v->batch * (double)(v->out_height * v->out_width) * (double)v->out_channels;
  const double terms = y_elements * (double)(v->kernel_height * v->kernel_width) * (double)(v->in_channels / v->groups);
  return (1.5 / TERMS_PER_LANE * terms + 5 * (x_pixels * (double)v->in_channels + y_elements)) / (double)kind->lanes;
}

/// Bands overlap by the window, so there are no more than the memory asks for where there are enough images; and every part
/// clears its planes, so there are not many.
static void spread_planes(struct planes_job *job) {
  const struct nnk_planes *p = &job->planes;
  const long batch = p->conv->batch, needed = (p->y.places + p->rows - 1) / p->rows;
  long wanted = batch >= 4 ? 1 : 8 / batch;
  if (wanted > p->y.places / (4 * (p->y.reach + 1)) + 1) wanted = p->y.places / (4 * (p->y.reach + 1)) + 1;
  job->bands = needed > wanted ? needed : wanted;
  const double nanoseconds = planes_time(p, &job->kind);
  long chunks = nnk_chunks(nanoseconds / 8, batch * job->bands);
  if (chunks > 16 && nanoseconds < 16e5) chunks = 16;
  const long parts = (chunks + job->bands - 1) / job->bands;
  job->parts = parts < batch ? parts : batch;
  nnk_parallel_sized(job->parts * job->bands, nanoseconds, run_planes, job);
}

// MARK: Forward

/// Whether the convolution is a plain matrix product of pixels and weights.
static bool is_pointwise(const nnk_conv *v) {
  return v->kernel_height == 1 && v->kernel_width == 1 && v->stride_y == 1 && v->stride_x == 1 && v->groups == 1 &&
         v->pad_top == 0 && v->pad_left == 0 && v->in_height == v->out_height && v->in_width == v->out_width;
}

static void run_product(nnk_type type, const nnk_gemm *gemm) {
  if (type == NNK_F32) {
    nnk_gemm_f32(gemm);
  } else {
    nnk_gemm_f64(gemm);
  }
}

bool nnk_conv_forward(nnk_type type, const nnk_conv *v, const void *x, const void *w, const void *bias, bool relu, void *y) {
  const long pixels = v->batch * v->out_height * v->out_width, columns = v->out_channels / v->groups;
  if (pixels == 0 || v->out_channels == 0) return true;
  if (is_pointwise(v)) {
    run_product(type, &(nnk_gemm){.rows = pixels, .columns = v->out_channels, .depth = v->in_channels, .a = x,
                                  .a_row = v->in_channels, .a_column = 1, .b = w, .b_row = v->out_channels, .b_column = 1,
                                  .c = y, .c_row = v->out_channels, .batch = 1, .bias = bias,
                                  .activation = relu ? NNK_RELU : NNK_NO_ACTIVATION});
    return true;
  }
  struct planes_job narrow = {.kind = kind_of(type), .in = x, .weights = w, .bias = bias, .out = y, .relu = relu};
  if (has_few_outputs(v, &narrow.kind) && plan_planes(v, false, &narrow.planes)) {
    spread_planes(&narrow);
    return true;
  }
  struct conv_job job = {v, kind_of(type), false, x, w, bias, NULL, y, relu, v->out_height, 1, 1};
  const bool needs_padding = !job.kind.has_masked_loads && columns % job.kind.lanes != 0;
  // Narrow weights are one panel as they lie; few pixels do not repay the copy. Without masked loads the end of a row must be padded.
  const bool packs = !nnk_conv_is_depthwise(v) && ((columns > 2 * job.kind.lanes && pixels > 100) || needs_padding);
  if (packs && !pack_weights(&job, v->in_channels / v->groups, columns)) return false;
  spread_pass(&job, pass_time(v, &job.kind));
  nnk_block_release(job.packed);
  return true;
}

// MARK: The gradient in the input

/// A band of rows of one image with few channels; a job of the pool.
static void run_narrow(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct conv_job *job = context;
  const nnk_conv *v = job->conv;
  const long image = chunk / job->bands, band = chunk % job->bands;
  const long g_size = v->out_height * v->out_width * v->out_channels, x_size = v->in_height * v->in_width * v->in_channels;
  job->kind.narrow_rows(v, nnk_after(job->in, image * g_size, job->kind.bytes), job->weights,
                        nnk_after_mutable(job->out, image * x_size, job->kind.bytes), v->in_height * band / job->bands,
                        v->in_height * (band + 1) / job->bands);
}

/// Bands overlap by the window, so whole images are better as long as there are enough of them.
static void spread_narrow(struct conv_job *job) {
  const nnk_conv *v = job->conv;
  const long most = 2 * NNK_NARROW_ROW / nnk_conv_narrow_row(v), needed = (v->in_height + most - 1) / most;
  long wanted = v->batch >= 4 ? 1 : 8 / v->batch;
  if (wanted > v->in_height / (4 * v->kernel_height) + 1) wanted = v->in_height / (4 * v->kernel_height) + 1;
  job->bands = needed > wanted ? needed : wanted;
  const double terms = (double)v->batch * (double)(v->out_height * v->out_width) * (double)v->out_channels *
                       (double)(v->kernel_height * v->kernel_width * v->in_channels);
  const double nanoseconds = 1.5 * terms / (TERMS_PER_LANE * (double)job->kind.lanes);
  nnk_parallel_sized(v->batch * job->bands, nanoseconds, run_narrow, job);
}

bool nnk_conv_input_grad(nnk_type type, const nnk_conv *v, const void *g, const void *w, void *dx) {
  const long pixels = v->batch * v->in_height * v->in_width;
  if (pixels == 0 || v->in_channels == 0) return true;
  struct conv_job job = {v, kind_of(type), true, g, w, NULL, NULL, dx, false, v->in_height, 1, 1};
  struct planes_job narrow = {.kind = kind_of(type), .in = g, .weights = w, .out = dx};
  if (has_few_inputs(v, &narrow.kind) && plan_planes(v, true, &narrow.planes)) {
    spread_planes(&narrow);
    return true;
  }
  if (nnk_conv_is_narrow(v)) {
    spread_narrow(&job);
    return true;
  }
  if (is_pointwise(v)) {
    run_product(type, &(nnk_gemm){.rows = pixels, .columns = v->in_channels, .depth = v->out_channels, .a = g,
                                  .a_row = v->out_channels, .a_column = 1, .b = w, .b_row = 1, .b_column = v->out_channels,
                                  .c = dx, .c_row = v->in_channels, .batch = 1, .activation = NNK_NO_ACTIVATION});
    return true;
  }
  if (!nnk_conv_is_depthwise(v) && !pack_weights(&job, v->out_channels / v->groups, v->in_channels / v->groups)) return false;
  spread_pass(&job, pass_time(v, &job.kind));
  nnk_block_release(job.packed);
  return true;
}

// MARK: The gradient in the weights

/// A gradient in the weights: `sets` of images, each with a sum of its own, and pieces of its rows.
struct weight_job {
  struct nnk_conv_weight_part part;
  struct conv_kind kind;
  long sets, groups, pieces, elements;
  char *sums;  ///< of all sets but the first
};

static void run_weight_part(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct weight_job *job = context;
  struct nnk_conv_weight_part part = job->part;
  const long set = chunk / (job->groups * job->pieces);
  part.group = chunk / job->pieces % job->groups;
  part.piece = chunk % job->pieces;
  part.pieces = job->pieces;
  part.image = part.conv->batch * set / job->sets;
  part.images_end = part.conv->batch * (set + 1) / job->sets;
  if (set > 0) part.dw = nnk_after_mutable(job->sums, (set - 1) * job->elements, job->kind.bytes);
  job->kind.weight_part(&part);
}

/// How many sets of images have sums of their own; large weights have fewer, to bound the memory.
static long image_sets(long batch, double bytes) {
  const long most = bytes <= 1e6 ? 8 : (bytes <= 4e6 ? 4 : (bytes <= 16e6 ? 2 : 1));
  return batch < most ? batch : most;
}

/// Cuts the rows of the gradient into pieces where sets of images alone are too few, or take too long.
static void cut_weight_job(struct weight_job *job, double nanoseconds) {
  const nnk_conv *v = job->part.conv;
  const bool is_depthwise = nnk_conv_is_depthwise(v);
  job->groups = is_depthwise ? 1 : v->groups;
  const double each = nanoseconds / (double)(job->sets * job->groups);
  const long few = job->sets * job->groups < 8 ? 8 / (job->sets * job->groups) : 1;
  long pieces = each / (double)few > 5000 ? few : (long)(each / 5000) + 1;
  if ((long)(each / 5e5) + 1 > pieces) pieces = (long)(each / 5e5) + 1;
  const long rows = v->kernel_height * (is_depthwise ? 1 : v->kernel_width * ((v->in_channels / v->groups + 13) / 14));
  job->pieces = pieces < rows ? pieces : rows;
}

/// A gradient in the weights over planes, in parts with sums of their own.
struct planes_weight_job {
  struct nnk_planes planes;
  struct conv_kind kind;
  const void *x, *g;
  void *dw;
  char *sums;  ///< of all parts but the first
  long parts, units, elements;
};

static void run_planes_weight(void *context, long chunk, long chunks) {
  (void)chunks;
  const struct planes_weight_job *job = context;
  void *dw = chunk == 0 ? job->dw : nnk_after_mutable(job->sums, (chunk - 1) * job->elements, job->kind.bytes);
  job->kind.planes_weight(&job->planes, job->x, job->g, dw, job->units * chunk / job->parts,
                          job->units * (chunk + 1) / job->parts);
}

/// Whether the gradient in the weights has few output channels, or rows of single elements.
static bool has_few_products(const nnk_conv *v, const struct conv_kind *kind) {
  const long phases = phases_of(v), outputs = v->out_channels / v->groups;
  // Taps that are not neighbours are rows of their own.
  if (v->in_channels == 1 && v->dilation_x > 1 && outputs <= NNK_PLANE_COLUMNS) return true;
  if (nnk_conv_is_depthwise(v)) return leaves_lanes_empty(v, kind, outputs, 20 * phases, 6);
  if (v->groups > 1) return leaves_lanes_empty(v, kind, outputs, 8 * phases, 9);
  return leaves_lanes_empty(v, kind, outputs, (v->in_channels <= 4 ? 10 : 8) * phases, 6);
}

/// Describes the gradient in the weights over planes; false where they do not fit.
static bool plan_planes_weight(struct planes_weight_job *job, const nnk_conv *v) {
  struct nnk_planes *p = &job->planes;
  if (job->elements * NNK_PLANE_LANES > NNK_PLANE_SUMS || !plan_planes(v, false, p)) return false;
  const long front = p->y.reach * p->pitch + p->x.reach;
  job->units = v->batch * ((p->y.places + p->rows - 1) / p->rows);
  return p->groups * p->columns * (2 * front + p->rows * p->pitch) <= NNK_PLANE_ELEMENTS;
}

/// Cuts the bands of all images into parts, by the shapes alone; false without memory.
static bool spread_planes_weight(struct planes_weight_job *job, nnk_type type) {
  const struct conv_kind *kind = &job->kind;
  const struct conv_kind same = {.lanes = NNK_PLANE_LANES};
  const long most = (long)(planes_time(&job->planes, &same) / 8000) + 1;
  job->parts = job->units < 16 ? job->units : 16;
  if (job->parts > most) job->parts = most;
  if (job->parts > 1) {
    job->sums = nnk_block_alloc((size_t)((job->parts - 1) * job->elements) * kind->bytes);
    if (job->sums == NULL) return false;
  }
  nnk_parallel_sized(job->parts, planes_time(&job->planes, kind), run_planes_weight, job);
  for (long part = 1; part < job->parts; part++)
    nnk_binary(NNK_ADD, type, job->dw, nnk_after(job->sums, (part - 1) * job->elements, kind->bytes), job->dw,
               (size_t)job->elements);
  nnk_block_release(job->sums);
  return true;
}

bool nnk_conv_weight_grad(nnk_type type, const nnk_conv *v, const void *x, const void *g, void *dw) {
  struct weight_job job = {.kind = kind_of(type)};
  const size_t bytes = job.kind.bytes;
  const long pixels = v->batch * v->out_height * v->out_width;
  job.elements = v->kernel_height * v->kernel_width * (v->in_channels / v->groups) * v->out_channels;
  if (pixels == 0 || job.elements == 0) {
    memset(dw, 0, (size_t)job.elements * bytes);
    return true;
  }
  struct planes_weight_job narrow = {.kind = job.kind, .x = x, .g = g, .dw = dw, .elements = job.elements};
  if (has_few_products(v, &job.kind) && plan_planes_weight(&narrow, v))
    return spread_planes_weight(&narrow, type);
  job.part = (struct nnk_conv_weight_part){.conv = v, .x = x, .g = g, .dw = dw, .g_row = v->out_channels};
  job.sets = image_sets(v->batch, (double)job.elements * (double)bytes);
  char *padded = NULL;
  if (job.sets > 1) {
    job.sums = nnk_block_alloc((size_t)((job.sets - 1) * job.elements) * bytes);
    if (job.sums == NULL) return false;
  }
  if (!job.kind.has_masked_loads && v->out_channels / v->groups % job.kind.lanes != 0) {
    // Without masked loads the last row is read beyond its end.
    const size_t size = (size_t)(pixels * v->out_channels) * bytes;
    padded = nnk_block_alloc(size + 64);
    if (padded == NULL) {
      nnk_block_release(job.sums);
      return false;
    }
    memcpy(padded, g, size);
    job.part.g = padded;
  }
  const double nanoseconds = pass_time(v, &job.kind);
  cut_weight_job(&job, nanoseconds);
  nnk_parallel_sized(job.sets * job.groups * job.pieces, nanoseconds, run_weight_part, &job);
  for (long set = 1; set < job.sets; set++)
    nnk_binary(NNK_ADD, type, dw, nnk_after(job.sums, (set - 1) * job.elements, bytes), dw, (size_t)job.elements);
  nnk_block_release(padded);
  nnk_block_release(job.sums);
  return true;
}
