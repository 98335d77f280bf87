/* The residency mirror of a mapping: mirror.c, which writes to it, and mirror_thread.c, which says when. */
#ifndef FAULTLESS_MIRROR_H
#define FAULTLESS_MIRROR_H

#include "mapping.h"

/* --- mirror.c: what the rest of the core tells and asks ----------------------------------------------------------- */

/* There is none yet. */
void fl_mirror_init(struct fl_mirror *mirror);

/*
 * Makes the mirror of a range of `span` bytes: false where there is no memory for it. It takes fl_mirror_span() bytes,
 * of `memory` where that is not NULL. Where the freshness is less than a millisecond, nothing is ever written to it but
 * which pages are pinned.
 */
bool fl_mirror_create(struct fl_mirror *mirror, size_t span, int64_t freshness_ns, void *memory);
size_t fl_mirror_span(size_t span);

/* Whether anybody may have stored into the memory of a mapping that is copy-on-write. */
bool fl_mirror_is_shown(const struct fl_mirror *mirror);

/* These pages are no longer held by any pin, but in memory as of now. */
void fl_mirror_unpin(struct fl_mapping *mapping, size_t first_page, size_t pages);

/* Nothing is known of these pages any more. The first is for signal handlers as well; the second spares pins. */
void fl_mirror_forget(struct fl_mapping *mapping, size_t first_page, size_t pages);
void fl_mirror_forget_range(const struct fl_operation *op);

/* The same for all pages from one on. */
void fl_mirror_forget_from(struct fl_mapping *mapping, size_t first_page);

/* --- mirror_thread.c ---------------------------------------------------------------------------------------------- */

/* The pages of the range are in memory as of now: so it is written, and the mirror is looked after from then on. */
void fl_mirror_mark(const struct fl_operation *op);

/* A mirror, of a mapping that was closed or is gone, is not to be waited for any more. */
void fl_mirror_note_end(void);

/* --- what the two share ------------------------------------------------------------------------------------------- */

enum {
  MIRROR_RUN = 4 /* blocks that fl_mirror_refresh asks about at most */
};

typedef _Atomic(uint8_t) mirror_entry;

static inline mirror_entry *mirror_entries(const struct fl_mirror *mirror) { return mirror->memory + FL_MIRROR_PAGES; }
static inline mirror_entry *mirror_used(const struct fl_mirror *mirror) {
  return mirror_entries(mirror) + mirror->pages;
}
/* Blocks in which any entry may stand: so that a sparse mapping of hundreds of GiB is aged in no time. */
static inline mirror_entry *mirror_live(const struct fl_mirror *mirror) { return mirror_used(mirror) + mirror->blocks; }

static inline uint8_t mirror_get(mirror_entry *at) { return atomic_load_explicit(at, memory_order_relaxed); }
static inline void mirror_set(mirror_entry *at, uint8_t value) {
  atomic_store_explicit(at, value, memory_order_relaxed);
}

/* mirror.c, for the thread: writes that the pages of the range are in memory as of now. */
void fl_mirror_know(const struct fl_operation *op);

/* mirror.c, for the thread: so many epochs have gone by. */
void fl_mirror_advance(struct fl_mirror *mirror, unsigned epochs);

/* mirror.c, for the thread: asks the kernel about so many blocks in a row. */
void fl_mirror_refresh(const struct fl_operation *op, size_t block, size_t blocks);

/* mirror.c, for the thread: forgets what has grown too old, before its epoch comes round. */
void fl_mirror_age(struct fl_mirror *mirror);

/*
 * mirror.c, for the thread: counts changes of the file, for readers that remember what they learnt of it, and forgets
 * pages that were cut off: one of which the file lost a part stays in memory, with zeros.
 */
void fl_mirror_look_at_file(struct fl_mapping *mapping);

#endif
