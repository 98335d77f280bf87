/* How mappings end: who closes them, and when; what closing comes to; and what is left when nobody holds one any more. */
#include "damage.h"
#include "guard.h"
#include "mapping_table.h"
#include "mirror.h"
#include "os.h"
#include "pins.h"
#include "reaper.h"
#include "succession.h"
#include "waiter.h"

/* Hides a range that goes back to whoever lent it. After it no handler that was under way maps anything there. */
static void return_borrowed(struct fl_mapping *m) {
  uintptr_t base = atomic_load(&m->base);
  if (base != 0)
    fl_overlay_note_end(base, m->span);
  atomic_store(&m->base, 0);
  fl_guard_await_handlers(m);
}

/* The last reference is gone: hides the range from the guard, frees the entry, gives the rest to the reaper. */
static void discard(struct fl_mapping *m) {
  struct fl_mapping *outgrown = m->outgrown;
  fl_mapping_end_succession(m);
  if (m->borrowed)
    return_borrowed(m);
  struct fl_remains remains = {.span = atomic_load(&m->span), .damage = (void *)m->damage, .fd = m->fd};
  remains.base = (void *)atomic_exchange(&m->base, 0);
  remains.damage_span = remains.damage == NULL ? 0 : fl_damage_span(remains.span);
  remains.mirror = m->fills_buffer ? NULL : (void *)m->mirror.memory;
  remains.mirror_span = remains.mirror == NULL ? 0 : fl_mirror_span(remains.span);
  remains.pins = (void *)atomic_load(&m->pins.counts);
  remains.pins_span = remains.pins == NULL ? 0 : fl_pins_span(remains.span);
  fl_pins_discard(m);
  fl_guard_count_alone(m, 0);
  bool was_awake = atomic_exchange(&m->mirror.awake, false);
  fl_window_drop(m);
  pthread_mutex_destroy(&m->writing); /* operations alone take the two, and each has a reference */
  pthread_mutex_destroy(&m->refreshing);
  fl_table_remove(&fl_mappings, m);
  if (was_awake)
    fl_mirror_note_end();
  fl_reap(&remains);
  if (outgrown != NULL)
    fl_mapping_put(outgrown);
}

/* Marks it closed and waits until no operation uses its descriptor. False where somebody else has closed it. */
static bool close_to_operations(struct fl_mapping *m) {
  pthread_mutex_lock(&fl_mappings.lock);
  atomic_store(&m->closed, true);
  while (m->closing || m->running > 0)
    pthread_cond_wait(&fl_operation_ended, &fl_mappings.lock);
  m->closing = m->fd >= 0;
  bool mine = m->closing;
  pthread_mutex_unlock(&fl_mappings.lock);
  return mine;
}

/* Leaves zeros in borrowed memory, writable as it came; where the system refuses, this may be tried again. */
static int give_back(struct fl_mapping *m, void *base) {
  int result = 0;
  if (m->laid) {
    fl_os_drop_entries(base, m->span);
    result = m->fills_buffer ? fl_os_map_zeros(base, m->span) : fl_os_map_writable_zeros(base, m->span);
  }
  if (result == 0)
    return_borrowed(m);
  return result;
}

static int lay_zeros(struct fl_mapping *m) {
  void *base = (void *)atomic_load(&m->base);
  if (base == NULL)
    return 0;
  fl_pins_close(m);
  if (m->borrowed)
    return give_back(m, base);
  fl_os_drop_entries(base, m->span);
  return fl_os_map_zeros(base, m->span);
}

/* What closing comes to, once no operation runs any more. */
static int finish_closing(struct fl_mapping *m) {
  fl_waits_end(m->entry.id);
  fl_window_drop(m);
  int result = lay_zeros(m);
  if (result == 0) { /* else it can be tried again */
    fl_os_close(atomic_exchange(&m->fd, -1));
    fl_guard_count_alone(m, 0); /* its memory is one range of zeros */
  }
  if (atomic_load(&m->mirror.awake))
    fl_mirror_note_end();
  pthread_mutex_lock(&fl_mappings.lock);
  m->closing = false;
  pthread_cond_broadcast(&fl_operation_ended);
  pthread_mutex_unlock(&fl_mappings.lock);
  return result;
}

int fl_mapping_close(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  int result = close_to_operations(m) ? finish_closing(m) : 0;
  fl_mapping_put(m);
  return result;
}

int fl_mapping_let_go(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return 1;
  pthread_mutex_lock(&fl_mappings.lock);
  bool last = m->holders == 1;
  if (last)
    atomic_store(&m->closed, true); /* nobody takes hold from here on */
  else
    m->holders--;
  pthread_mutex_unlock(&fl_mappings.lock);
  int result = last && close_to_operations(m) ? finish_closing(m) : 0;
  if (result == 0) {
    result = atomic_load(&m->closed);
    fl_mapping_put(m); /* the holder's */
  }
  fl_mapping_put(m);
  return result;
}

int fl_mapping_leave(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&fl_mappings.lock);
  m->was_left = true;
  m->ends_kept = false;
  m->is_left = --m->handles == 0;
  int last = m->is_left;
  pthread_mutex_unlock(&fl_mappings.lock);
  fl_mapping_put(m);
  return last;
}

void fl_mapping_forget(fl_id id) {
  pthread_mutex_lock(&fl_mappings.lock);
  struct fl_mapping *m = fl_table_acquire_locked(&fl_mappings, id);
  if (m != NULL) {
    m->ends_kept = true;
    m->handles--;
    m->entry.refs--; /* never the last: the handle's own is still there */
  }
  pthread_mutex_unlock(&fl_mappings.lock);
}

/* On the reaper's thread, with a reference, which it takes. */
static void finish_abandoned(void *mapping) {
  finish_closing(mapping);
  fl_mapping_put(mapping);
}

const struct fl_mapping_ends fl_mapping_ends = {discard, finish_abandoned};

/* With the table's lock held, which it gives up, and a reference, which it takes: closes what nobody is to have any more. */
static void close_later(struct fl_mapping *m, bool unused) {
  bool ends = unused && !m->closing && m->fd >= 0;
  if (ends) {
    m->is_left = m->closing = true;
    atomic_store(&m->closed, true);
  }
  bool now = ends && m->running == 0;
  if (ends && !now)
    m->abandoned = true; /* the last operation finishes it, and has the reference from here */
  pthread_mutex_unlock(&fl_mappings.lock);
  if (now)
    fl_reap_by(finish_abandoned, m);
  else if (!ends)
    fl_mapping_put(m);
}

void fl_mapping_abandon(fl_id id, bool has_left) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return;
  pthread_mutex_lock(&fl_mappings.lock);
  if (!has_left) {
    m->ends_kept = !m->was_left;
    m->handles--;
  }
  close_later(m, m->handles == 0 && !m->ends_kept);
}

void fl_mapping_give_up(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return;
  pthread_mutex_lock(&fl_mappings.lock);
  m->handles--;
  close_later(m, m->handles == 0 && !m->ends_kept);
}
