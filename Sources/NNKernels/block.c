// Tensor memory: reference-counted blocks, recycled by size class, with exact counters and a limit.
//
// A block is a 64-byte header and its payload. Free blocks wait in one list per size class; blocks above 1 MiB in
// one list of their own, newest first. One spin lock guards lists and counters and is held for a few nanoseconds;
// the system is asked for memory, and given it back, outside of it. Blocks in use and in cache never exceed the most
// that was ever in use by more than CACHE_SLACK, so a training loop that repeats itself asks the system for nothing.
#include <stdlib.h>

#include "include/nnkernels.h"
#include "pages.h"
#include "spin.h"

enum {
  HEADER_BYTES = 64,
  FINE_LIMIT = 1024,        // classes up to here are 64 bytes apart, then four to a doubling
  SMALL_LIMIT = 1 << 20,    // larger blocks have no class
  FINE_CLASSES = FINE_LIMIT / 64 + 1,
  CLASSES = FINE_CLASSES + 4 * 10,
  LARGE = CLASSES,          // the class number of blocks without a class
  LARGE_STEP = 64 << 10,    // sizes of large blocks are multiples of this
  CACHE_SLACK = 64 << 20,
};

/// What stands before the payload.
typedef struct header {
  _Atomic int64_t references;
  size_t bytes;  // header included
  int size_class;
  struct header *next, *previous;  // in a free list; `previous` only for large blocks
  char padding[HEADER_BYTES - 40];
} header;
_Static_assert(sizeof(header) == HEADER_BYTES, "the payload must be 64-byte aligned");

static struct {
  _Alignas(128) nnk_spin_lock lock;
  size_t live, peak, cached, blocks;
  size_t limit;      // 0: none
  size_t footprint;  // the highest `live` since the cache was trimmed
  header *free[CLASSES];
  header *newest_large, *oldest_large;
} memory;

static header *header_of(const void *block) { return (header *)((char *)block - HEADER_BYTES); }

// MARK: Size classes

/// The class of a block of `bytes` bytes (header included), and the size of that class.
static int size_class(size_t bytes, size_t *rounded) {
  if (bytes <= FINE_LIMIT) {
    *rounded = (bytes + 63) & ~(size_t)63;
    return (int)(*rounded / 64);
  }
  if (bytes > SMALL_LIMIT) {
    *rounded = (bytes + LARGE_STEP - 1) & ~(size_t)(LARGE_STEP - 1);
    return LARGE;
  }
  const int doubling = 63 - __builtin_clzll(bytes - 1);  // from 10 to 19
  const size_t quarter = (bytes - 1) >> (doubling - 2) & 3;
  *rounded = (quarter + 5) << (doubling - 2);
  return FINE_CLASSES + 4 * (doubling - 10) + (int)quarter;
}

// MARK: The system's memory

static header *system_alloc(size_t bytes) {
  void *memory = NULL;
  if (bytes >= NNK_HUGE_PAGE) return nnk_map_pages(bytes);
  return posix_memalign(&memory, HEADER_BYTES, bytes) == 0 ? memory : NULL;
}

static void system_free(header *block) {
  if (block->bytes >= NNK_HUGE_PAGE) {
    nnk_unmap_pages(block, block->bytes);
  } else {
    free(block);
  }
}

/// Gives a chain of blocks back to the system.
static void system_free_all(header *chain) {
  while (chain != NULL) {
    header *next = chain->next;
    system_free(chain);
    chain = next;
  }
}

// MARK: Free lists; the caller holds the lock

static void unlink_large(header *block) {
  *(block->previous != NULL ? &block->previous->next : &memory.newest_large) = block->next;
  *(block->next != NULL ? &block->next->previous : &memory.oldest_large) = block->previous;
  memory.cached -= block->bytes;
}

static void link_large(header *block) {
  block->previous = NULL;
  block->next = memory.newest_large;
  *(block->next != NULL ? &block->next->previous : &memory.oldest_large) = block;
  memory.newest_large = block;
  memory.cached += block->bytes;
}

/// Takes a cached large block that fits with at most an eighth to spare.
static header *take_large(size_t bytes) {
  for (header *block = memory.newest_large; block != NULL; block = block->next) {
    if (block->bytes < bytes || block->bytes - bytes > bytes / 8) continue;
    unlink_large(block);
    return block;
  }
  return NULL;
}

static header *take_small(int class) {
  header *block = memory.free[class];
  if (block == NULL) return NULL;
  memory.free[class] = block->next;
  memory.cached -= block->bytes;
  return block;
}

/// Takes blocks out of the cache, large and old ones first, until at most `allowed` bytes are left in it.
static header *evict(size_t allowed) {
  header *chain = NULL;
  while (memory.cached > allowed && memory.oldest_large != NULL) {
    header *block = memory.oldest_large;
    unlink_large(block);
    block->next = chain;
    chain = block;
  }
  for (int class = CLASSES - 1; class >= 0 && memory.cached > allowed; class--) {
    for (header *block; memory.cached > allowed && (block = take_small(class)) != NULL;) {
      block->next = chain;
      chain = block;
    }
  }
  return chain;
}

/// Books `bytes` as in use unless that would exceed the limit.
static bool book(size_t bytes) {
  if (memory.limit != 0 && (bytes > memory.limit || memory.live > memory.limit - bytes)) return false;
  memory.live += bytes;
  memory.blocks++;
  if (memory.live > memory.peak) memory.peak = memory.live;
  if (memory.live > memory.footprint) memory.footprint = memory.live;
  return true;
}

static void unbook(size_t bytes) {
  memory.live -= bytes;
  memory.blocks--;
}

/// How much may stay in the cache now.
static size_t cache_allowance(void) {
  size_t most = memory.footprint + CACHE_SLACK;
  if (memory.limit != 0 && most > memory.limit) most = memory.limit;
  return most > memory.live ? most - memory.live : 0;
}

// MARK: Allocation

/// Makes a new block whose bytes are booked already; empties the cache before giving up.
static header *new_block(size_t bytes, int class) {
  header *block = system_alloc(bytes);
  if (block == NULL) {
    nnk_trim_cache();
    block = system_alloc(bytes);
  }
  if (block == NULL) {
    nnk_spin_take(&memory.lock);
    unbook(bytes);
    nnk_spin_give(&memory.lock);
    return NULL;
  }
  block->bytes = bytes;
  block->size_class = class;
  return block;
}

void *nnk_block_alloc(size_t bytes) {
  if (bytes > SIZE_MAX / 4) return NULL;
  size_t rounded;
  const int class = size_class(bytes + HEADER_BYTES, &rounded);
  header *evicted = NULL;
  nnk_spin_take(&memory.lock);
  header *block = class == LARGE ? take_large(rounded) : take_small(class);
  if (block != NULL) rounded = block->bytes;
  const bool booked = book(rounded);
  if (block == NULL && booked && memory.cached > 0) evicted = evict(cache_allowance());
  if (block != NULL && !booked) {
    evicted = block;
    block->next = NULL;
  }
  nnk_spin_give(&memory.lock);
  if (evicted != NULL) system_free_all(evicted);
  if (!booked) return NULL;
  if (block == NULL && (block = new_block(rounded, class)) == NULL) return NULL;
  atomic_store_explicit(&block->references, 1, memory_order_relaxed);
  return (char *)block + HEADER_BYTES;
}

/// Puts a block without references into the cache.
static void recycle(header *block) {
  nnk_spin_take(&memory.lock);
  unbook(block->bytes);
  if (block->size_class == LARGE) {
    link_large(block);
  } else {
    block->next = memory.free[block->size_class];
    memory.free[block->size_class] = block;
    memory.cached += block->bytes;
  }
  nnk_spin_give(&memory.lock);
}

void nnk_block_retain(void *block) {
  atomic_fetch_add_explicit(&header_of(block)->references, 1, memory_order_relaxed);
}

void nnk_block_release(void *block) {
  if (block == NULL) return;
  header *head = header_of(block);
  // The only holder needs no atomic decrement: nobody else can retain a block they hold no reference to.
  if (atomic_load_explicit(&head->references, memory_order_acquire) == 1 ||
      atomic_fetch_sub_explicit(&head->references, 1, memory_order_acq_rel) == 1)
    recycle(head);
}

bool nnk_block_is_unique(const void *block) {
  return atomic_load_explicit(&header_of(block)->references, memory_order_acquire) == 1;
}

size_t nnk_block_capacity(const void *block) { return header_of(block)->bytes - HEADER_BYTES; }

// MARK: Figures and limits

nnk_memory nnk_memory_info(void) {
  nnk_spin_take(&memory.lock);
  const nnk_memory info = {.live = memory.live,
                           .peak = memory.peak,
                           .cached = memory.cached,
                           .limit = memory.limit != 0 ? memory.limit : SIZE_MAX,
                           .blocks = memory.blocks};
  nnk_spin_give(&memory.lock);
  return info;
}

void nnk_set_memory_limit(size_t bytes) {
  nnk_spin_take(&memory.lock);
  memory.limit = bytes;
  header *evicted = evict(cache_allowance());
  nnk_spin_give(&memory.lock);
  system_free_all(evicted);
}

void nnk_reset_peak(void) {
  nnk_spin_take(&memory.lock);
  memory.peak = memory.live;
  nnk_spin_give(&memory.lock);
}

void nnk_trim_cache(void) {
  nnk_spin_take(&memory.lock);
  memory.footprint = memory.live;
  header *evicted = evict(0);
  nnk_spin_give(&memory.lock);
  system_free_all(evicted);
}
