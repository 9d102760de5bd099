// The kernels' C interface: instruction set choice, threads, tensor memory, and the numeric loops.
//
// Everything here is plain C: pointers, scalars and opaque structs, so that Swift can call it from any
// isolation. No function reads or writes a global that is visible here. Sizes and strides are counted in
// elements unless a name says bytes. Kernels never check their arguments: callers pass valid shapes.
#ifndef NNKERNELS_H
#define NNKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// MARK: - Instruction sets

/// The instruction sets a kernel exists for, in rising order.
/// Results of AVX2 and AVX-512 are equal bit for bit; portable differs by the rounding of multiply-add.
enum { NNK_ISA_PORTABLE = 0, NNK_ISA_AVX2 = 1, NNK_ISA_AVX512 = 2, NNK_ISA_BEST = -1 };

/// Chooses the instruction set of all kernels, no higher than the processor has, and returns the one chosen.
/// Without a call the first kernel chooses: environment NNSCRIPT_ISA (portable, avx2, avx512), else the best.
/// For tests; must not be called while another thread runs a kernel whose result matters.
int nnk_select_isa(int level);

/// The name of the chosen instruction set: "avx512", "avx2", "neon", "sse2" or "portable".
const char *nnk_isa_name(void);

// MARK: - Cancellation

/// A flag that one thread raises to ask the kernels of another to stop early.
typedef struct nnk_flag nnk_flag;

/// Makes a lowered flag; NULL when out of memory.
nnk_flag *_Nullable nnk_flag_create(void);
/// Frees a flag; no thread may still have it as its cancel flag.
void nnk_flag_destroy(nnk_flag *_Nullable flag);
/// Raises or lowers a flag; any thread may call this at any time.
void nnk_flag_set(nnk_flag *flag, bool raised);
/// Whether the flag is raised.
bool nnk_flag_is_raised(const nnk_flag *flag);

/// Makes `flag` (or none) the cancel flag of the calling thread. While it is raised, kernels started by this
/// thread skip the chunks they have not begun: their results are then undefined but their memory is not.
void nnk_set_cancel_flag(const nnk_flag *_Nullable flag);
/// Whether the calling thread's cancel flag is raised.
bool nnk_cancelled(void);

// MARK: - Threads

/// One chunk of a parallel region; `chunk` counts from 0 up to `chunks`.
typedef void (*nnk_job)(void *_Nullable context, long chunk, long chunks);

/// Runs `job` for every chunk in 0..<chunks, on the pool's threads and the caller, and returns when all are done.
/// Which thread runs which chunk is open, so the chunks, never the threads, must decide what is computed.
/// When the pool is busy (another engine's region, or this is a nested call) the caller runs every chunk itself.
void nnk_parallel(long chunks, nnk_job job, void *_Nullable context);

/// As `nnk_parallel`, for work of about `nanoseconds` on one thread: under about a microsecond the caller
/// runs it alone, and parked threads are woken only once enough work has passed them by.
void nnk_parallel_sized(long chunks, double nanoseconds, nnk_job job, void *_Nullable context);

/// Sets how many threads a region uses, the caller included; 0 means one per processor.
void nnk_set_threads(int count);
/// How many threads a region uses, the caller included.
int nnk_threads(void);

// MARK: - Tensor memory

/// Allocates a block of at least `bytes` bytes, 64-byte aligned, contents undefined, with one reference.
/// Returns NULL when memory is out or `nnk_set_memory_limit` would be exceeded.
void *_Nullable nnk_block_alloc(size_t bytes);
/// Adds a reference.
void nnk_block_retain(void *block);
/// Drops a reference; the last one gives the block back.
void nnk_block_release(void *_Nullable block);
/// Whether the caller's reference is the only one, so that it may write.
bool nnk_block_is_unique(const void *block);
/// How many bytes the block can hold (at least what was asked for).
size_t nnk_block_capacity(const void *block);

/// What tensor memory is in use, in bytes; headers and rounding are counted.
typedef struct {
  size_t live;    ///< in blocks that have a reference
  size_t peak;    ///< the highest `live` since the start or `nnk_reset_peak`
  size_t cached;  ///< in free blocks kept for reuse
  size_t limit;   ///< the highest `live` allowed; SIZE_MAX when there is none
  size_t blocks;  ///< number of blocks that have a reference
} nnk_memory;

/// The current figures of tensor memory.
nnk_memory nnk_memory_info(void);
/// Lets `live` grow to `bytes` at most; 0 means no limit. Blocks that exist stay.
void nnk_set_memory_limit(size_t bytes);
/// Makes the current `live` the peak.
void nnk_reset_peak(void);
/// Gives all cached free blocks back to the system.
void nnk_trim_cache(void);

// MARK: - Measuring

/// Runs `rounds` rounds of f32 multiply-adds in registers only; returns how many floating point operations
/// (a multiply-add is two) that were. The time they take is the processor's peak.
double nnk_bench_fma_peak(long rounds);

#pragma clang assume_nonnull end

#include "nnk_chain.h"
#include "nnk_conv.h"
#include "nnk_gemm.h"
#include "nnk_linalg.h"
#include "nnk_ctc.h"
#include "nnk_distance.h"
#include "nnk_fft.h"
#include "nnk_math.h"
#include "nnk_order.h"
#include "nnk_pooling.h"
#include "nnk_sequence.h"

// --- Stack ---------------------------------------------------------------

/// Bytes that are left on the calling thread's stack.
size_t nnk_stack_room(void);

#endif
