// Reads edited lines through readline's callback interface, so that Ctrl-C can end the wait for a key.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "creadline.h"

// Characters that end a word; a member's name begins after the dot.
#define WORD_BREAKS " \t\n\"'`@$><=;|&{}()[]+-*/%,:.?!~^"

static nnrl_completer completer;
static char **candidates;
static size_t candidate_count, candidate_capacity;

static bool is_finished;
static char *finished_line;

void nnrl_set_completer(nnrl_completer new_completer) { completer = new_completer; }

void nnrl_add_candidate(const char *word) {
  if (candidate_count == candidate_capacity) {
    size_t capacity = candidate_capacity ? 2 * candidate_capacity : 32;
    char **grown = realloc(candidates, capacity * sizeof *grown);
    if (!grown) return;
    candidates = grown;
    candidate_capacity = capacity;
  }
  char *copy = strdup(word);
  if (copy) candidates[candidate_count++] = copy;
}

// Hands readline one candidate per call; readline frees each.
static char *next_candidate(const char *text, int state) {
  static size_t next;
  (void)text;
  if (state == 0) next = 0;
  return next < candidate_count ? candidates[next++] : NULL;
}

static char **complete(const char *text, int start, int end) {
  rl_attempted_completion_over = 1;  // never file names
  rl_completion_append_character = '\0';
  if (!completer) return NULL;
  candidate_count = 0;
  completer(rl_line_buffer, start, end);
  return candidate_count ? rl_completion_matches(text, next_candidate) : NULL;
}

// Tab after nothing but white space indents.
static int complete_or_indent(int count, int key) {
  for (int i = 0; i < rl_point; i++) {
    if (rl_line_buffer[i] != ' ' && rl_line_buffer[i] != '\t') return rl_complete(count, key);
  }
  return rl_insert_text("    ");
}

static void on_line(char *line) {
  is_finished = true;
  finished_line = line;
  rl_callback_handler_remove();
}

// Reads one byte. Ctrl-C can take back what made the caller believe that there is one: then it gets one that does nothing.
static int read_key(FILE *stream) {
  for (;;) {
    unsigned char key;
    ssize_t count = read(fileno(stream), &key, 1);
    if (count == 1) return key;
    if (count == 0 || errno != EINTR) return EOF;
    if (nnrl_is_interrupted()) return '\0';
  }
}

// Waits for a key, with Ctrl-C let through only while it waits, so that none comes unseen before; false if one came.
static bool wait_for_key(void) {
  sigset_t interrupts, before;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupts, &before);
  int ready = 0;
  while (ready <= 0 && !nnrl_is_interrupted()) {
    fd_set input;
    FD_ZERO(&input);
    FD_SET(STDIN_FILENO, &input);
    ready = pselect(STDIN_FILENO + 1, &input, NULL, NULL, NULL, &before);
    if (ready < 0 && errno != EINTR) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return !nnrl_is_interrupted();
}

static void prepare(void) {
  static bool is_prepared;
  if (is_prepared) return;
  is_prepared = true;
  rl_readline_name = "nnscript";
  rl_catch_signals = 0;
  rl_getc_function = read_key;
  rl_attempted_completion_function = complete;
  rl_completer_word_break_characters = WORD_BREAKS;
  rl_bind_key('\t', complete_or_indent);
  rl_initialize();
}

// Throws the line away and leaves the terminal as it was found.
static nnrl_outcome give_up(void) {
  nnrl_clear_interrupt();
  fputs("^C\n", stdout);
  fflush(stdout);
#if RL_READLINE_VERSION >= 0x0700
  rl_free_line_state();
  rl_callback_sigcleanup();
#endif
  rl_callback_handler_remove();
  return NNRL_INTERRUPTED;
}

nnrl_outcome nnrl_read_line(const char *prompt, char **line) {
  prepare();
  is_finished = false;
  finished_line = NULL;
  rl_callback_handler_install(prompt, on_line);
  while (!is_finished) {
    if (!wait_for_key()) return give_up();
    rl_callback_read_char();
  }
  *line = finished_line;
  return finished_line ? NNRL_LINE : NNRL_END;
}

void nnrl_load_history(const char *path, int most) {
  using_history();
  stifle_history(most);
#if RL_READLINE_VERSION >= 0x0700
  history_comment_char = '#';  // with time stamps between them, entries of several lines stay whole
  history_write_timestamps = 1;
#endif
  read_history(path);
}

void nnrl_add_history(const char *line) {
  if (!*line) return;
  HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
  if (last && strcmp(last->line, line) == 0) return;
  add_history(line);
}

bool nnrl_save_history(const char *path) { return write_history(path) == 0; }
