// Each thread's piece of memory for packed operands and other short-lived copies.
#ifndef NNK_SCRATCH_H
#define NNK_SCRATCH_H

/// Two huge pages.
#define NNK_SCRATCH_BYTES (4L << 20)

/// The calling thread's scratch memory, made at the first use. Whoever uses it must be done with it before calling
/// anything else that may use it.
void *nnk_scratch(void);

#endif
