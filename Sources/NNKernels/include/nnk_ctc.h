// Connectionist temporal classification: the interface.
#ifndef NNK_CTC_H
#define NNK_CTC_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// A batch of label sequences without places in time (Graves and others 2006).
typedef struct {
  nnk_type type;          ///< of probabilities and results, NNK_F32 or NNK_F64
  const void *logs;       ///< [batch, steps, classes], log-probabilities
  const int32_t *labels;  ///< [batch, width], each row up to its first negative number; none is `blank`
  const int32_t *_Nullable lengths;  ///< [batch], how many steps count; all where NULL
  long batch, steps, classes, width, blank;
} nnk_ctc_call;

/// losses[b] = -log of the probability of all paths that spell the labels; infinite where the steps are too few.
/// In time O(steps * width) an item, in f64. False when out of memory.
bool nnk_ctc(const nnk_ctc_call *call, void *losses);
/// The derivatives of the losses in the log-probabilities, [batch, steps, classes]: minus the probability that a path is at a
/// class at a step; 0 where the loss is infinite.
bool nnk_ctc_slope(const nnk_ctc_call *call, void *slopes);

#pragma clang assume_nonnull end

#endif
