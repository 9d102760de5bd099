// Ctrl-C as a flag that the interpreter looks at.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "creadline.h"

static void (*notify)(void *);
static void *notify_context;
static pthread_t watcher;
static bool is_interrupted;

static void on_interrupt(int signal) {
  int saved = errno;
  if (!pthread_equal(pthread_self(), watcher)) {
    pthread_kill(watcher, signal);  // so that a call the watcher waits in returns
  } else if (__atomic_exchange_n(&is_interrupted, true, __ATOMIC_RELAXED)) {
    _exit(130);
  } else {
    notify(notify_context);
  }
  errno = saved;
}

void nnrl_watch_interrupts(void (*new_notify)(void *), void *context) {
  notify = new_notify;
  notify_context = context;
  watcher = pthread_self();
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_interrupt;  // without SA_RESTART: a waiting read returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &interrupts, NULL);  // whoever started us may have blocked it
}

bool nnrl_is_interrupted(void) { return __atomic_load_n(&is_interrupted, __ATOMIC_RELAXED); }

void nnrl_clear_interrupt(void) { __atomic_store_n(&is_interrupted, false, __ATOMIC_RELAXED); }
