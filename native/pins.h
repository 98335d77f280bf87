/*
 * Which pages of a mapping pins hold, and how they stay in memory: pins.c has the pins, pin_counts.c tells for each page how
 * many hold it, and pinned_pages.c locks and unlocks them.
 */
#ifndef FAULTLESS_PINS_H
#define FAULTLESS_PINS_H

#include "mapping.h"

/* --- pins.c ------------------------------------------------------------------------------------------------------- */

/* There are none yet. */
void fl_pins_init(struct fl_pins *pins);

/*
 * Has all pinned pages in memory again: of a file that was cut and has grown again, those are gone of which nobody saw
 * that; and Windows unlocks what lies beside pages that are mapped anew, as it takes a view away and puts it back as a
 * whole.
 */
int fl_pins_come_back(struct fl_mapping *mapping);

/* Ends all pins of a mapping that is closed, and unlocks their pages. */
void fl_pins_close(struct fl_mapping *mapping);

/* Ends all pins of a mapping that is gone, whose pages are unlocked with it. */
void fl_pins_discard(struct fl_mapping *mapping);

/* --- pin_counts.c; none takes a lock ------------------------------------------------------------------------------ */

/* Bytes of memory that the counts of a range of `span` bytes take. */
size_t fl_pins_span(size_t span);

/* Whether a page of the mapping is locked, by any pin or still. */
bool fl_pins_hold(const struct fl_mapping *mapping, size_t page);

/* The first page of [page, end) that is held, or is not; `end` where there is none. */
size_t fl_pins_next(const struct fl_mapping *mapping, size_t page, size_t end, bool held);

/* The first run of the pages [from, end) that are held, or are not: false where there is none. */
bool fl_pins_next_run(const struct fl_mapping *mapping, size_t from, size_t end, bool held, struct fl_run *run);

/* Whether some page of the operation's is held, and whether all are. */
bool fl_pins_hold_some(const struct fl_operation *op);
bool fl_pins_hold_all(const struct fl_operation *op);

/* --- pinned_pages.c ----------------------------------------------------------------------------------------------- */

/* The pages [first, end) were mapped anew: locks those that are held, and makes them resident. */
int fl_pins_lock_again(struct fl_mapping *mapping, size_t first, size_t end);

/* --- pinned_pages.c, for pins.c alone, with the lock of the mapping's pins held ----------------------------------- */

/* Before pages are held for the first time, and when none will be any more. */
int fl_pinned_open_window(struct fl_mapping *mapping);
void fl_pinned_close_window(struct fl_mapping *mapping);

/* One pin more holds the pages [first, end): 0, -FL_PIN_LIMIT, -ENOMEM or another errno; then none is held that was not. */
int fl_pinned_hold(struct fl_mapping *mapping, size_t first, size_t end);

/* One pin less does. */
void fl_pinned_drop(struct fl_mapping *mapping, size_t first, size_t end);

/*
 * The end of all at once: no pin counts any more; nothing is known of the pages that one has held, of which alone the
 * counts are written to, as those of a large file are GiB; and nothing is locked.
 */
void fl_pinned_count_none(struct fl_mapping *mapping);
void fl_pinned_forget_range(struct fl_mapping *mapping, size_t first, size_t end);
void fl_pinned_unlock_all(struct fl_mapping *mapping);

/* Of all mappings. */
uint64_t fl_pinned_bytes(void);

#endif
