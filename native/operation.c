/* The bracket around every operation on a mapping. Bounds and page alignment live here. */
#include "guard.h"
#include "mapping_table.h"
#include "os.h"
#include <errno.h>

static void set_range(struct fl_operation *op, struct fl_mapping *m, uint64_t offset, uint64_t length) {
  op->mapping = m;
  op->refreshes = atomic_load(&m->refreshes);
  uint64_t start = m->lead + offset;
  uint64_t first = fl_page_floor(start);
  op->data = (unsigned char *)(m->base + start);
  op->base = (void *)(m->base + first);
  op->span = length == 0 ? 0 : fl_page_ceil(start + length) - first;
  op->file_offset = m->file_offset + first;
  op->file_end = length == 0 ? 0 : m->file_offset + start + length;
}

/* Whether an operation may begin on a range: with the table's lock held. */
static int admit(const struct fl_mapping *m, uint64_t offset, uint64_t length) {
  if (m == NULL || atomic_load(&m->closed))
    return -FL_CLOSED;
  return offset > m->length || length > m->length - offset ? -ERANGE : 0;
}

int fl_operation_begin(struct fl_operation *op, fl_id id, uint64_t offset, uint64_t length) {
  pthread_mutex_lock(&fl_mappings.lock); /* once: every touch comes through here */
  struct fl_mapping *m = fl_table_acquire_locked(&fl_mappings, id);
  int result = admit(m, offset, length);
  if (result == 0)
    m->running++;
  else if (m != NULL)
    m->entry.refs--; /* never the last: it has been found, and the lock was held since */
  pthread_mutex_unlock(&fl_mappings.lock);
  if (result == 0)
    set_range(op, m, offset, length);
  return result;
}

bool fl_operation_begin_next(struct fl_operation *op, uint32_t *index) {
  while (*index < atomic_load_explicit(&fl_mappings.used, memory_order_acquire)) {
    struct fl_mapping *m = fl_table_at(&fl_mappings, (*index)++);
    if (!atomic_load(&m->mirror.awake))
      continue;
    /* Once more under the lock: the entry may have a new tenant by now, which is still being set up. */
    pthread_mutex_lock(&fl_mappings.lock);
    fl_id id = atomic_load(&m->mirror.awake) ? m->entry.id : 0;
    pthread_mutex_unlock(&fl_mappings.lock);
    if (fl_operation_begin(op, id, 0, 0) < 0)
      continue;
    if (atomic_load(&op->mapping->mirror.awake))
      return true;
    fl_operation_end(op, 0);
  }
  return false;
}

int fl_operation_end(struct fl_operation *op, int result) {
  struct fl_mapping *m = op->mapping;
  pthread_mutex_lock(&fl_mappings.lock);
  bool closed = atomic_load(&m->closed);
  if (--m->running == 0 && closed)
    pthread_cond_broadcast(&fl_operation_ended);
  fl_mapping_put_locked(m);
  return closed ? -FL_CLOSED : result;
}

int fl_act_on(fl_id id, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  struct fl_operation op;
  int result;
  do {
    result = fl_operation_begin(&op, id, offset, length);
    if (result == 0)
      result = fl_operation_end(&op, act(&op, argument));
  } while (result == -FL_MAPPED_ANEW);
  return result;
}
