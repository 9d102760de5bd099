// A small C door to GNU readline and to Ctrl-C, whose hooks are C globals and signal handlers.
#ifndef CREADLINE_H
#define CREADLINE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

// Reading a line ----------------------------------------------------------------------------------------------------

/// How the editing of a line came to its end.
typedef enum nnrl_outcome {
  NNRL_LINE,        // Return: there is a line
  NNRL_END,         // Ctrl-D on an empty line, or the input ended
  NNRL_INTERRUPTED  // Ctrl-C: the line was thrown away
} nnrl_outcome;

/// Lets the user edit one line on the terminal. On NNRL_LINE `*line` is the text, to be released with `free`.
/// Must be called by one thread only, after nnrl_watch_interrupts; takes the interrupt it ends with.
nnrl_outcome nnrl_read_line(const char *prompt, char **line);

/// Names that could stand at `start` of `line` for what is typed up to `end` (byte offsets); reports each with
/// nnrl_add_candidate.
typedef void (*nnrl_completer)(const char *line, int start, int end);

/// Sets who completes names when Tab is pressed.
void nnrl_set_completer(nnrl_completer completer);

/// Adds a whole word as a candidate; only inside a completer's call.
void nnrl_add_candidate(const char *word);

// History -----------------------------------------------------------------------------------------------------------

/// Reads the history file, if there is one, and keeps at most `most` lines from now on.
void nnrl_load_history(const char *path, int most);

/// Adds a line, unless it is empty or the same as the last one.
void nnrl_add_history(const char *line);

/// Writes the history file; false when it cannot be written.
bool nnrl_save_history(const char *path);

// Ctrl-C ------------------------------------------------------------------------------------------------------------

/// From now on Ctrl-C (SIGINT) counts as an interrupt instead of ending the process: it calls `notify` with `context`
/// (inside the signal handler, so it may only set atomics) and ends what the calling thread waits for. A second one
/// before the first is taken back ends the process with status 130.
void nnrl_watch_interrupts(void (*notify)(void *), void *context);

/// Whether Ctrl-C was pressed and not yet taken back.
bool nnrl_is_interrupted(void);

/// Takes the interrupt back.
void nnrl_clear_interrupt(void);

#ifdef __cplusplus
}
#endif
#endif
