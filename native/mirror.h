/*
 * What the two halves of the residency mirror share: mirror.c, which writes to it, and mirror_thread.c, which says when.
 */
#ifndef FAULTLESS_MIRROR_H
#define FAULTLESS_MIRROR_H

#include "mapping.h"

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

/* mirror_thread.c: has the thread look after a mirror that sleeps; what was known before is then no longer believed. */
void fl_mirror_attend(struct fl_mapping *mapping);

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
