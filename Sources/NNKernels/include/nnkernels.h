// The kernels' C interface.
#ifndef NNKERNELS_H
#define NNKERNELS_H
#include "nnk_math.h"
#endif
