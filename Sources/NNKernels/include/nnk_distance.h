// Distances of all vectors of one set from all of another: the interface.
#ifndef NNK_DISTANCE_H
#define NNK_DISTANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// What the length of a difference is: the sum of its absolute values, the Euclidean one, its largest absolute value.
typedef enum { NNK_LENGTH_1, NNK_LENGTH_2, NNK_LENGTH_LARGEST } nnk_length;

/// Sets of vectors x[batch, rows, depth] and y[batch, columns, depth]; f32, f64.
typedef struct {
  nnk_type type;
  nnk_length length;
  long batch, rows, columns, depth;
  const void *x, *y;
} nnk_distance_sets;

/// table[batch, rows, columns] = the lengths of the differences. False without memory.
bool nnk_distances(const nnk_distance_sets *sets, void *table);
/// dx = the sums over the columns of w[batch, rows, columns] times x - y (Euclidean) or its sign (sum), dy = those over the rows
/// of w times y - x. Either may be NULL.
void nnk_distances_grad(const nnk_distance_sets *sets, const void *w, void *_Nullable dx, void *_Nullable dy);

#pragma clang assume_nonnull end

#endif
