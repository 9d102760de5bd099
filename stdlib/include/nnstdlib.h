// The language's own library, embedded as text.
#ifndef NNSTDLIB_H
#define NNSTDLIB_H

/// Number of embedded library files.
int nnstdlib_count(void);

/// Text of embedded file `index` (UTF-8, not terminated); sets its name (without `.nn`) and length in bytes.
const char *nnstdlib_file(int index, const char **name, int *length);

#endif
