// Memory from the system, aligned for huge pages, and each thread's scratch memory.
#if defined(__linux__)
#define _GNU_SOURCE
#endif
#include "pages.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "scratch.h"

void *nnk_map_pages(size_t bytes) {
  const size_t total = bytes + NNK_HUGE_PAGE;
  char *start = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (start == MAP_FAILED) return NULL;
  char *aligned = (char *)(((uintptr_t)start + NNK_HUGE_PAGE - 1) & ~(uintptr_t)(NNK_HUGE_PAGE - 1));
  if (aligned > start) munmap(start, (size_t)(aligned - start));
  const size_t behind = (size_t)(start + total - (aligned + bytes));
  if (behind > 0) munmap(aligned + bytes, behind);
#if defined(MADV_HUGEPAGE)
  madvise(aligned, bytes, MADV_HUGEPAGE);
#endif
  return aligned;
}

void nnk_unmap_pages(void *pages, size_t bytes) { munmap(pages, bytes); }

// MARK: Scratch

static _Thread_local void *thread_scratch;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static pthread_key_t scratch_key;

static void free_scratch(void *pages) { nnk_unmap_pages(pages, NNK_SCRATCH_BYTES); }

static void make_scratch_key(void) { pthread_key_create(&scratch_key, free_scratch); }

/// Makes this thread's scratch memory, freed when the thread ends.
static void *make_scratch(void) {
  void *pages = nnk_map_pages(NNK_SCRATCH_BYTES);
  if (pages == NULL) {
    fputs("nnscript: no memory for a thread's 4 MiB of scratch space\n", stderr);
    abort();
  }
  pthread_once(&scratch_once, make_scratch_key);
  pthread_setspecific(scratch_key, pages);
  return thread_scratch = pages;
}

void *nnk_scratch(void) {
  void *pages = thread_scratch;
  return __builtin_expect(pages != NULL, 1) ? pages : make_scratch();
}
