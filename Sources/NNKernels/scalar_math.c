// Functions of single f64 numbers: rounding and remainders, and the choice by name. What has no file of its own is the vector code
// with one lane and no fused multiply-add, so the bits are the same on every machine.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "angle.h"
#include "include/nnk_math.h"

#pragma STDC FP_CONTRACT OFF

#define NNK_LANES 2
#define NNK_FMA 0
#define NNK_INLINE static inline __attribute__((always_inline, unused))
#define NNK_OVERLOAD static inline __attribute__((always_inline, overloadable, unused))
#define NNK_UNROLL _Pragma("clang loop unroll(full)")
enum { L64 = 1 };

typedef double vf64 __attribute__((ext_vector_type(1)));
typedef long vi64 __attribute__((ext_vector_type(1)));
typedef unsigned long vu64 __attribute__((ext_vector_type(1)));

NNK_OVERLOAD vf64 vload(const double *p) { return (vf64)p[0]; }
NNK_OVERLOAD vi64 vload(const int64_t *p) { return (vi64)p[0]; }
NNK_OVERLOAD void vstore(double *p, vf64 v) { p[0] = v[0]; }
NNK_OVERLOAD void vstore(int64_t *p, vi64 v) { p[0] = v[0]; }
NNK_OVERLOAD vf64 vsplat(double x) { return (vf64)x; }
NNK_OVERLOAD vi64 vbits(vf64 x) { return (vi64)x; }
NNK_OVERLOAD vf64 vfloats(vi64 x) { return (vf64)x; }
NNK_OVERLOAD vf64 vselect(vi64 c, vf64 a, vf64 b) { return c[0] ? a : b; }
NNK_OVERLOAD vi64 vselect(vi64 c, vi64 a, vi64 b) { return c[0] ? a : b; }
NNK_OVERLOAD vf64 vmin(vf64 a, vf64 b) { return vselect(a < b, a, b); }
NNK_OVERLOAD vf64 vmax(vf64 a, vf64 b) { return vselect(a > b, a, b); }
NNK_OVERLOAD vf64 vabs(vf64 x) { return (vf64)(vbits(x) & 0x7fffffffffffffffLL); }
NNK_OVERLOAD vf64 vsigned(vf64 x, vf64 s) { return (vf64)(vbits(x) | (vbits(s) & (int64_t)0x8000000000000000ULL)); }
NNK_OVERLOAD vf64 vsqrt(vf64 x) { return __builtin_elementwise_sqrt(x); }
NNK_OVERLOAD vf64 vfma(vf64 a, vf64 b, vf64 c) { return a * b + c; }
/// The nearest whole number, halves to even: adding and taking away 2^52 rounds, larger values are whole already.
NNK_OVERLOAD vf64 vround(vf64 x) {
  const vf64 a = vabs(x), r = (a + 0x1p52) - 0x1p52;
  return vselect(a < 0x1p52, vsigned(r, x), x);
}
NNK_OVERLOAD vf64 vfloor(vf64 x) {
  const vf64 r = vround(x);
  return vselect(r > x, r - 1.0, r);
}
NNK_OVERLOAD vf64 vceil(vf64 x) {
  const vf64 r = vround(x);
  return vselect(r < x, vsigned(vabs(r + 1.0), x), r);
}
NNK_OVERLOAD vf64 vtrunc(vf64 x) { return vsigned(vabs(vselect(x < 0.0, vceil(x), vfloor(x))), x); }

#define V vf64
#define VI vi64
#define VU vu64
#define S double
#define C(name) F64_##name
#include "math_f64.inc"
#include "math_common.inc"

#define NNK_SCALAR(NAME) \
  double nnk_##NAME##_f64(double x) { return v##NAME(vsplat(x))[0]; }
NNK_SCALAR(sqrt)
NNK_SCALAR(floor)
NNK_SCALAR(ceil)
NNK_SCALAR(round)
NNK_SCALAR(trunc)

/// |x| = mantissa * 2^exponent for finite x.
static uint64_t mantissa_of(double x, int *exponent) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  const int biased = (int)(bits >> 52 & 0x7ff);
  *exponent = biased == 0 ? -1074 : biased - 1075;
  return (bits & 0xfffffffffffff) | (biased == 0 ? 0 : 0x10000000000000);
}

/// x modulo y with the sign of x, exact, for finite x and y other than 0: long division of the mantissas.
static double truncated_remainder(double x, double y) {
  int x_exponent, y_exponent;
  const uint64_t dividend = mantissa_of(x, &x_exponent), divisor = mantissa_of(y, &y_exponent);
  if (x_exponent < y_exponent) return x;
  uint64_t remainder = dividend % divisor;
  for (int left = x_exponent - y_exponent; left > 0 && remainder != 0;) {
    const int step = left < 11 ? left : 11;  // 53 bits and 11 fit a word
    remainder = (remainder << step) % divisor;
    left -= step;
  }
  const uint64_t unit_bits = y_exponent >= -1022 ? (uint64_t)(y_exponent + 1023) << 52 : (uint64_t)1 << (y_exponent + 1074);
  double unit;
  memcpy(&unit, &unit_bits, 8);
  const double result = (double)remainder * unit;
  return x < 0 ? -result : result;
}

static bool is_finite(double x) { return x - x == 0; }

double nnk_mod_f64(double x, double y) {
  if (!is_finite(x) || y == 0 || y != y) return __builtin_nan("");
  const double remainder = is_finite(y) ? truncated_remainder(x, y) : x;
  if (remainder == 0) return y < 0 ? -0.0 : 0.0;
  return (remainder < 0) != (y < 0) ? remainder + y : remainder;
}

double nnk_floor_div_f64(double x, double y) {
  if (y == 0) return x / y;
  if (!is_finite(x) || y != y) return __builtin_nan("");
  const double remainder = is_finite(y) ? truncated_remainder(x, y) : x;
  double quotient = (x - remainder) / y;
  if (remainder != 0 && (remainder < 0) != (y < 0)) quotient -= 1;
  if (quotient == 0) return x / y < 0 ? -0.0 : 0.0;
  return nnk_round_f64(quotient);  // whole but for rounding
}

double nnk_unary_f64(nnk_unary_op op, double x) {
  const vf64 v = vsplat(x);
  switch (op) {
    case NNK_EXP: return nnk_exp_f64(x);
    case NNK_EXPM1: return nnk_expm1_f64(x);
    case NNK_LOG: return nnk_log_f64(x);
    case NNK_LOG1P: return nnk_log1p_f64(x);
    case NNK_SQRT: return vsqrt(v)[0];
    case NNK_RSQRT: return nnk_rsqrt_f64(x);
    case NNK_TANH: return nnk_tanh_f64(x);
    case NNK_SIGMOID: return nnk_sigmoid_f64(x);
    case NNK_RELU: return vrelu(v)[0];
    case NNK_GELU: return vgelu_mills(v)[0];
    case NNK_GELU_TANH: return vgelu_tanh(v)[0];
    case NNK_ERF: return nnk_erf_f64(x);
    case NNK_SILU: return nnk_silu_f64(x);
    case NNK_SOFTPLUS: return nnk_softplus_f64(x);
    case NNK_SIN: return nnk_sin_f64(x);
    case NNK_COS: return nnk_cos_f64(x);
    case NNK_TAN: return nnk_tan_f64(x);
    case NNK_ASIN: return nnk_asin_f64(x);
    case NNK_ACOS: return nnk_acos_f64(x);
    case NNK_ATAN: return nnk_atan_f64(x);
    case NNK_SINH: return nnk_sinh_f64(x);
    case NNK_COSH: return nnk_cosh_f64(x);
    case NNK_ASINH: return vasinh(vsplat(x))[0];
    case NNK_ACOSH: return vacosh(vsplat(x))[0];
    case NNK_ATANH: return vatanh(vsplat(x))[0];
    case NNK_TRUNC: return nnk_trunc_f64(x);
    case NNK_FLOOR: return vfloor(v)[0];
    case NNK_CEIL: return vceil(v)[0];
    case NNK_ROUND: return vround(v)[0];
    case NNK_SIGN: return vsign(v)[0];
    case NNK_ABS: return vabs(v)[0];
    case NNK_NEG: return -x;
    case NNK_SQUARE: return x * x;
    case NNK_RECIPROCAL: return 1 / x;
    case NNK_NOT: return x == 0;
    case NNK_UNARY_COUNT: break;
  }
  return x;
}
