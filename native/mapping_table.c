/*
 * The process-wide table of mappings, and who holds them there by counted references. What comes when nobody does is for
 * `ends` of each mapping: the table is below all that takes part in it.
 */
#include "mapping_table.h"
#include "reaper.h"

struct fl_table fl_mappings = FL_TABLE_INIT(struct fl_mapping);
pthread_cond_t fl_operation_ended = PTHREAD_COND_INITIALIZER;

struct fl_mapping *fl_mapping_at(uintptr_t address) {
  uint32_t used = atomic_load_explicit(&fl_mappings.used, memory_order_acquire);
  for (uint32_t i = 0; i < used; i++) {
    struct fl_mapping *m = fl_table_at(&fl_mappings, i);
    uintptr_t base = atomic_load(&m->base);
    size_t span = atomic_load(&m->span);
    /* The second look at `base` tells that `span` was not yet the next tenant's. */
    if (base != 0 && address >= base && address - base < span && atomic_load(&m->base) == base)
      return m;
  }
  return NULL;
}

/*
 * With the lock held: whether nobody but what has followed it holds a mapping that is open, so that its memory cannot be in
 * use. What refused to be closed says that it is: that is tried no second time, or it would be for ever.
 */
static bool is_forsaken(const struct fl_mapping *m) {
  bool is_held = m->handles > 0 || m->holders > 0 || m->running > 0 || m->entry.refs != m->successors;
  return !is_held && !atomic_load(&m->closed) && m->fd >= 0;
}

/* With the lock as well: whether it is to be closed now, as nobody else will; then there is a reference for whoever does. */
static bool is_to_be_closed(struct fl_mapping *m) {
  if (m->abandoned && m->running == 0) { /* whoever gave it up left the reference */
    m->abandoned = false;
    return true;
  }
  bool forsaken = is_forsaken(m);
  if (forsaken) {
    m->entry.refs++;
    m->is_left = m->closing = true;
    atomic_store(&m->closed, true);
  }
  return forsaken;
}

void fl_mapping_put_locked(struct fl_mapping *m) {
  bool last = --m->entry.refs == 0;
  bool closes = !last && is_to_be_closed(m);
  pthread_mutex_unlock(&fl_mappings.lock);
  if (last)
    m->ends->discard(m);
  else if (closes)
    fl_reap_by(m->ends->finish_closing, m);
}

void fl_mapping_put(struct fl_mapping *m) {
  pthread_mutex_lock(&fl_mappings.lock);
  fl_mapping_put_locked(m);
}

int fl_mapping_retain(fl_id id) { return fl_table_acquire(&fl_mappings, id) == NULL ? -FL_CLOSED : 0; }

void fl_mapping_release(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return;
  fl_table_release(&fl_mappings, m); /* never the last: the one to be released is still there */
  fl_mapping_put(m);
}

size_t fl_mapping_count(void) {
  pthread_mutex_lock(&fl_mappings.lock);
  size_t live = fl_mappings.live;
  pthread_mutex_unlock(&fl_mappings.lock);
  return live;
}
