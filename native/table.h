/*
 * Ids with counted references: the table that mappings, transfers, pins and waits share.
 *
 * Entries live in chunks that are never freed, so a signal handler may walk them while others come and go. An id
 * holds its entry's index and a generation, so an id that is gone never names the entry's next tenant.
 */
#ifndef FAULTLESS_TABLE_H
#define FAULTLESS_TABLE_H

#include "faultless.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
  FL_CHUNK_BITS = 8,
  FL_CHUNK_ENTRIES = 1 << FL_CHUNK_BITS,
  FL_CHUNKS = 4096, /* 2^20 entries; Linux allows 65,530 mappings by default (vm.max_map_count) */
  FL_INDEX_BITS = 20
};

/* The first member of every entry. */
struct fl_entry {
  fl_id id;            /* 0 while the entry is free */
  uint32_t generation; /* of the current tenant */
  uint32_t index;
  uint32_t refs;
  struct fl_entry *next_free;
};

struct fl_table {
  pthread_mutex_t lock; /* guards everything in the entries' heads and the fields below, but for the two atomics */
  size_t entry_size;
  struct fl_entry *free_list;
  size_t live;
  _Atomic uint32_t used; /* entries that ever had a tenant: what fl_table_at may be asked for */
  _Atomic(unsigned char *) chunks[FL_CHUNKS];
};

#define FL_TABLE_INIT(type)                                                                                            \
  { .lock = PTHREAD_MUTEX_INITIALIZER, .entry_size = sizeof(type) }

/*
 * An entry with a new id and one reference; NULL when memory or ids ran out. What lies behind its head is zeros at the first
 * tenancy, and else what the last tenant left there: one that reads it without a reference must never see it half made.
 */
void *fl_table_insert(struct fl_table *table);

/* The entry with one reference more; NULL when the id is gone. The second: for whoever holds the table's lock. */
void *fl_table_acquire(struct fl_table *table, fl_id id);
void *fl_table_acquire_locked(struct fl_table *table, fl_id id);

/* One reference less: true when it was the last; the caller then cleans up and calls fl_table_remove. */
bool fl_table_release(struct fl_table *table, void *entry);

/* Ends the tenancy of an entry that has no references left. */
void fl_table_remove(struct fl_table *table, void *entry);

/* The entry at an index below `used`, free or not. Takes no lock. */
void *fl_table_at(struct fl_table *table, uint32_t index);

#endif
