/*
 * The pages of a range: making them resident, asking whether they are, advice, and writing them back, as files of the
 * core ask it of each other.
 */
#ifndef FAULTLESS_PAGES_H
#define FAULTLESS_PAGES_H

#include "mapping.h"

/*
 * Whether the kernel tells residency of this file. Asked once a mapping, by whoever needs it first; two threads that ask at
 * once get the same answer.
 */
static inline bool fl_residency_is_honest(struct fl_mapping *mapping) {
  int honest = atomic_load(&mapping->honest);
  if (honest < 0) {
    honest = fl_os_residency_is_honest(mapping->fd);
    atomic_store(&mapping->honest, honest);
  }
  return honest == 1;
}

/*
 * populate.c: makes the pages of the range resident. 0 says nothing of what they hold: that is for the verdict
 * (guard.h), which comes after whatever was done with them.
 */
int fl_load_pages(const struct fl_operation *op);

/*
 * read_policy.c: widens the pages of an operation that only prefetches to what is to be read along with them, within
 * the mapping: its `base`, `span` and `file_offset`.
 */
void fl_widen_by_advice(struct fl_operation *op);

/* blocks.c: long ranges of the mapping are read in blocks from now on, where that is possible; and whether they are. */
void fl_blocks_use(struct fl_mapping *mapping);
bool fl_blocks_are_used(const struct fl_mapping *mapping);

/*
 * blocks.c: asks for what the range needs of the device, but for whole blocks; and reads those, waiting. All of that is
 * advice: what cannot be read shows when the range is populated.
 */
void fl_blocks_prefetch(const struct fl_operation *op);
void fl_blocks_read(const struct fl_operation *op);

/*
 * advice.c: FL_NORMAL, FL_RANDOM, FL_SEQUENTIAL or FL_HUGEPAGE for the range in this mapping alone, or for all of that.
 */
int fl_advise_on_access(const struct fl_operation *op, bool whole, enum fl_advice advice);

/*
 * write_back.c: has `write` wait until what was stored in the range is on the device; fl_mapping.write_error is the
 * first error of this or of any such call that had not ended when this one did. Returns what `write` did.
 */
int fl_write_back(const struct fl_operation *op, int (*write)(const struct fl_operation *op));

#endif
