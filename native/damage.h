/*
 * Which pages of a mapping are damaged, as they were replaced by zeros: a bit for each. The guard, refresh, the mirror and
 * the verdict on an operation ask and tell. Nothing here takes a lock, allocates or sets errno but fl_next_damage of the
 * core's face, so signal handlers may call it. Pages are counted from the mapping's first.
 */
#ifndef FAULTLESS_DAMAGE_H
#define FAULTLESS_DAMAGE_H

#include "mapping.h"

/* Bytes of memory for the bits of a range. */
size_t fl_damage_span(size_t span);

/* The pages [first, end) are damaged, or no longer. Whoever marks them has the mirror forget them: fl_guard_mark. */
void fl_damage_mark(struct fl_mapping *mapping, size_t first, size_t end);
void fl_damage_unmark(struct fl_mapping *mapping, size_t first, size_t end);
bool fl_damage_is_marked(const struct fl_mapping *mapping, size_t page);

/* The first that is marked of the pages [page, end), or `end`. */
size_t fl_damage_next(const struct fl_mapping *mapping, size_t page, size_t end);

/* Behind the last one that is marked of the pages [least, page), or `least`. */
size_t fl_damage_behind_last(const struct fl_mapping *mapping, size_t least, size_t page);

/* Whether some page of the operation's is marked. */
bool fl_damage_is_in(const struct fl_operation *op);

/* The first run at or after `from` of pages that are damaged and not in `seen` (which may be NULL). */
bool fl_damage_next_run(const struct fl_mapping *mapping, const uint64_t *seen, size_t from, struct fl_run *run);

#endif
