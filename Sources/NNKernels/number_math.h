// What the files of functions of single numbers share: exponential and logarithm in two doubles.
#ifndef NNK_NUMBER_MATH_H
#define NNK_NUMBER_MATH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "double_double.h"

/// e^x = result * 2^k with 0.9 < result < 2.1 and a relative error below 2^-66. |x| < 2^15.
dd nnk_exp_dd(dd x, int *k);
/// e^x - 1, relative error below 2^-59. 2^-100 < |x| < 100.
dd nnk_expm1_dd(double x);
/// log(x) for positive finite x, relative error below 2^-69.
dd nnk_log_dd(double x);
/// log(1 + x) for finite x > -1, |x| > 2^-100; relative error below 2^-64.
dd nnk_log1p_dd(dd x);
/// y * 2^k, rounded once, for 2^-100 < y < 2^11 and any k; y must be above 1/2 where k is below -1000.
double nnk_round_scaled(dd y, int k);

/// 2^exponent for a normal result.
static inline double power_of_two(int exponent) {
  const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double result;
  memcpy(&result, &bits, 8);
  return result;
}

static inline bool is_nan(double x) { return x != x; }
static inline bool is_infinite(double x) { return __builtin_fabs(x) == __builtin_inf(); }

#endif
