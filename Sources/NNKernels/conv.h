// The geometry of convolutions and pooling as their kernels see it: axes, taps, and runs of outputs that have the same taps.
#ifndef NNK_CONV_GEOMETRY_H
#define NNK_CONV_GEOMETRY_H

#include "include/nnk_conv.h"
#include "include/nnk_pooling.h"

/// One spatial axis: tap t of output position o reads input position o * step + offset + t * dilation.
struct nnk_conv_axis {
  long outputs, inputs, taps;
  long step, offset, dilation;  // step and dilation are positive
  long in_stride, out_stride;   // elements from one position to the next
};

/// A convolution as sums over taps: the forward pass, or one phase of the gradient in the input.
struct nnk_conv_map {
  struct nnk_conv_axis y, x;
  long in_image, out_image;  // elements from one image to the next
  long depth, columns;       // channels that are summed at each tap, channels of the result
  /// Panels of columns, each with all taps' `depth` rows of its own width; or, if `weight_row` is not 0, rows that far
  /// apart, taps in order of y, then x.
  const void *weights;
  long weight_row;
  /// Elements from one tap to the next, for maps of single channels (they read the weights where they lie).
  long weight_y, weight_x;
  const void *bias;
  bool relu;
};

/// Weights on their way into panels: tap (a, b) is a matrix [depth, columns] with the given distances.
struct nnk_conv_weights {
  const void *from;
  void *to;
  long taps_y, taps_x, y_step, x_step;
  long depth, columns, row, column;
};

/// One part of a gradient in the weights: the images `image` up to `images_end`, and piece `piece` of `pieces` of the rows.
struct nnk_conv_weight_part {
  const nnk_conv *conv;
  const void *x, *g;
  void *dw;
  long group;  // of channels
  long image, images_end, piece, pieces;
  long g_row;  // elements from pixel to pixel of g
};

/// Whether each channel is a group of its own.
static inline bool nnk_conv_is_depthwise(const nnk_conv *v) {
  return v->groups > 1 && v->groups == v->in_channels && v->groups == v->out_channels;
}

enum {
  NNK_NARROW_CHANNELS = 8,    // most input channels of the gradient that is made of single taps
  NNK_NARROW_PIXELS = 128,    // output pixels in one go
  NNK_NARROW_TAPS = 2048,     // most taps times channels
  NNK_NARROW_DEPTH = 4096,    // most output channels
  NNK_NARROW_ROW = 64 << 10,  // most elements in a row of the image
};

/// Columns of one remainder modulo the stride, with room for a vector behind the last.
static inline long nnk_conv_narrow_columns(const nnk_conv *v) { return (v->in_width - 1) / v->stride_x + 17; }

/// Elements of a row of the image with its columns sorted by their remainder modulo the stride.
static inline long nnk_conv_narrow_row(const nnk_conv *v) { return v->in_channels * v->stride_x * nnk_conv_narrow_columns(v); }

/// Whether the gradient in the input has too few channels to fill vectors.
static inline bool nnk_conv_is_narrow(const nnk_conv *v) {
  return v->groups == 1 && v->in_channels <= NNK_NARROW_CHANNELS && v->out_channels <= NNK_NARROW_DEPTH &&
         v->stride_x <= v->in_width && nnk_conv_narrow_row(v) <= NNK_NARROW_ROW &&
         v->kernel_height * v->kernel_width * v->in_channels <= NNK_NARROW_TAPS;
}

/// Images and the maps that `nnk_resample` applies to them.
struct nnk_resample_job {
  long height, width, channels;
  const nnk_resampling *rows, *columns;
};

/// Taps `begin` up to `end`.
struct nnk_taps {
  long begin, end;
};

/// The taps of an output position that read inside of the input.
static inline struct nnk_taps nnk_conv_taps(const struct nnk_conv_axis *axis, long position) {
  const long first = position * axis->step + axis->offset, d = axis->dilation;
  const long begin = first >= 0 ? 0 : (d == 1 ? -first : (d - 1 - first) / d);
  const long left = axis->inputs - 1 - first;
  long end = left < 0 ? 0 : (d == 1 ? left : left / d) + 1;
  if (end > axis->taps) end = axis->taps;
  return (struct nnk_taps){begin < end ? begin : end, end};
}

/// The outputs `begin` up to `end`, which have the same taps.
struct nnk_conv_run {
  long begin, end;
  struct nnk_taps taps;
};

/// The run that starts at an output, ending at `limit` at the latest.
static inline struct nnk_conv_run nnk_conv_run_from(const struct nnk_conv_axis *axis, long begin, long limit) {
  struct nnk_conv_run run = {begin, begin + 1, nnk_conv_taps(axis, begin)};
  for (; run.end < limit; run.end++) {
    const struct nnk_taps next = nnk_conv_taps(axis, run.end);
    if (next.begin != run.taps.begin || next.end != run.taps.end) break;
  }
  return run;
}

/// The outputs whose tap `tap` reads inside of the input, as a range.
static inline struct nnk_taps nnk_conv_outputs(const struct nnk_conv_axis *axis, long tap) {
  const long first = axis->offset + tap * axis->dilation, left = axis->inputs - 1 - first;
  const long begin = first >= 0 ? 0 : (axis->step - 1 - first) / axis->step;
  long end = left < 0 ? 0 : left / axis->step + 1;
  if (end > axis->outputs) end = axis->outputs;
  return (struct nnk_taps){begin < end ? begin : end, end};
}

// MARK: Planes, for few channels

/// One axis of a pass over planes: pixels of the input are sorted by their remainder modulo `in_phases`, pixels of the
/// result by theirs modulo `out_phases`, a plane for each remainder (one of the two is the stride, the other 1). Each tap
/// then reads, for all places of one of the result's planes, one of the input's planes at a fixed distance.
struct nnk_plane_axis {
  struct nnk_conv_axis forward;
  bool is_gradient;
  long in_size, out_size;  // pixels of the images
  long in_phases, out_phases;
  long places;  // of a plane of the result
  long first;   // the place of a plane of the input that the result's place 0 reads at distance 0
  long reach;   // the largest distance
};

/// Where a tap reads: `phase` is the input's forward, the result's in the gradient; the other one is 0.
struct nnk_plane_tap {
  long phase, distance;
};

/// A pass over planes: the forward pass, or the gradient in the input.
struct nnk_planes {
  const nnk_conv *conv;
  struct nnk_plane_axis y, x;
  long depth, columns;       // channels of a group that are summed, and of its result
  long groups;               // in one go
  long block;                // channels of each group's input in one go; all of them if there are several groups
  long rows;                 // of places in one go
  long pitch;                // elements of a row of a plane
  long in_plane, out_plane;  // elements of a plane
};

enum {
  NNK_PLANE_LANES = 16,            // planes begin at multiples of these elements
  NNK_PLANE_TILE = 128,            // most elements of a plane in one tile: what follows the last ones is read, or written
  NNK_PLANE_COLUMNS = 8,           // most channels of a group's result
  NNK_PLANE_BLOCK = 64,            // most channels of the input in one go; a quarter with strides
  NNK_PLANE_STRIDE = 16,           // largest stride
  NNK_PLANE_ELEMENTS = 96 << 10,   // most elements of all planes
  NNK_PLANE_WEIGHTS = 32 << 10,    // most weights of a group
  NNK_PLANE_SUMS = 256 << 10,      // most elements of sums of products
};

static inline long nnk_floor_divide(long a, long b) { return b == 1 ? a : a >= 0 ? a / b : -((b - 1 - a) / b); }
static inline long nnk_plane_round(long n) { return (n + NNK_PLANE_LANES - 1) / NNK_PLANE_LANES * NNK_PLANE_LANES; }

static inline struct nnk_plane_tap nnk_plane_tap(const struct nnk_plane_axis *axis, long tap) {
  const struct nnk_conv_axis *f = &axis->forward;
  const long at = f->offset + tap * f->dilation, place = nnk_floor_divide(at, f->step);
  return (struct nnk_plane_tap){at - place * f->step, axis->is_gradient ? -axis->first - place : place - axis->first};
}

static inline struct nnk_plane_axis nnk_plane_axis(const struct nnk_conv_axis *forward, bool is_gradient) {
  const long low = nnk_floor_divide(forward->offset, forward->step);
  const long high = nnk_floor_divide(forward->offset + (forward->taps - 1) * forward->dilation, forward->step);
  return (struct nnk_plane_axis){
      .forward = *forward,
      .is_gradient = is_gradient,
      .in_size = is_gradient ? forward->outputs : forward->inputs,
      .out_size = is_gradient ? forward->inputs : forward->outputs,
      .in_phases = is_gradient ? 1 : forward->step,
      .out_phases = is_gradient ? forward->step : 1,
      .places = is_gradient ? (forward->inputs + forward->step - 1) / forward->step : forward->outputs,
      .first = is_gradient ? -high : low,
      .reach = high - low};
}

#endif
