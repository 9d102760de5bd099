// The kernels' C interface.
#ifndef NNKERNELS_H
#define NNKERNELS_H
#endif
