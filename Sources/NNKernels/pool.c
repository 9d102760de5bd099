// The thread pool: a region is a fixed list of chunks, and whoever is free claims the next one.
//
// A worker that is late, parked or preempted before it claims never delays the caller, who works through the list
// too. One 64-bit ticket (epoch | first | last) is changed by compare-and-swap, so a claim can only succeed in the
// region it was read from: while a region has an unclaimed chunk, its job cannot be replaced by the next region's.
// The caller and every second worker claim from the front, the others from the back: region after region a thread
// meets the part of the arrays that is still in its own cache.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "include/nnkernels.h"
#include "spin.h"

enum {
  MAX_THREADS = 256,
  MAX_TICKETS = 0xffff,  // chunks of larger regions are claimed in groups
  SPINS_BEFORE_PARKING = 20000,
};

/// Regions with less work than this (nanoseconds) are not worth a second thread, awake or asleep.
static const double SHARE_FROM = 1000;
/// A parked thread is woken when this much work (nanoseconds) has been done without it.
static const double WAKE_FROM = 50000;

struct nnk_flag {
  atomic_bool raised;
};

/// Read by workers after a claim; `tickets` changes only through the ticket itself.
static struct {
  _Alignas(128) _Atomic uint64_t ticket;  // epoch << 32 | first << 16 | last: what is unclaimed
  _Alignas(128) atomic_long done;
  _Alignas(128) atomic_int sleepers;
  _Atomic(nnk_job) job;
  _Atomic(void *) context;
  _Atomic(const nnk_flag *) cancel;
  atomic_long chunks, tickets;
  atomic_int limit;  // threads that may take part, the caller included; 0 before the first use
  _Alignas(128) nnk_spin_lock busy;
  int workers;          // threads started so far; owned by the holder of `busy`
  double missed_work;   // owned by the holder of `busy`
  pthread_t threads[MAX_THREADS];  // of the workers, by number
  pthread_mutex_t mutex;
  pthread_cond_t wake;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static _Thread_local const nnk_flag *thread_cancel_flag;

// MARK: Cancellation

nnk_flag *nnk_flag_create(void) { return calloc(1, sizeof(nnk_flag)); }

void nnk_flag_destroy(nnk_flag *flag) { free(flag); }

void nnk_flag_set(nnk_flag *flag, bool raised) { atomic_store_explicit(&flag->raised, raised, memory_order_relaxed); }

bool nnk_flag_is_raised(const nnk_flag *flag) { return atomic_load_explicit(&flag->raised, memory_order_relaxed); }

void nnk_set_cancel_flag(const nnk_flag *flag) { thread_cancel_flag = flag; }

bool nnk_cancelled(void) { return thread_cancel_flag != NULL && nnk_flag_is_raised(thread_cancel_flag); }

// MARK: Chunks

/// The first chunk of ticket `index` when `chunks` chunks are spread over `tickets` tickets.
static long first_chunk(long chunks, long tickets, long index) {
  return tickets == chunks ? index : (long)((__int128)chunks * index / tickets);
}

/// Runs a range of chunks unless the region is cancelled.
static void run_chunks(nnk_job job, void *context, long begin, long end, long chunks, const nnk_flag *cancel) {
  for (long chunk = begin; chunk < end; chunk++) {
    if (cancel != NULL && nnk_flag_is_raised(cancel)) return;
    job(context, chunk, chunks);
  }
}

/// Claims and runs tickets of the region `epoch` until none is left, from the back where `backwards`. Jobs see the
/// starter's cancel flag as their own.
static void drain(uint64_t epoch, bool backwards) {
  for (;;) {
    uint64_t ticket = atomic_load_explicit(&pool.ticket, memory_order_acquire);
    const long first = (long)(ticket >> 16 & 0xffff), last = (long)(ticket & 0xffff);
    if (ticket >> 32 != epoch || first >= last) return;
    const nnk_job job = atomic_load_explicit(&pool.job, memory_order_relaxed);
    void *context = atomic_load_explicit(&pool.context, memory_order_relaxed);
    const nnk_flag *cancel = atomic_load_explicit(&pool.cancel, memory_order_relaxed);
    const long chunks = atomic_load_explicit(&pool.chunks, memory_order_relaxed);
    const long tickets = atomic_load_explicit(&pool.tickets, memory_order_relaxed);
    const uint64_t rest = backwards ? ticket - 1 : ticket + (1 << 16);
    if (!atomic_compare_exchange_strong_explicit(&pool.ticket, &ticket, rest, memory_order_acq_rel,
                                                 memory_order_relaxed))
      continue;
    thread_cancel_flag = cancel;
    const long index = backwards ? last - 1 : first;
    run_chunks(job, context, first_chunk(chunks, tickets, index), first_chunk(chunks, tickets, index + 1), chunks,
               cancel);
    atomic_fetch_add_explicit(&pool.done, 1, memory_order_release);
  }
}

// MARK: Processors

#if defined(__linux__)
/// The processors this process may run on, as it was when the pool was first used.
static cpu_set_t allowed;
static pthread_once_t allowed_once = PTHREAD_ONCE_INIT;
static void read_allowed(void) {
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_ZERO(&allowed);
}

/// How many processors this process may run on.
static int processors(void) {
  pthread_once(&allowed_once, read_allowed);
  const int count = CPU_COUNT(&allowed);
  return count > 0 ? count : 1;
}

/// Keeps parked workers from waking up on the caller's processor, where they would only get what it leaves: a woken
/// thread would stay there until the system's next look at the balance, milliseconds later.
static void clear_caller_processor(int workers) {
  const int here = sched_getcpu();
  if (here < 0 || processors() < 2) return;
  cpu_set_t others = allowed;
  CPU_CLR(here, &others);
  for (int number = 1; number <= workers; number++) pthread_setaffinity_np(pool.threads[number], sizeof others, &others);
}

/// Lets this worker run anywhere again; it stays where it is.
static void allow_all_processors(void) {
  if (processors() > 1) sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
static int processors(void) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}
static void clear_caller_processor(int workers) { (void)workers; }
static void allow_all_processors(void) {}
#endif

// MARK: Workers

/// The epoch of the newest region.
static uint64_t newest_epoch(memory_order order) { return atomic_load_explicit(&pool.ticket, order) >> 32; }

/// Sleeps until a region other than `seen` has begun and its starter wakes the pool.
static void park(uint64_t seen) {
  pthread_mutex_lock(&pool.mutex);
  atomic_fetch_add(&pool.sleepers, 1);
  while (newest_epoch(memory_order_seq_cst) == seen) pthread_cond_wait(&pool.wake, &pool.mutex);
  atomic_fetch_sub(&pool.sleepers, 1);
  pthread_mutex_unlock(&pool.mutex);
  allow_all_processors();
}

/// A worker's life: spin for the next region, park when none comes, take part. `argument` is its number, from 1.
static void *worker(void *argument) {
  const int number = (int)(intptr_t)argument;
  uint64_t seen = 0;
  for (;;) {
    for (long spins = 0; newest_epoch(memory_order_acquire) == seen; spins++) {
      if (spins < SPINS_BEFORE_PARKING) {
        nnk_pause();
      } else {
        park(seen);
      }
    }
    seen = newest_epoch(memory_order_acquire);
    if (number < atomic_load_explicit(&pool.limit, memory_order_relaxed)) drain(seen, number % 2 == 1);
    thread_cancel_flag = NULL;
  }
  return NULL;
}

/// Starts the workers that are still missing; fewer than asked for if the system refuses.
static void start_workers(int threads) {
  while (pool.workers + 1 < threads) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const int failed = pthread_create(&thread, &attributes, worker, (void *)(intptr_t)(pool.workers + 1));
    pthread_attr_destroy(&attributes);
    if (failed) return;
    pool.threads[++pool.workers] = thread;
  }
}

void nnk_set_threads(int count) {
  const int wanted = count > 0 ? count : processors();
  atomic_store_explicit(&pool.limit, wanted < MAX_THREADS ? wanted : MAX_THREADS, memory_order_relaxed);
}

int nnk_threads(void) {
  const int limit = atomic_load_explicit(&pool.limit, memory_order_relaxed);
  if (limit > 0) return limit;
  nnk_set_threads(0);
  return atomic_load_explicit(&pool.limit, memory_order_relaxed);
}

// MARK: Regions

/// Publishes a region for the workers to see; returns its epoch. The caller holds `busy`.
static uint64_t open_region(long chunks, long tickets, nnk_job job, void *context) {
  const uint64_t epoch = (newest_epoch(memory_order_relaxed) + 1) & 0xffffffff;
  atomic_store_explicit(&pool.done, 0, memory_order_relaxed);
  atomic_store_explicit(&pool.job, job, memory_order_relaxed);
  atomic_store_explicit(&pool.context, context, memory_order_relaxed);
  atomic_store_explicit(&pool.cancel, thread_cancel_flag, memory_order_relaxed);
  atomic_store_explicit(&pool.chunks, chunks, memory_order_relaxed);
  atomic_store_explicit(&pool.tickets, tickets, memory_order_relaxed);
  atomic_store_explicit(&pool.ticket, epoch << 32 | (uint64_t)tickets, memory_order_seq_cst);
  return epoch;
}

/// Wakes parked workers once the work done without them is worth a wake-up. The caller holds `busy`.
static void wake_sleepers(double nanoseconds) {
  if (atomic_load(&pool.sleepers) == 0) {
    pool.missed_work = 0;
    return;
  }
  pool.missed_work += nanoseconds;
  if (pool.missed_work < WAKE_FROM) return;
  pool.missed_work = 0;
  clear_caller_processor(pool.workers);
  pthread_mutex_lock(&pool.mutex);
  pthread_cond_broadcast(&pool.wake);
  pthread_mutex_unlock(&pool.mutex);
}

void nnk_parallel_sized(long chunks, double nanoseconds, nnk_job job, void *context) {
  const int threads = chunks > 1 && nanoseconds >= SHARE_FROM ? nnk_threads() : 1;
  if (threads == 1 || !nnk_spin_try(&pool.busy)) {
    run_chunks(job, context, 0, chunks, chunks, thread_cancel_flag);
    return;
  }
  if (pool.workers + 1 < threads) start_workers(threads);
  const long tickets = chunks < MAX_TICKETS ? chunks : MAX_TICKETS;
  const uint64_t epoch = open_region(chunks, tickets, job, context);
  wake_sleepers(nanoseconds);
  drain(epoch, false);
  unsigned tries = 0;
  while (atomic_load_explicit(&pool.done, memory_order_acquire) < tickets) nnk_wait_once(&tries);
  nnk_spin_give(&pool.busy);
}

void nnk_parallel(long chunks, nnk_job job, void *context) { nnk_parallel_sized(chunks, WAKE_FROM, job, context); }
