// Numbers as unevaluated sums of two doubles, about 104 bits: what the functions of single numbers calculate with.
//
// Products are taken apart by Dekker's splitting and need no fused multiply-add, so the bits are the same on every machine.
// Operands must keep products and their errors within the normal range: magnitudes of 2^-450 to 2^450 always do.
#ifndef NNK_DOUBLE_DOUBLE_H
#define NNK_DOUBLE_DOUBLE_H

#pragma STDC FP_CONTRACT OFF

/// hi + lo, |lo| at most an ulp of hi.
typedef struct {
  double hi, lo;
} dd;

/// a + b exactly.
static inline dd two_sum(double a, double b) {
  const double s = a + b, t = s - a;
  return (dd){s, (a - (s - t)) + (b - t)};
}

/// a + b exactly, |a| >= |b| or a = 0.
static inline dd quick_sum(double a, double b) {
  const double s = a + b;
  return (dd){s, b - (s - a)};
}

/// a * b exactly.
static inline dd two_product(double a, double b) {
  const double p = a * b;
  const double ta = a * 0x1.0000002p27, a1 = ta - (ta - a), a2 = a - a1;
  const double tb = b * 0x1.0000002p27, b1 = tb - (tb - b), b2 = b - b1;
  return (dd){p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
}

static inline dd dd_negated(dd a) { return (dd){-a.hi, -a.lo}; }
/// The double nearest to a.
static inline double dd_rounded(dd a) { return a.hi + a.lo; }
/// a times a power of two.
static inline dd dd_scaled(dd a, double power) { return (dd){a.hi * power, a.lo * power}; }

static inline dd dd_sum(dd a, dd b) {
  const dd s = two_sum(a.hi, b.hi);
  return quick_sum(s.hi, s.lo + (a.lo + b.lo));
}

static inline dd dd_product(dd a, dd b) {
  const dd p = two_product(a.hi, b.hi);
  return quick_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static inline dd dd_quotient(dd a, dd b) {
  const double q = a.hi / b.hi;
  const dd back = two_product(q, b.hi);
  return quick_sum(q, (((a.hi - back.hi) - back.lo) + (a.lo - q * b.lo)) / b.hi);
}

/// The square root of x >= 0.
static inline dd dd_root(double x) {
  if (x == 0) return (dd){x, 0};
  const double s = __builtin_sqrt(x);
  const dd back = two_product(s, s);
  return quick_sum(s, ((x - back.hi) - back.lo) / (s + s));
}

/// c[0] + c[1] x + ... + c[n - 1] x^(n - 1) in plain doubles.
static inline double polynomial(double x, const double *c, int n) {
  double p = c[n - 1];
  for (int i = n - 2; i >= 0; i--) p = p * x + c[i];
  return p;
}

/// c[0] + c[1] x + ... + c[n - 1] x^(n - 1) + x^n rest, the terms falling.
static inline dd dd_polynomial(dd x, const dd *c, int n, double rest) {
  dd p = quick_sum(c[n - 1].hi, c[n - 1].lo + x.hi * rest);
  for (int i = n - 2; i >= 0; i--) p = dd_sum(c[i], dd_product(x, p));
  return p;
}

#endif
