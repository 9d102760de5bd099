// Matrix products: the interface of C = A B with transposes, batches, accumulation, bias and activation.
#ifndef NNK_GEMM_H
#define NNK_GEMM_H

#include <stdbool.h>

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// The activation of a product that has none.
enum { NNK_NO_ACTIVATION = -1 };

/// A batch of products: C[i, j] = activation(sum over p of A[i, p] B[p, j] (+ C[i, j]) (+ bias[j])).
///
/// A is [rows, depth] with element (i, p) at a[i * a_row + p * a_column]; B is [depth, columns] likewise; so a transposed
/// operand is the same memory with its two strides exchanged. C is [rows, columns] with rows c_row apart and adjacent
/// columns, and must not overlap A or B. Item t of the batch is at a + t * a_batch, b + t * b_batch, c + t * c_batch;
/// a stride of 0 uses the same A or B for every item. All strides are in elements.
///
/// Every element of C is a sum in the order of p, by multiply-adds with one rounding each, in blocks of at most 512 terms
/// whose limits follow from `depth` alone. So an element has the same bits whatever the number of threads, rows, columns
/// and batch items it is computed with, and whichever operand is transposed.
typedef struct {
  long rows, columns, depth;
  const void *a;
  long a_row, a_column;
  const void *b;
  long b_row, b_column;
  void *c;
  long c_row;
  long batch, a_batch, b_batch, c_batch;
  const void *_Nullable bias;  ///< `columns` elements, or NULL
  bool accumulate;             ///< adds to what C holds
  int activation;              ///< an `nnk_unary_op` or NNK_NO_ACTIVATION; relu is free, others are a pass over C
} nnk_gemm;

/// The product for f32 operands, bias and result.
void nnk_gemm_f32(const nnk_gemm *gemm);
/// The product for f64 operands, bias and result.
void nnk_gemm_f64(const nnk_gemm *gemm);
/// The product for i32, wrapping around on overflow; the activation is relu or none.
void nnk_gemm_i32(const nnk_gemm *gemm);
/// The product for i64, wrapping around on overflow; the activation is relu or none.
void nnk_gemm_i64(const nnk_gemm *gemm);

#pragma clang assume_nonnull end

#endif
