// Reduction of large angles: x modulo pi/2 to full precision for any finite x (Payne and Hanek 1983).
#ifndef NNK_ANGLE_H
#define NNK_ANGLE_H

#include <stdbool.h>
#include <stdint.h>

/// x = quadrant * pi/2 + (hi + lo) with |hi| <= pi/4; the quadrant is modulo 4. NaN for what is not finite.
struct nnk_angle {
  double hi, lo;
  int64_t quadrant;
};

/// Reduces x, |x| >= 2^-10. Relative error of hi + lo below 2^-62. Integer arithmetic: the same on every machine.
struct nnk_angle nnk_reduce_angle(double x);

#endif
