// Chooses the instruction set and forwards every public kernel to the chosen table; nothing else knows which one runs.
#include <stdlib.h>
#include <string.h>

#include "table.h"

_Atomic(const struct nnk_table *) nnk_active_table;

/// The highest level this processor can run.
static int best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return avx2 ? (avx512 ? NNK_ISA_AVX512 : NNK_ISA_AVX2) : NNK_ISA_PORTABLE;
#else
  return NNK_ISA_PORTABLE;
#endif
}

/// The level that the environment asks for.
static int wanted_level(void) {
  const char *name = getenv("NNSCRIPT_ISA");
  if (name == NULL) return NNK_ISA_BEST;
  if (strcmp(name, "portable") == 0) return NNK_ISA_PORTABLE;
  if (strcmp(name, "avx2") == 0) return NNK_ISA_AVX2;
  return NNK_ISA_BEST;
}

int nnk_select_isa(int level) {
  const int best = best_level();
  const int chosen = level < 0 || level > best ? best : level;
  const struct nnk_table *table = &nnk_table_portable;
#if defined(__x86_64__)
  if (chosen == NNK_ISA_AVX2) table = &nnk_table_avx2;
  if (chosen == NNK_ISA_AVX512) table = &nnk_table_avx512;
#endif
  atomic_store_explicit(&nnk_active_table, table, memory_order_release);
  return chosen;
}

const struct nnk_table *nnk_choose_table(void) {
  nnk_select_isa(wanted_level());
  return atomic_load_explicit(&nnk_active_table, memory_order_acquire);
}

const char *nnk_isa_name(void) { return nnk_kernels()->name; }

#define NNK_PUBLIC(result, name, parameters, arguments) \
  result nnk_##name parameters { return nnk_kernels()->name arguments; }
#define NNK_PRIVATE(result, name, parameters)
#include "kernels.def"
