// Reduction of large angles: multiplies by 2/pi with as many bits as the answer needs, in integers.
#include "angle.h"

#include <string.h>

/// 64 zero bits, then the bits of 2/pi after the binary point.
static const uint64_t two_over_pi[] = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
    0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

/// 64 bits of the table from bit `position` on.
static uint64_t table_bits(int position) {
  const int word = position / 64, shift = position % 64;
  if (shift == 0) return two_over_pi[word];
  return two_over_pi[word] << shift | two_over_pi[word + 1] >> (64 - shift);
}

/// 2^exponent for a normal result.
static double power_of_two(int exponent) {
  const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double result;
  memcpy(&result, &bits, 8);
  return result;
}

struct nnk_angle nnk_reduce_angle(double x) {
  uint64_t bits;
  memcpy(&bits, &x, 8);
  const int exponent = (int)(bits >> 52 & 0x7ff) - 1075;  // |x| = mantissa * 2^exponent
  if (exponent == 0x7ff - 1075) return (struct nnk_angle){x - x, 0, 0};
  const uint64_t mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;

  // Bits of 2/pi whose product with x is a multiple of 4 are left out; 192 bits from there on decide. The product
  // modulo 2^192 has the quadrant in its top two bits and the fraction of the quadrant below.
  const int position = exponent + 62;
  const uint64_t w2 = table_bits(position), w1 = table_bits(position + 64), w0 = table_bits(position + 128);
  const unsigned __int128 low = (unsigned __int128)mantissa * w0;
  const unsigned __int128 middle = (unsigned __int128)mantissa * w1 + (uint64_t)(low >> 64);
  const uint64_t p0 = (uint64_t)low, p1 = (uint64_t)middle, p2 = mantissa * w2 + (uint64_t)(middle >> 64);

  // Fraction of the quadrant, 190 bits, rounded to -1/2 ..< 1/2: its sign is the bit below the quadrant.
  uint64_t f2 = p2 << 2 | p1 >> 62, f1 = p1 << 2 | p0 >> 62, f0 = p0 << 2;
  const bool negative = f2 >> 63;
  int64_t quadrant = (int64_t)(p2 >> 62) + negative;
  if (negative) f2 = ~f2, f1 = ~f1, f0 = ~f0;
  int shift = 0;
  if (f2 == 0) f2 = f1, f1 = f0, f0 = 0, shift = 64;
  const int zeros = f2 == 0 ? 0 : __builtin_clzll(f2);
  if (zeros > 0) f2 = f2 << zeros | f1 >> (64 - zeros);

  // f2 * 2^-(64 + shift + zeros) quadrants of pi/2 = 0xc90f... * 2^-63.
  const unsigned __int128 product = (unsigned __int128)f2 * 0xc90fdaa22168c235u;
  const double unit = power_of_two(-(127 + shift + zeros)), sign = (negative ? -1.0 : 1.0) * (x < 0 ? -1.0 : 1.0);
  const uint64_t top = (uint64_t)(product >> 64), kept = top & ~(uint64_t)0x7ff;
  const double rest = (double)(top - kept) * 0x1p64 + (double)(uint64_t)product;
  if (x < 0) quadrant = -quadrant;
  return (struct nnk_angle){(double)kept * 0x1p64 * unit * sign, rest * unit * sign, quadrant & 3};
}
