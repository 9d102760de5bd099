// Discrete Fourier transforms of any length: the interface.
#ifndef NNK_FFT_H
#define NNK_FFT_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// One batch of transforms, y[k] = scale * sum over j < n of x[j] e^(-+ 2 pi i j k / n), along an axis.
///
/// A complex number is two elements, real and imaginary part. x is [outer, in_count, inner] of numbers, y likewise with
/// out_count; of x the first n along the axis are read (zeros where there are fewer), of y the first n are filled (zeros
/// behind them). Real input has imaginary parts of 0, of real output only the real parts are kept. Work is done in f64: the
/// error is below 1e-15 log2(n) of the largest result. A transform has the same bits whatever the batch, the number of
/// threads and the instruction set.
typedef struct {
  const void *x;
  void *y;
  long outer, inner, n, in_count, out_count;
  bool inverse;  ///< with + in the exponent
  bool real_input, real_output;
  double scale;
} nnk_fft_call;

/// Runs the transforms for NNK_F32 or NNK_F64 in time O(n log n) for every n; false when out of memory.
bool nnk_fft(nnk_type type, const nnk_fft_call *call);

#pragma clang assume_nonnull end

#endif
