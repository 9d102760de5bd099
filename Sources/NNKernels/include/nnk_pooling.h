// Pooling of images and changes of their size: the interface.
#ifndef NNK_POOLING_H
#define NNK_POOLING_H

#include "nnk_conv.h"

#pragma clang assume_nonnull begin

/// Which tap of a window won: `index_bytes` is 1 (fewer than 255 taps) or 4, and the highest value means that no tap was inside.
///
/// Max pooling uses the window, strides, dilations and padding of `nnk_conv` with equal channels; taps outside of the image do
/// not take part, the first of equal elements wins, and NaN wins over everything.

/// y = the largest elements of x; `index` (or NULL) gets the winners.
void nnk_max_pool(nnk_type type, const nnk_conv *window, const void *x, void *y, void *_Nullable index, long index_bytes);
/// dx = g added at each winner.
void nnk_max_pool_grad(nnk_type type, const nnk_conv *window, const void *g, const void *index, long index_bytes, void *dx);
/// y = the elements of x at each winner, 0 where there is none.
void nnk_max_pool_take(nnk_type type, const nnk_conv *window, const void *x, const void *index, long index_bytes, void *y);

/// A linear map along one axis whose rows are short runs: output o is the sum of weights[k] * input[first[o] + k - begin[o]]
/// for k from begin[o] up to begin[o + 1].
typedef struct {
  long outputs;
  const long *first, *begin;
  const double *weights;
} nnk_resampling;

/// y[batch, y.outputs, x.outputs, channels] = the maps `rows` and `columns` applied to images [batch, height, width, channels].
void nnk_resample(nnk_type type, long batch, long height, long width, long channels, const nnk_resampling *rows,
                  const nnk_resampling *columns, const void *x, void *y);

#pragma clang assume_nonnull end

#endif
