// What the forward and the backward pass of recurrent networks share.
#ifndef NNK_RECURRENCE_H
#define NNK_RECURRENCE_H

#include "sequence_table.h"

/// Sizes of a sequence and how its steps are cut: rows of the batch never meet, so each thread runs all steps of its rows.
struct nnk_steps_plan {
  const nnk_recurrence *s;
  long batch, steps, inputs, units, bytes;
  long gates;    ///< columns of the weights, in units
  long stored;   ///< columns of the gates buffer, in units
  long parts;    ///< of the batch
  double cost;   ///< nanoseconds of all steps on one thread
};

/// The plan for a sequence.
struct nnk_steps_plan nnk_plan_steps(const nnk_recurrence *sequence);

/// A product in the element type of a plan: on this thread inside of a part, on all where there is one part only.
void nnk_step_product(const struct nnk_steps_plan *plan, const nnk_gemm *gemm);

/// The elements of `p` from `count` elements on; NULL stays NULL.
static inline const char *nnk_at(const struct nnk_steps_plan *plan, const void *p, long count) {
  return p == NULL ? NULL : (const char *)p + count * plan->bytes;
}
static inline char *nnk_at_mutable(const struct nnk_steps_plan *plan, void *p, long count) {
  return p == NULL ? NULL : (char *)p + count * plan->bytes;
}

/// A matrix as every step's product reads it: where it lies, or copied where rows would fall on the same few cache sets.
struct nnk_step_matrix {
  const void *p;
  long row;
  void *copy;  ///< to be released, or NULL
};
/// The matrix m[rows, cols], or its transpose; `p` is NULL when out of memory.
struct nnk_step_matrix nnk_prepare_matrix(const struct nnk_steps_plan *plan, const void *m, long rows, long cols, bool transposed);

#endif
