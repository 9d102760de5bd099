// Trigonometric functions of single numbers and their inverses: within 0.52 ulp.
#include "angle.h"
#include "include/nnk_math.h"
#include "number_math.h"

/// pi / 2
static const dd HALF_PI = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};

// MARK: Sine, cosine, tangent

/// (sin(r) / r - 1) / r^2 in r^2, for |r| <= pi / 4: minimax, error 2^-77.
static const dd SIN = {-0.16666666666666666, -9.251853306284093e-18};
static const double SIN_REST[] = {
    0.0083333333333333332, -0.00019841269841269839, 2.75573192239811e-06, -2.5052108382388815e-08,
    1.605904278076985e-10, -7.6469613117100784e-13, 2.7912422290903089e-15,
};
/// (cos(r) - 1 + r^2 / 2) / r^4 in r^2, for |r| <= pi / 4, error 2^-70.
static const dd COS = {0.041666666666666664, 2.3123199257440514e-18};
static const double COS_REST[] = {
    -0.0013888888888888887, 2.4801587301584645e-05, -2.755731922140179e-07,
    2.0876755790721963e-09, -1.1470460830795304e-11, 4.7458685530816656e-14,
};

/// x = quadrant * pi/2 + result, |result| <= pi/4, to 62 bits; NaN for what has no angle.
static dd reduced(double x, int *quadrant) {
  *quadrant = 0;
  if (__builtin_fabs(x) <= 0.78539816339744828) return (dd){x, 0};
  const struct nnk_angle angle = nnk_reduce_angle(x);
  *quadrant = (int)angle.quadrant;
  return quick_sum(angle.hi, angle.lo);
}

static dd small_sine(dd r) {
  const dd z = dd_product(r, r), p = dd_polynomial(z, &SIN, 1, polynomial(z.hi, SIN_REST, 7));
  return dd_sum(r, dd_product(dd_product(r, z), p));
}
static dd small_cosine(dd r) {
  const dd z = dd_product(r, r), p = dd_polynomial(z, &COS, 1, polynomial(z.hi, COS_REST, 6));
  return dd_sum((dd){1, 0}, dd_sum(dd_scaled(z, -0.5), dd_product(dd_product(z, z), p)));
}
/// The sine of quadrant * pi/2 + r.
static double sine(dd r, int quadrant) {
  const double y = dd_rounded(quadrant & 1 ? small_cosine(r) : small_sine(r));
  return quadrant & 2 ? -y : y;
}

double nnk_sin_f64(double x) {
  if (is_nan(x) || __builtin_fabs(x) < 0x1p-30) return x;
  int quadrant;
  const dd r = reduced(x, &quadrant);
  return sine(r, quadrant);
}

double nnk_cos_f64(double x) {
  if (is_nan(x)) return x;
  if (__builtin_fabs(x) < 0x1p-30) return 1;
  int quadrant;
  const dd r = reduced(x, &quadrant);
  return sine(r, quadrant + 1);
}

double nnk_tan_f64(double x) {
  if (is_nan(x) || __builtin_fabs(x) < 0x1p-30) return x;
  int quadrant;
  const dd r = reduced(x, &quadrant), s = small_sine(r), c = small_cosine(r);
  return dd_rounded(quadrant & 1 ? dd_quotient(dd_negated(c), s) : dd_quotient(s, c));
}

// MARK: Inverse sine and cosine

/// (asin(s) / s - 1) / s^2 in s^2, for s <= 1/2: minimax, error 2^-75.
static const dd ASIN = {0.16666666666666666, 9.2518445055756164e-18};
static const double ASIN_REST[] = {
    0.074999999999999997, 0.044642857142857131, 0.030381944444447101, 0.022372159090670966,
    0.017352764436029098, 0.013964843284622842, 0.011551812550369888, 0.0097613987873776777,
    0.0083931518994989057, 0.0072843296423691323, 0.0066600094917209053, 0.0045317355565863919,
    0.010259002985212533, -0.011021938916071795, 0.037735974722250129, -0.041711199517325929,
    0.035547960400089576,
};

/// asin(s), z being s^2.
static dd small_arcsine(dd s, dd z) {
  const dd p = dd_polynomial(z, &ASIN, 1, polynomial(z.hi, ASIN_REST, 17));
  return dd_sum(s, dd_product(dd_product(s, z), p));
}
/// acos(a) for 1/2 < a <= 1: 2 asin(sqrt((1 - a) / 2)).
static dd small_arccosine(double a) {
  const double z = (1 - a) * 0.5;
  return dd_scaled(small_arcsine(dd_root(z), (dd){z, 0}), 2);
}

double nnk_asin_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x) || a < 0x1p-30) return x;
  if (a > 1) return __builtin_nan("");
  const dd y = a <= 0.5 ? small_arcsine((dd){a, 0}, two_product(a, a)) : dd_sum(HALF_PI, dd_negated(small_arccosine(a)));
  return __builtin_copysign(dd_rounded(y), x);
}

double nnk_acos_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x)) return x;
  if (a > 1) return __builtin_nan("");
  if (a < 0x1p-60) return HALF_PI.hi;
  if (a <= 0.5) return dd_rounded(dd_sum(HALF_PI, dd_negated(small_arcsine((dd){x, 0}, two_product(x, x)))));
  const dd y = small_arccosine(a);
  return dd_rounded(x < 0 ? dd_sum(dd_scaled(HALF_PI, 2), dd_negated(y)) : y);
}

// MARK: Inverse tangent

/// (atan(t) / t - 1) / t^2 in t^2, for |t| <= tan(pi / 8): minimax, error 2^-69.
static const dd ATAN = {-0.33333333333333331, -1.850212457734299e-17};
static const double ATAN_REST[] = {
    0.19999999999999998, -0.1428571428571415, 0.11111111111090423, -0.090909090892894667, 0.076923076161864722,
    -0.066666643425241078, 0.058823045980652876, -0.052624534802611395, 0.047546171841940253,
    -0.042942454765274369, 0.037233489394957305, -0.027273001616758538, 0.011957875805411175,
};
/// A quotient beyond 2^60 or below 2^-60 is as good as infinite or 0 beside multiples of pi/4.
static const double FAR = 0x1p60;

/// atan(num / den) for positive num and den within a factor of 2^60 of each other.
static dd arctangent(double num, double den) {
  // atan(a) = pi/2 - atan(1/a) = pi/4 + atan((a - 1) / (a + 1))
  dd t, base = {0, 0};
  if (num > 2.414213562373095 * den) {
    t = dd_quotient((dd){-den, 0}, (dd){num, 0});
    base = HALF_PI;
  } else if (num > 0.4142135623730950 * den) {
    t = dd_quotient(two_sum(num, -den), two_sum(num, den));
    base = dd_scaled(HALF_PI, 0.5);
  } else {
    t = dd_quotient((dd){num, 0}, (dd){den, 0});
  }
  if (t.hi == 0) return base;
  const dd z = dd_product(t, t), p = dd_polynomial(z, &ATAN, 1, polynomial(z.hi, ATAN_REST, 13));
  return dd_sum(base, dd_sum(t, dd_product(dd_product(t, z), p)));
}

double nnk_atan_f64(double x) {
  const double a = __builtin_fabs(x);
  if (is_nan(x) || a < 0x1p-30) return x;
  return __builtin_copysign(a > FAR ? HALF_PI.hi : dd_rounded(arctangent(a, 1)), x);
}

/// The angle of a point with infinite coordinates or very different ones, without the sign of y.
static double extreme_angle(double y, double x) {
  const double ay = __builtin_fabs(y), ax = __builtin_fabs(x);
  const bool left = __builtin_signbit(x);
  if (is_infinite(y) && is_infinite(x)) return (left ? 1.5 : 0.5) * HALF_PI.hi;
  if (ay > ax) return HALF_PI.hi;
  return left ? 2 * HALF_PI.hi : ax == 0 ? 0 : ay / ax;
}

/// The angle of the point (x, y).
double nnk_atan2_f64(double y, double x) {
  if (is_nan(y) || is_nan(x)) return x + y;
  double ay = __builtin_fabs(y), ax = __builtin_fabs(x);
  const double large = ay > ax ? ay : ax, small = ay > ax ? ax : ay;
  if (is_infinite(large) || small < large * (1 / FAR) || small == 0) return __builtin_copysign(extreme_angle(y, x), y);
  const double scale = large > 0x1p400 ? 0x1p-600 : large < 0x1p-300 ? 0x1p600 : 1;
  const dd angle = arctangent(ay * scale, ax * scale);
  return __builtin_copysign(dd_rounded(__builtin_signbit(x) ? dd_sum(dd_scaled(HALF_PI, 2), dd_negated(angle)) : angle), y);
}
