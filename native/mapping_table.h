/* The table of all mappings, who holds them there, and the steps from nothing to a mapping and back (mapping*.c). */
#ifndef FAULTLESS_MAPPING_TABLE_H
#define FAULTLESS_MAPPING_TABLE_H

#include "mapping.h"

extern struct fl_table fl_mappings;
extern pthread_cond_t fl_operation_ended; /* with the table's lock */

/* The mapping whose range holds an address, or NULL. Takes no lock: the guard's signal handler calls it. */
struct fl_mapping *fl_mapping_at(uintptr_t address);

/* One reference less, and what comes of that. The second is called with the table's lock held, and gives it up. */
void fl_mapping_put(struct fl_mapping *m);
void fl_mapping_put_locked(struct fl_mapping *m);

/* What the table calls, which does not know how mappings end. */
struct fl_mapping_ends {
  void (*discard)(struct fl_mapping *m); /* the last reference is gone */
  void (*finish_closing)(void *m);       /* on the reaper's thread: nobody else closes it; takes a reference */
};

/* mapping_end.c: how they do; a failure to make one leaves behind what `discard` gives back. */
extern const struct fl_mapping_ends fl_mapping_ends;

/* mapping_setup.c: an entry of the table becomes what is requested, of which nothing is there yet. */
void fl_mapping_init(struct fl_mapping *m, const struct fl_map_request *request);

/*
 * mapping_setup.c: maps it: into a range of its own; into memory of somebody else's, of which this takes hold and no
 * more; or over a buffer that the caller has, with memory for its mirror or NULL. 0, or what fl_mapping_create_in
 * returns; what a failure leaves behind is named by `m` (see fl_mapping_ends).
 */
int fl_mapping_map(struct fl_mapping *m, const struct fl_map_request *request);
int fl_mapping_borrow(struct fl_mapping *m, const struct fl_map_request *request, void *address);
int fl_mapping_map_over(struct fl_mapping *m, const struct fl_map_request *request, void *address, void *mirror);

/* Bytes of the file from where the mapping begins, as far as it reaches, as they were last known. */
static inline uint64_t fl_mapping_known(const struct fl_mapping *mapping) {
  uint64_t known_end = atomic_load(&mapping->known_end);
  return known_end <= mapping->lead ? 0 : known_end - mapping->lead;
}

/* mapping.c: all but the reference that whoever asks has. */
void fl_mapping_describe(const struct fl_mapping *mapping, struct fl_map_info *info);

#endif
