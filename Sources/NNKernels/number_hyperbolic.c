// Hyperbolic functions, the logistic function and its relatives, and the error function of single numbers: within 0.52 ulp.
#include "include/nnk_math.h"
#include "number_math.h"

/// Beyond this e^-x does not change the nearest double of 1 + e^-x or e^x + e^-x.
static const double LARGE = 45;

// MARK: Hyperbolic functions

/// e^a / 2 for large a, beyond the range of e^a too.
static double half_exp(double a) {
  int k;
  const dd y = nnk_exp_dd((dd){a < 712 ? a : 712, 0}, &k);
  return nnk_round_scaled(y, k - 1);
}

/// With m = e^a - 1: (m + m / (1 + m)) / 2.
double nnk_sinh_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x) || a < 0x1p-30) return x;
  double y;
  if (a > LARGE) {
    y = half_exp(a);
  } else {
    const dd m = nnk_expm1_dd(a);
    y = 0.5 * dd_rounded(dd_sum(m, dd_quotient(m, dd_sum((dd){1, 0}, m))));
  }
  return __builtin_copysign(y, x);
}

double nnk_cosh_f64(double x) {
  if (is_nan(x)) return x;
  const double a = __builtin_fabs(x);
  if (a > LARGE) return half_exp(a);
  int k;
  const dd y = nnk_exp_dd((dd){a, 0}, &k), e = dd_scaled(y, power_of_two(k - 1));
  return dd_rounded(dd_sum(e, dd_quotient((dd){0.25, 0}, e)));
}

/// With m = e^2a - 1: m / (m + 2).
double nnk_tanh_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x) || a < 0x1p-30) return x;
  if (a > LARGE / 2) return __builtin_copysign(1, x);
  const dd m = nnk_expm1_dd(2 * a);
  return __builtin_copysign(dd_rounded(dd_quotient(m, dd_sum((dd){2, 0}, m))), x);
}

// MARK: Logistic functions

/// 1 / (1 + e^-x) = result * 2^k; results are 0 below -760.
static dd sigmoid_dd(double x, int *k) {
  const double a = __builtin_fabs(x);
  const dd y = nnk_exp_dd((dd){a < 760 ? -a : -760, 0}, k);  // e^-a
  if (a > LARGE) {
    if (x < 0) return y;
    *k = 0;
    return (dd){1, 0};
  }
  const dd e = dd_scaled(y, power_of_two(*k));
  if (x >= 0) *k = 0;
  return dd_quotient(x < 0 ? y : (dd){1, 0}, dd_sum((dd){1, 0}, e));
}

double nnk_sigmoid_f64(double x) {
  if (is_nan(x)) return x;
  int k;
  const dd s = sigmoid_dd(x, &k);
  return nnk_round_scaled(s, k);
}

double nnk_silu_f64(double x) {
  if (is_nan(x) || x > LARGE) return x;
  if (__builtin_fabs(x) < 0x1p-60) return 0.5 * x;
  if (x < -800) return -0.0;
  int k;
  const dd s = sigmoid_dd(x, &k);
  return __builtin_copysign(nnk_round_scaled(dd_product(s, (dd){__builtin_fabs(x), 0}), k), x);
}

/// log(1 + e^x)
double nnk_softplus_f64(double x) {
  if (is_nan(x) || x > LARGE) return x;
  int k;
  const dd y = nnk_exp_dd((dd){x > -760 ? x : -760, 0}, &k);
  if (x < -LARGE) return nnk_round_scaled(y, k);
  if (x <= 0) return dd_rounded(nnk_log1p_dd(dd_scaled(y, power_of_two(k))));
  const dd e = dd_quotient((dd){power_of_two(-k), 0}, y);
  return dd_rounded(dd_sum((dd){x, 0}, nnk_log1p_dd(e)));
}

// MARK: Error function

/// erf(x) / x in x^2, for |x| <= 1: minimax, error 2^-75.
static const dd ERF[] = {
    {1.1283791670955126, 1.5335426106690102e-17},
    {-0.37612638903183754, 1.3406977135632595e-17},
    {0.11283791670955126, -5.1442938377832875e-18},
    {-0.026866170645131218, -9.9167692032918369e-19},
};
static const double ERF_REST[] = {
    0.005223977625441674, -0.0008548327023403001, 0.00012055332978879483, -1.4925650236967501e-05,
    1.6462110782018636e-06, -1.636576864883207e-07, 1.4806027146128752e-08, -1.2277734486795524e-09,
    9.323723518153027e-11, -6.1967364287876999e-12, 2.8067128195611264e-13,
};
/// -log(1 - erf(x)) in x - 1.625, for 1 <= x <= 2.25, error 2^-67.
static const dd ERFC_LOG[] = {
    {3.8370887037779426, 3.1163275866354138e-17},
    {3.7331259590726176, -1.5329924509461475e-16},
    {0.90178502965792147, -1.9390402684330164e-18},
    {0.02300896732575054, 1.3283187359928689e-18},
};
static const double ERFC_LOG_REST[] = {
    -0.0052700293254936758, 0.0011028409211661081, -0.00019549044261292438, 2.3963984311998914e-05,
    4.9665051762238962e-07, -1.500874457185758e-06, 5.8276859946804393e-07, -1.5088652397145351e-07,
    2.6978748096903837e-08, -1.7828388653133561e-09, -9.972577654665479e-10, 5.5160816351248664e-10,
    -1.7779976467594045e-10, 3.5556845123929497e-11,
};
/// The same in x - 4.125, for 2.25 <= x <= 6, error 2^-48: there 1 - erf(x) is below 2^-9.
static const double ERFC_LOG_FAR[] = {
    19.032542764467394, 8.4799114039568533, 0.97481416815665299, 0.0035157571106799747,
    -0.00052842987127225664, 8.1092662715563088e-05, -1.2391244509744673e-05, 1.8556615550252728e-06,
    -2.6868809230824616e-07, 3.7031337734811485e-08, -4.7455778722984776e-09, 5.3914302036163861e-10,
    -4.6736964972030091e-11, 1.138739211050039e-12, 5.3266512484465146e-13, -2.2904924480933772e-13,
    9.4627360239792346e-14, -1.6195660939799999e-14,
};

/// 1 - erf(a) for 1 <= a <= 6.
static dd erfc_dd(double a) {
  dd logarithm;
  if (a < 2.25) {
    const double u = a - 1.625;
    logarithm = dd_polynomial((dd){u, 0}, ERFC_LOG, 4, polynomial(u, ERFC_LOG_REST, 14));
  } else {
    logarithm = (dd){polynomial(a - 4.125, ERFC_LOG_FAR, 18), 0};
  }
  int k;
  const dd y = nnk_exp_dd(dd_negated(logarithm), &k);
  return dd_scaled(y, power_of_two(k));
}

double nnk_erf_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x) || x == 0) return x;
  if (a < 0x1p-900) return x + x * 0.12837916709551257;  // 2 / sqrt(pi) - 1
  double y = 1;
  if (a < 1) {
    const dd z = two_product(a, a);
    y = dd_rounded(dd_product((dd){a, 0}, dd_polynomial(z, ERF, 4, polynomial(z.hi, ERF_REST, 11))));
  } else if (a < 6) {
    y = dd_rounded(dd_sum((dd){1, 0}, dd_negated(erfc_dd(a))));
  }
  return __builtin_copysign(y, x);
}
