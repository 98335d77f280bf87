/* The table of ids: see table.h. */
#include "table.h"
#include <stdlib.h>
#include <string.h>

/* Generations end below 2^32, so ids stay below 2^52. An entry that used them all up is never given out again. */
static fl_id make_id(const struct fl_entry *entry) {
  return ((fl_id)entry->generation << FL_INDEX_BITS) | entry->index;
}

void *fl_table_at(struct fl_table *table, uint32_t index) {
  unsigned char *chunk = atomic_load_explicit(&table->chunks[index >> FL_CHUNK_BITS], memory_order_acquire);
  return chunk + (size_t)(index & (FL_CHUNK_ENTRIES - 1)) * table->entry_size;
}

/* The next entry that never had a tenant. The chunk is published before `used` says that it is there. */
static struct fl_entry *grow(struct fl_table *table) {
  uint32_t index = atomic_load_explicit(&table->used, memory_order_relaxed);
  uint32_t chunk = index >> FL_CHUNK_BITS;
  if (chunk >= FL_CHUNKS)
    return NULL;
  if ((index & (FL_CHUNK_ENTRIES - 1)) == 0) {
    unsigned char *memory = calloc(FL_CHUNK_ENTRIES, table->entry_size);
    if (memory == NULL)
      return NULL;
    atomic_store_explicit(&table->chunks[chunk], memory, memory_order_release);
  }
  struct fl_entry *entry = fl_table_at(table, index);
  entry->index = index;
  atomic_store_explicit(&table->used, index + 1, memory_order_release);
  return entry;
}

void *fl_table_insert(struct fl_table *table) {
  pthread_mutex_lock(&table->lock);
  struct fl_entry *entry = table->free_list;
  if (entry != NULL)
    table->free_list = entry->next_free;
  else
    entry = grow(table);
  if (entry != NULL) {
    entry->generation++;
    entry->id = make_id(entry);
    entry->refs = 1;
    table->live++;
  }
  pthread_mutex_unlock(&table->lock);
  return entry;
}

void *fl_table_acquire_locked(struct fl_table *table, fl_id id) {
  uint32_t index = (uint32_t)(id & ((1u << FL_INDEX_BITS) - 1));
  if (id == 0 || index >= atomic_load_explicit(&table->used, memory_order_acquire))
    return NULL;
  struct fl_entry *entry = fl_table_at(table, index);
  if (entry->id != id || entry->refs == 0)
    return NULL;
  entry->refs++;
  return entry;
}

void *fl_table_acquire(struct fl_table *table, fl_id id) {
  pthread_mutex_lock(&table->lock);
  void *entry = fl_table_acquire_locked(table, id);
  pthread_mutex_unlock(&table->lock);
  return entry;
}

bool fl_table_release(struct fl_table *table, void *item) {
  struct fl_entry *entry = item;
  pthread_mutex_lock(&table->lock);
  bool last = --entry->refs == 0;
  pthread_mutex_unlock(&table->lock);
  return last;
}

void fl_table_remove(struct fl_table *table, void *item) {
  struct fl_entry *entry = item;
  pthread_mutex_lock(&table->lock);
  entry->id = 0;
  table->live--;
  if (entry->generation != UINT32_MAX) {
    entry->next_free = table->free_list;
    table->free_list = entry;
  }
  pthread_mutex_unlock(&table->lock);
}
