// How much of the calling thread's stack is left, for recursion that must end in an error and not in a crash.
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "nnkernels.h"

#include <pthread.h>
#include <stdint.h>

static _Thread_local uintptr_t lowest;

#if defined(__APPLE__)
static uintptr_t find_lowest(void) {
  pthread_t self = pthread_self();
  return (uintptr_t)pthread_get_stackaddr_np(self) - pthread_get_stacksize_np(self);
}
#else
static uintptr_t find_lowest(void) {
  pthread_attr_t attributes;
  void *address = NULL;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 1;
  pthread_attr_getstack(&attributes, &address, &size);
  pthread_attr_destroy(&attributes);
  return (uintptr_t)address;
}
#endif

size_t nnk_stack_room(void) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (lowest == 0) lowest = find_lowest();
  return here > lowest ? here - lowest : 0;
}
