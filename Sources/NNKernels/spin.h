// A lock for sections of a few nanoseconds, and the pause between two looks at something another thread writes.
#ifndef NNK_SPIN_H
#define NNK_SPIN_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

/// Tells the processor that this thread only waits.
static inline void nnk_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Waits a moment: a pause mostly, now and then the rest of the time slice, as the awaited thread may need this core.
static inline void nnk_wait_once(unsigned *tries) {
  if ((++*tries & 0xfff) == 0) {
    sched_yield();
  } else {
    nnk_pause();
  }
}

/// Unlocked when zero.
typedef struct {
  atomic_bool held;
} nnk_spin_lock;

/// Takes the lock unless another thread has it.
static inline bool nnk_spin_try(nnk_spin_lock *lock) {
  return !atomic_load_explicit(&lock->held, memory_order_relaxed) &&
         !atomic_exchange_explicit(&lock->held, true, memory_order_acquire);
}

/// Takes the lock, waiting for it.
static inline void nnk_spin_take(nnk_spin_lock *lock) {
  unsigned tries = 0;
  while (atomic_exchange_explicit(&lock->held, true, memory_order_acquire)) {
    while (atomic_load_explicit(&lock->held, memory_order_relaxed)) nnk_wait_once(&tries);
  }
}

/// Gives the lock back.
static inline void nnk_spin_give(nnk_spin_lock *lock) {
  atomic_store_explicit(&lock->held, false, memory_order_release);
}

#endif
