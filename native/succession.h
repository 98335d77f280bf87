/* The mappings of a file that has outgrown some: what is done to all of them, and which is the longest (succession.c). */
#ifndef FAULTLESS_SUCCESSION_H
#define FAULTLESS_SUCCESSION_H

#include "mapping.h"

/*
 * fl_act_on for a mapping and for the others of its file, as far as these reach and are open. Returns the first
 * failure, with that of the mapping itself before others. The second leaves the mapping itself out, of which an
 * operation is under way.
 */
int fl_act_on_all(fl_id id, uint64_t offset, uint64_t length, fl_act *act, void *argument);
int fl_act_on_others(struct fl_mapping *mapping, uint64_t offset, uint64_t length, fl_act *act, void *argument);

/* The longest with one handle more, and a reference, if it has `least` bytes; else NULL. */
struct fl_mapping *fl_mapping_attach_longest(const struct fl_mapping *mapping, uint64_t least);

/*
 * What was just made, of which nobody knows as yet, follows a mapping: returns it. But where one of `least` bytes has come
 * meanwhile that is returned, as above, or two threads that follow at once would each have a longest of its own.
 */
struct fl_mapping *fl_mapping_succeed(struct fl_mapping *mapping, fl_id made, uint64_t least);

/* As fl_mapping_known (mapping_table.h), as far as the longest mapping of the file reaches. */
uint64_t fl_mapping_longest_known(const struct fl_mapping *mapping);

/* The last reference is gone, so that it is no longer the longest of its file. */
void fl_mapping_end_succession(struct fl_mapping *mapping);

#endif
