/* What pins.c asks of pinned_pages.c; the rest of the core asks by mapping.h. All with the lock of the mapping's pins held. */
#ifndef FAULTLESS_PINNED_PAGES_H
#define FAULTLESS_PINNED_PAGES_H

#include "mapping.h"

void *fl_pinned_address(const struct fl_mapping *mapping, size_t page);

/* Before pages are held for the first time, and when none will be any more. */
int fl_pinned_open_window(struct fl_mapping *mapping);
void fl_pinned_close_window(struct fl_mapping *mapping);

/* One pin more holds the pages [first, end): 0, -FL_PIN_LIMIT, -ENOMEM or another errno; then none is held that was not. */
int fl_pinned_hold(struct fl_mapping *mapping, size_t first, size_t end);

/* One pin less does. */
void fl_pinned_drop(struct fl_mapping *mapping, size_t first, size_t end);

/*
 * The end of all at once: no pin counts any more; nothing is known of the pages that one has held, of which alone the counts
 * are written to, as those of a large file are GiB; and nothing is locked.
 */
void fl_pinned_count_none(struct fl_mapping *mapping);
void fl_pinned_forget_range(struct fl_mapping *mapping, size_t first, size_t end);
void fl_pinned_unlock_all(struct fl_mapping *mapping);

/* Of all mappings. */
uint64_t fl_pinned_bytes(void);

#endif
