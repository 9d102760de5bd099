// Dense linear algebra: the interface of equations, determinants and factorizations of batches of matrices.
//
// Matrices are dense and row-major, one after the other; `type` is NNK_F32 or NNK_F64. Work is done in f64, so f32 results are
// correctly rounded but for ill-conditioned matrices. An item has the same bits whatever the batch and the number of
// threads. A matrix with NaN or infinity gives NaN. Results of a cancelled call are undefined.
#ifndef NNK_LINALG_H
#define NNK_LINALG_H

#include "nnk_math.h"

#pragma clang assume_nonnull begin

/// What the functions return: one of these, or the first item of the batch that has no result.
enum { NNK_LINALG_DONE = -1, NNK_LINALG_NO_MEMORY = -2 };

/// y[n, n] = a^-1 by LU factorization with partial pivoting; items with a pivot that is exactly 0 have none.
ptrdiff_t nnk_inverse(nnk_type type, const void *a, void *y, long batch, long n);
/// a x = b (or a^T x = b where `transposed`) for b[n, k]; as nnk_inverse.
ptrdiff_t nnk_solve(nnk_type type, const void *a, const void *b, void *x, long batch, long n, long k, bool transposed);
/// det(a) = sign[0] exp(logs[0]); 0 and -inf where a pivot is 0.
ptrdiff_t nnk_log_determinant(nnk_type type, const void *a, void *sign, void *logs, long batch, long n);
/// det(a), the product of the pivots.
ptrdiff_t nnk_determinant(nnk_type type, const void *a, void *y, long batch, long n);

/// How a triangular matrix is read: which triangle, as its transpose, with ones for its diagonal.
typedef struct {
  bool lower, transposed, unit;
} nnk_triangle;
/// t x = b for triangular t[n, n] and b[n, k]; items with a 0 on the diagonal have none.
ptrdiff_t nnk_solve_triangular(
    nnk_type type, const void *t, const void *b, void *x, long batch, long n, long k, nnk_triangle triangle);

/// a = l l^T with l lower triangular, of which the lower triangle of a is read; items that are not positive definite have none.
ptrdiff_t nnk_cholesky(nnk_type type, const void *a, void *l, long batch, long n);
/// a[m, n] = q[m, k] r[k, n] with k = min(m, n), orthonormal columns and no negative number on r's diagonal.
ptrdiff_t nnk_qr(nnk_type type, const void *a, void *q, void *r, long batch, long m, long n);
/// a = v diag(w) v^T for symmetric a (its upper triangle is read): y[n + 1, n] has v, then the row w, rising. The largest
/// element of each column of v is positive. Items that do not converge have none; not known to happen.
ptrdiff_t nnk_eigh(nnk_type type, const void *a, void *y, long batch, long n);
/// a[m, n] = u diag(s) v^T with k = min(m, n) columns: y[m + n + 1, k] has u, then v[n, k], then the row s, falling. The
/// largest element of each column of u is positive. As nnk_eigh.
ptrdiff_t nnk_svd(nnk_type type, const void *a, void *y, long batch, long m, long n);

#pragma clang assume_nonnull end

#endif
