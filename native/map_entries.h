/* What splits mappings asks here first (map_entries.c). */
#ifndef FAULTLESS_MAP_ENTRIES_H
#define FAULTLESS_MAP_ENTRIES_H

#include <stdint.h>

/*
 * 0 where the process's map may have so many entries more, or nobody can count those that it has; -ENOMEM where it is half
 * full. What was claimed and not taken comes back by itself. Any thread; now and then reads /proc/self/maps, which takes some
 * ms for thousands of entries.
 */
int fl_map_entries_claim(uint64_t more);

/* The same for whoever claims for thousands of places in turn, and need not have it: a refusal holds for a while. */
int fl_map_entries_claim_again(uint64_t more);

#endif
