// Exponential, logarithm and powers of single numbers: within 0.51 ulp, the same bits on every machine.
#include "include/nnk_math.h"
#include "number_math.h"

// MARK: Exponential

/// 2^(i / 64)
static const dd EXP_TABLE[64] = {
    {1.0, 0.0}, {0x1.02c9a3e778061p+0, -0x1.19083535b085dp-56},
    {0x1.059b0d3158574p+0, 0x1.d73e2a475b465p-55}, {0x1.0874518759bc8p+0, 0x1.186be4bb284ffp-57},
    {0x1.0b5586cf9890fp+0, 0x1.8a62e4adc610bp-54}, {0x1.0e3ec32d3d1a2p+0, 0x1.03a1727c57b53p-59},
    {0x1.11301d0125b51p+0, -0x1.6c51039449b3ap-54}, {0x1.1429aaea92de0p+0, -0x1.32fbf9af1369ep-54},
    {0x1.172b83c7d517bp+0, -0x1.19041b9d78a76p-55}, {0x1.1a35beb6fcb75p+0, 0x1.e5b4c7b4968e4p-55},
    {0x1.1d4873168b9aap+0, 0x1.e016e00a2643cp-54}, {0x1.2063b88628cd6p+0, 0x1.dc775814a8495p-55},
    {0x1.2387a6e756238p+0, 0x1.9b07eb6c70573p-54}, {0x1.26b4565e27cddp+0, 0x1.2bd339940e9d9p-55},
    {0x1.29e9df51fdee1p+0, 0x1.612e8afad1255p-55}, {0x1.2d285a6e4030bp+0, 0x1.0024754db41d5p-54},
    {0x1.306fe0a31b715p+0, 0x1.6f46ad23182e4p-55}, {0x1.33c08b26416ffp+0, 0x1.32721843659a6p-54},
    {0x1.371a7373aa9cbp+0, -0x1.63aeabf42eae2p-54}, {0x1.3a7db34e59ff7p+0, -0x1.5e436d661f5e3p-56},
    {0x1.3dea64c123422p+0, 0x1.ada0911f09ebcp-55}, {0x1.4160a21f72e2ap+0, -0x1.ef3691c309278p-58},
    {0x1.44e086061892dp+0, 0x1.89b7a04ef80d0p-59}, {0x1.486a2b5c13cd0p+0, 0x1.3c1a3b69062f0p-56},
    {0x1.4bfdad5362a27p+0, 0x1.d4397afec42e2p-56}, {0x1.4f9b2769d2ca7p+0, -0x1.4b309d25957e3p-54},
    {0x1.5342b569d4f82p+0, -0x1.07abe1db13cadp-55}, {0x1.56f4736b527dap+0, 0x1.9bb2c011d93adp-54},
    {0x1.5ab07dd485429p+0, 0x1.6324c054647adp-54}, {0x1.5e76f15ad2148p+0, 0x1.ba6f93080e65ep-54},
    {0x1.6247eb03a5585p+0, -0x1.383c17e40b497p-54}, {0x1.6623882552225p+0, -0x1.bb60987591c34p-54},
    {0x1.6a09e667f3bcdp+0, -0x1.bdd3413b26456p-54}, {0x1.6dfb23c651a2fp+0, -0x1.bbe3a683c88abp-57},
    {0x1.71f75e8ec5f74p+0, -0x1.16e4786887a99p-55}, {0x1.75feb564267c9p+0, -0x1.0245957316dd3p-54},
    {0x1.7a11473eb0187p+0, -0x1.41577ee04992fp-55}, {0x1.7e2f336cf4e62p+0, 0x1.05d02ba15797ep-56},
    {0x1.82589994cce13p+0, -0x1.d4c1dd41532d8p-54}, {0x1.868d99b4492edp+0, -0x1.fc6f89bd4f6bap-54},
    {0x1.8ace5422aa0dbp+0, 0x1.6e9f156864b27p-54}, {0x1.8f1ae99157736p+0, 0x1.5cc13a2e3976cp-55},
    {0x1.93737b0cdc5e5p+0, -0x1.75fc781b57ebcp-57}, {0x1.97d829fde4e50p+0, -0x1.d185b7c1b85d1p-54},
    {0x1.9c49182a3f090p+0, 0x1.c7c46b071f2bep-56}, {0x1.a0c667b5de565p+0, -0x1.359495d1cd533p-54},
    {0x1.a5503b23e255dp+0, -0x1.d2f6edb8d41e1p-54}, {0x1.a9e6b5579fdbfp+0, 0x1.0fac90ef7fd31p-54},
    {0x1.ae89f995ad3adp+0, 0x1.7a1cd345dcc81p-54}, {0x1.b33a2b84f15fbp+0, -0x1.2805e3084d708p-57},
    {0x1.b7f76f2fb5e47p+0, -0x1.5584f7e54ac3bp-56}, {0x1.bcc1e904bc1d2p+0, 0x1.23dd07a2d9e84p-55},
    {0x1.c199bdd85529cp+0, 0x1.11065895048ddp-55}, {0x1.c67f12e57d14bp+0, 0x1.2884dff483cadp-54},
    {0x1.cb720dcef9069p+0, 0x1.503cbd1e949dbp-56}, {0x1.d072d4a07897cp+0, -0x1.cbc3743797a9cp-54},
    {0x1.d5818dcfba487p+0, 0x1.2ed02d75b3707p-55}, {0x1.da9e603db3285p+0, 0x1.c2300696db532p-54},
    {0x1.dfc97337b9b5fp+0, -0x1.1a5cd4f184b5cp-54}, {0x1.e502ee78b3ff6p+0, 0x1.39e8980a9cc8fp-55},
    {0x1.ea4afa2a490dap+0, -0x1.e9c23179c2893p-54}, {0x1.efa1bee615a27p+0, 0x1.dc7f486a4b6b0p-54},
    {0x1.f50765b6e4540p+0, 0x1.9d3e12dd8a18bp-54}, {0x1.fa7c1819e90d8p+0, 0x1.74853f3a5931ep-55},
};
/// ln 2 / 64 = P1 + P2 + P3; P1 and P2 have 33 bits, so that their products with n are exact.
static const double STEP_1 = 0x1.62e42fefp-7, STEP_2 = 0x1.473de6afp-40, STEP_3 = 0x1.3c7673007e5edp-75;
/// 1/2!, 1/3!, ...
static const double EXP[] = {0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040};

/// e^x = 2^k * power * (1 + result); |result| < 0.0055.
static dd exp_parts(dd x, int *k, dd *power) {
  const double n = (x.hi * 92.332482616893657 + 0x1.8p52) - 0x1.8p52;
  const int whole = (int)n;
  *k = whole >> 6;
  *power = EXP_TABLE[whole & 63];
  const dd r = two_sum(x.hi - n * STEP_1, -n * STEP_2);
  const double low = r.lo + (x.lo - n * STEP_3);
  const double rest = r.hi * r.hi * polynomial(r.hi, EXP, 6);
  return quick_sum(r.hi, low + low * r.hi + rest);
}

dd nnk_exp_dd(dd x, int *k) {
  dd power;
  const dd q = exp_parts(x, k, &power), p = dd_product(power, q), s = quick_sum(power.hi, p.hi);
  return quick_sum(s.hi, s.lo + (power.lo + p.lo));
}

double nnk_round_scaled(dd y, int k) {
  if (k > 1030) return __builtin_inf();
  if (k > -1018) return dd_rounded(y) * power_of_two(k / 2) * power_of_two(k - k / 2);
  if (k < -1100) return 0;
  // Beside 1 the last place of a double is that of the subnormal numbers, 2^1022 times.
  const dd large = dd_scaled(y, power_of_two(k + 1022));
  if (large.hi >= 1) return dd_rounded(large) * 0x1p-1022;
  const dd s = two_sum(1, large.hi);
  return ((s.hi + (s.lo + large.lo)) - 1) * 0x1p-1022;
}

/// x within the range where e^x is neither 0 nor infinite, and a little more.
static double within_exp(double x) { return x > 712 ? 712 : x < -760 ? -760 : x; }

double nnk_exp_f64(double x) {
  if (is_nan(x)) return x;
  int k;
  const dd y = nnk_exp_dd((dd){within_exp(x), 0}, &k);
  return nnk_round_scaled(y, k);
}

dd nnk_expm1_dd(double x) {
  int k;
  dd power;
  const dd q = exp_parts((dd){x, 0}, &k, &power);
  if (k == 0 && power.hi == 1) return q;
  const dd p = dd_product(power, q), y = dd_sum(power, p);
  return dd_sum((dd){-1, 0}, dd_scaled(y, power_of_two(k)));
}

double nnk_expm1_f64(double x) {
  if (is_nan(x) || __builtin_fabs(x) < 0x1p-60) return x;
  if (x > 45) return nnk_exp_f64(x);
  if (x < -45) return -1;
  return dd_rounded(nnk_expm1_dd(x));
}

// MARK: Logarithm

/// (log((1 + s) / (1 - s)) / s - 2) / s^2 in s^2, for |s| <= 3 - 2 sqrt(2): minimax, error 2^-73.
static const dd LOG[] = {{0.66666666666666663, 3.7007341131151967e-17}, {0.4, -2.1572600476644034e-17}};
static const double LOG_REST[] = {
    0.28571428571428503, 0.22222222222252955, 0.181818181750467, 0.15384616240665697,
    0.13333267554759004, 0.11767825745236031, 0.10437362638966984, 0.10909707786470813,
};
/// ln 2 = HI + LO; HI has 42 bits, so that its product with an exponent is exact.
static const double LN2_HI = 0x1.62e42fefa38p-1, LN2_LO = 0x1.ef35793c7673p-45;

/// log(1 + f) + e ln 2 for sqrt(1/2) <= 1 + f <= sqrt(2).
static dd log_sum(double f, double e) {
  const dd s = dd_quotient((dd){f, 0}, two_sum(2, f)), z = dd_product(s, s);
  const dd p = dd_product(dd_product(s, z), dd_polynomial(z, LOG, 2, polynomial(z.hi, LOG_REST, 8)));
  const dd sum = dd_sum(dd_scaled(s, 2), p);
  const dd whole = two_sum(e * LN2_HI, sum.hi);
  return quick_sum(whole.hi, whole.lo + (sum.lo + e * LN2_LO));
}

dd nnk_log_dd(double x) {
  int e = 0;
  if (x < 0x1p-1022) x *= 0x1p54, e = -54;
  uint64_t bits;
  memcpy(&bits, &x, 8);
  const uint64_t root_half = 0x3fe6a09e667f3bcd;  // the bits of sqrt(1/2)
  e += (int)((int64_t)(bits - root_half) >> 52);
  bits = ((bits - root_half) & 0xfffffffffffff) + root_half;
  double m;
  memcpy(&m, &bits, 8);
  return log_sum(m - 1, e);
}

dd nnk_log1p_dd(dd x) {
  if (x.hi > -0.29 && x.hi < 0.41) return dd_sum(log_sum(x.hi, 0), (dd){x.lo / (1 + x.hi), 0});
  const dd u = two_sum(1, x.hi);
  return dd_sum(nnk_log_dd(u.hi), (dd){(u.lo + x.lo) / u.hi, 0});
}

/// The logarithm of what has none among the finite numbers: zero, negative numbers, infinity, NaN.
static double log_special(double x) {
  if (x == 0) return -__builtin_inf();
  return x < 0 ? __builtin_nan("") : x;
}
static bool has_log(double x) { return x > 0 && x < __builtin_inf(); }

double nnk_log_f64(double x) { return has_log(x) ? dd_rounded(nnk_log_dd(x)) : log_special(x); }

double nnk_log2_f64(double x) {
  const dd factor = {0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};
  return has_log(x) ? dd_rounded(dd_product(nnk_log_dd(x), factor)) : log_special(x);
}

double nnk_log10_f64(double x) {
  const dd factor = {0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57};
  return has_log(x) ? dd_rounded(dd_product(nnk_log_dd(x), factor)) : log_special(x);
}

double nnk_log1p_f64(double x) {
  if (__builtin_fabs(x) < 0x1p-60) return x;
  if (!has_log(x + 1)) return log_special(x + 1);
  return dd_rounded(nnk_log1p_dd((dd){x, 0}));
}

// MARK: Powers

static bool is_whole(double x) {
  const double a = __builtin_fabs(x);
  return a >= 0x1p52 || (a + 0x1p52) - 0x1p52 == a;
}

/// base^exponent for finite base > 0 and finite exponent.
static double positive_power(double base, double exponent) {
  const double y = exponent > 0x1p80 ? 0x1p80 : exponent < -0x1p80 ? -0x1p80 : exponent;  // beyond, all is 0, 1 or infinity
  const dd p = dd_product(nnk_log_dd(base), (dd){y, 0});
  const double hi = within_exp(p.hi);
  int k;
  const dd result = nnk_exp_dd((dd){hi, hi == p.hi ? p.lo : 0}, &k);
  return nnk_round_scaled(result, k);
}

/// IEEE 754 pow.
double nnk_pow_f64(double base, double exponent) {
  if (exponent == 0 || base == 1) return 1;
  if (is_nan(base) || is_nan(exponent)) return base + exponent;
  const double a = __builtin_fabs(base);
  const bool whole = is_whole(exponent);
  const bool odd = whole && __builtin_fabs(exponent) < 0x1p53 && !is_whole(exponent * 0.5);
  const double sign = odd && __builtin_signbit(base) ? -1 : 1;
  if (a == 0 || is_infinite(a) || is_infinite(exponent)) {
    if (a == 1) return 1;
    return (a < 1) == (exponent > 0) ? sign * 0 : sign * __builtin_inf();
  }
  if (base < 0 && !whole) return __builtin_nan("");
  return sign * positive_power(a, exponent);
}

/// 1 / sqrt(x)
double nnk_rsqrt_f64(double x) {
  if (!has_log(x)) return 1 / __builtin_sqrt(x);
  const int shift = x < 0x1p-400 ? 300 : x > 0x1p400 ? -300 : 0;  // x 2^(2 shift) is not extreme
  const dd root = dd_root(x * power_of_two(shift) * power_of_two(shift));
  return dd_rounded(dd_quotient((dd){1, 0}, root)) * power_of_two(shift);
}
