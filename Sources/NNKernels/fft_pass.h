// One pass of a Fourier transform, as fft.c hands it to the chosen instruction set.
#ifndef NNK_FFT_PASS_H
#define NNK_FFT_PASS_H

/// Takes transforms of length radix * m apart into `radix` of length m each (Stockham's order, which needs no sorting):
/// y[q + width (radix p + k)] = w^(p k) sum over i of x[q + width (p + m i)] e^(-2 pi i i k / radix), for p < m, q < width.
/// `roots` are the powers of e^(-2 pi i / root_count), of which w is number root_count / (radix m).
typedef struct {
  const double *x_re, *x_im;
  double *y_re, *y_im;
  long radix, m, width;
  const double *root_re, *root_im;
  long root_count;
} nnk_fft_pass;

#endif
