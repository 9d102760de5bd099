// Memory straight from the system, aligned and marked for huge pages.
#ifndef NNK_PAGES_H
#define NNK_PAGES_H

#include <stddef.h>

enum { NNK_HUGE_PAGE = 2 << 20 };

/// Zeroed pages aligned to NNK_HUGE_PAGE; NULL when there are none. `bytes` is a multiple of the page size.
void *nnk_map_pages(size_t bytes);
/// Gives back what `nnk_map_pages` returned.
void nnk_unmap_pages(void *pages, size_t bytes);

#endif
