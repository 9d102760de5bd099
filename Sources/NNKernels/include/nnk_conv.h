// Convolutions of images and their gradients: the interface.
#ifndef NNK_CONV_H
#define NNK_CONV_H

#include <stdbool.h>

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// A two-dimensional convolution of images [batch, in_height, in_width, in_channels] with weights
/// [kernel_height, kernel_width, in_channels / groups, out_channels], as neural networks mean it (without a flip):
///
///     y[n, i, j, o] = sum over a, b, c of
///         x[n, i * stride_y + a * dilation_y - pad_top, j * stride_x + b * dilation_x - pad_left, first + c] w[a, b, c, o]
///
/// where `first` is the first input channel of o's group, and x is 0 outside of the image. The result is
/// [batch, out_height, out_width, out_channels]; what is padded at the bottom and on the right follows from its size.
/// `groups` divides both counts of channels, and no size but the batch, heights, widths and channels of images may be 0.
///
/// Every element is one sum in a fixed order of multiply-adds, so its bits depend neither on threads nor on the batch
/// it is in; sums over the batch (the gradient in w) are cut by the shapes alone. Types are f32 and f64.
/// The functions return false, with results undefined, where there is no memory for rearranged weights.
typedef struct {
  long batch;
  long in_height, in_width, in_channels;
  long out_height, out_width, out_channels;
  long kernel_height, kernel_width;
  long stride_y, stride_x;
  long dilation_y, dilation_x;
  long pad_top, pad_left;
  long groups;
} nnk_conv;

/// y = the convolution of x with w, plus `bias` (out_channels elements, or NULL), then relu if asked for.
bool nnk_conv_forward(nnk_type type, const nnk_conv *conv, const void *x, const void *w, const void *_Nullable bias,
                      bool relu, void *y);
/// dx = the gradient in x of sum(g * y): a transposed convolution of g.
bool nnk_conv_input_grad(nnk_type type, const nnk_conv *conv, const void *g, const void *w, void *dx);
/// dw = the gradient in w of sum(g * y).
bool nnk_conv_weight_grad(nnk_type type, const nnk_conv *conv, const void *x, const void *g, void *dw);

#pragma clang assume_nonnull end

#endif
