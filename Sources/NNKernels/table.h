// The table of kernels that each instruction set fills, and how the rest of this target reaches the chosen one.
//
// To add a kernel: write `static` code in an .inc file that k_portable.c, k_avx2.c and k_avx512.c include, add one
// line to a list in kernels_*.def, and, if it is public, its documented prototype `nnk_<name>` to nnkernels.h.
#ifndef NNK_TABLE_H
#define NNK_TABLE_H

#include <stdatomic.h>

#include "conv.h"
#include "fft_pass.h"
#include "include/nnkernels.h"

/// One function pointer per line of the lists.
struct nnk_table {
  const char *name;
  int lanes;  // f32 elements of a vector
  bool has_masked_loads;  // in the micro-kernels of products; otherwise they read whole vectors of B
#define NNK_PUBLIC(result, name, parameters, arguments) result(*name) parameters;
#define NNK_PRIVATE(result, name, parameters) result(*name) parameters;
#include "kernels.def"
#undef NNK_PUBLIC
#undef NNK_PRIVATE
};

extern const struct nnk_table nnk_table_portable;
extern const struct nnk_table nnk_table_avx2;
extern const struct nnk_table nnk_table_avx512;

/// The chosen table, NULL before the first use; read it through `nnk_kernels`.
extern _Atomic(const struct nnk_table *) nnk_active_table;

/// Chooses the table at the first use.
const struct nnk_table *nnk_choose_table(void);

/// The table of the chosen instruction set.
static inline const struct nnk_table *nnk_kernels(void) {
  const struct nnk_table *table = atomic_load_explicit(&nnk_active_table, memory_order_acquire);
  return __builtin_expect(table != NULL, 1) ? table : nnk_choose_table();
}

#endif
