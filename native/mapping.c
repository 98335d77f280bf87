/* The process-wide table of mappings: how they come, who holds them, how they go. Bounds and page alignment live here. */
#include "mapping.h"
#include "os.h"
#include "waiter.h"
#include <errno.h>
#include <sched.h>

static struct fl_table mappings = FL_TABLE_INIT(struct fl_mapping);
static pthread_cond_t operation_ended = PTHREAD_COND_INITIALIZER; /* with the table's lock */

static uint64_t page_floor(uint64_t bytes) { return bytes & ~(uint64_t)(fl_os_page_size() - 1); }
static uint64_t page_ceil(uint64_t bytes) { return page_floor(bytes + fl_os_page_size() - 1); }

/* One bit a page, rounded up to whole pages of memory. */
static size_t damage_span(size_t span) { return page_ceil(span / fl_os_page_size() / 8 + sizeof(uint64_t)); }

size_t fl_damage_words(uint64_t length) {
  return damage_span(page_ceil(length) + fl_os_page_size()) / sizeof(uint64_t);
}

/* Some files (all of /proc) say that they are empty and are not: only the attempt tells whether they can be mapped. */
static int probe_empty(int fd, enum fl_mode mode) {
  void *base;
  bool copy_on_write;
  int result = fl_os_map(fd, 0, fl_os_page_size(), mode, &base, &copy_on_write);
  if (result == 0)
    fl_os_unmap(base, fl_os_page_size());
  return result == -EIO ? -ENODEV : result; /* so says procfs; no device has been asked */
}

size_t fl_mirror_length(uint64_t length) { return fl_mirror_span(page_ceil(length)); }

int fl_describe(int fd, enum fl_file_kind *kind, uint64_t *size) { return fl_os_describe(fd, kind, size); }

/* Everything that the entry's last tenant may have left, but for `handling`: a late handler may still count down. */
static void init(struct fl_mapping *m, const struct fl_map_request *request) {
  m->file_offset = page_floor(request->offset);
  m->lead = request->offset - m->file_offset;
  m->length = request->length;
  m->fd = -1;
  m->mode = request->mode;
  m->follows = request->follows;
  m->copy_on_write = false;
  m->laid = false;
  m->is_whole = false;
  m->holders = 0;
  m->running = 0;
  m->closing = m->abandoned = m->is_left = m->was_left = false;
  m->handles = 1;
  m->damage = NULL;
  m->window = NULL;
  pthread_mutex_init(&m->writing, NULL);
  fl_mirror_init(&m->mirror);
  atomic_store(&m->borrowed, false);
  fl_pins_init(&m->pins);
  atomic_store(&m->span, 0);
  atomic_store(&m->folios, 0);
  atomic_store(&m->honest, -1);
  atomic_store(&m->closed, false);
  atomic_store(&m->refreshes, 0);
  atomic_store(&m->faults, 0);
  atomic_store(&m->device_failed, false);
  atomic_store(&m->damaged_pages, 0);
  atomic_store(&m->write_error, 0);
}

void fl_mapping_note_size(struct fl_mapping *m, uint64_t size) {
  uint64_t held = size <= m->file_offset ? 0 : size - m->file_offset;
  uint64_t end = m->lead + m->length;
  atomic_store(&m->known_end, m->follows && held < end ? held : end);
}

/* Takes the descriptor and what there is to know of the file. */
static int take_file(struct fl_mapping *m, const struct fl_map_request *request) {
  uint64_t end = request->offset + request->length;
  if (end < request->offset || end > (uint64_t)INT64_MAX - fl_os_page_size())
    return -EOVERFLOW;
  m->fd = request->mode == FL_SHARED ? fl_os_duplicate_for_writing(request->fd) : fl_os_duplicate(request->fd);
  if (m->fd < 0)
    return m->fd;
  struct fl_os_status status;
  int result = fl_os_cached_file_status(m->fd, &status);
  if (result < 0)
    return result;
  m->changed_ns = status.changed_ns;
  m->size_then = status.size;
  fl_mapping_note_size(m, status.size);
  return 0;
}

/* Maps what init described. What a failure leaves behind is named by `m` (see discard). */
static int map_into(struct fl_mapping *m, const struct fl_map_request *request) {
  int result = take_file(m, request);
  if (result < 0)
    return result;
  if (request->length == 0)
    return probe_empty(m->fd, request->mode);

  size_t span = page_ceil(request->offset + request->length) - m->file_offset;
  void *base;
  result = fl_os_map(m->fd, m->file_offset, span, request->mode, &base, &m->copy_on_write);
  if (result < 0)
    return result;
  atomic_store(&m->span, span);
  m->damage = fl_os_reserve_zeroed(damage_span(span));
  bool mirrored = fl_mirror_create(&m->mirror, span, request->freshness_ns, NULL);
  atomic_store(&m->base, (uintptr_t)base); /* last: from here on the fault guard knows the range */
  return m->damage == NULL || !mirrored ? -ENOMEM : 0;
}

/* Whether some of the range is borrowed already: with the table's lock held. */
static bool is_borrowed(uintptr_t start, size_t span) {
  uint32_t used = atomic_load_explicit(&mappings.used, memory_order_acquire);
  for (uint32_t i = 0; i < used; i++) {
    const struct fl_mapping *m = fl_table_at(&mappings, i);
    uintptr_t base = atomic_load(&m->base);
    if (atomic_load(&m->borrowed) && base != 0 && base < start + span && start < base + atomic_load(&m->span))
      return true;
  }
  return false;
}

/* The counterpart of map_into for memory of somebody else's, of which this takes hold and no more. */
static int borrow(struct fl_mapping *m, const struct fl_map_request *request, void *address) {
  int result = take_file(m, request);
  if (result < 0 || request->length == 0)
    return result;
  size_t span = page_ceil(request->offset + request->length) - m->file_offset;
  m->copy_on_write = request->mode == FL_COPY_ON_WRITE;
  m->damage = fl_os_reserve_zeroed(damage_span(span));
  if (m->damage == NULL)
    return -ENOMEM;
  atomic_store(&m->span, span);
  pthread_mutex_lock(&mappings.lock);
  if (is_borrowed((uintptr_t)address, span))
    result = -EBUSY;
  atomic_store(&m->borrowed, true);
  if (result == 0)
    atomic_store(&m->base, (uintptr_t)address);
  pthread_mutex_unlock(&mappings.lock);
  return result;
}

/* Zeros where it fails: the memory must never have a hole. Strict overcommit as in fl_os_map. */
static int lay_whole(struct fl_mapping *m) {
  void *base = (void *)atomic_load(&m->base);
  int result = fl_os_map_again(m->fd, m->file_offset, base, m->span, m->mode, m->copy_on_write);
  if (result == -ENOMEM && m->copy_on_write) {
    m->copy_on_write = false;
    result = fl_os_map_again(m->fd, m->file_offset, base, m->span, m->mode, false);
  }
  if (result < 0)
    fl_os_map_zeros(base, m->span);
  return result;
}

/* The counterpart of map_into for a buffer that the caller has. */
static int map_over(struct fl_mapping *m, const struct fl_map_request *request, void *address, void *mirror) {
  if (m->lead != 0 || (uintptr_t)address % fl_os_page_size() != 0 || request->length == 0)
    return -EINVAL;
  m->is_whole = m->laid = true;
  fl_mirror_create(&m->mirror, page_ceil(request->length), request->freshness_ns, mirror);
  int result = borrow(m, request, address);
  result = result < 0 ? result : lay_whole(m);
  if (result == 0 && fl_table_acquire(&mappings, m->entry.id) != NULL)
    m->holders = 1; /* with a reference of its own */
  return result;
}

/* Hides a range that goes back to whoever lent it. After it no handler that was under way maps anything there. */
static void return_borrowed(struct fl_mapping *m) {
  uintptr_t base = atomic_load(&m->base);
  if (base != 0)
    fl_overlay_note_end(base, m->span);
  atomic_store(&m->base, 0);
  while (atomic_load(&m->handling) != 0)
    sched_yield();
}

/* The last reference is gone: hides the range from the guard, frees the entry, gives the rest to the reaper. */
static void discard(struct fl_mapping *m) {
  if (m->borrowed)
    return_borrowed(m);
  struct fl_remains remains = {.span = atomic_load(&m->span), .damage = (void *)m->damage, .fd = m->fd};
  remains.base = (void *)atomic_exchange(&m->base, 0);
  remains.damage_span = remains.damage == NULL ? 0 : damage_span(remains.span);
  remains.mirror = m->is_whole ? NULL : (void *)m->mirror.memory;
  remains.mirror_span = remains.mirror == NULL ? 0 : fl_mirror_span(remains.span);
  remains.pins = (void *)atomic_load(&m->pins.counts);
  remains.pins_span = remains.pins == NULL ? 0 : fl_pins_span(remains.span);
  fl_pins_discard(m);
  atomic_store(&m->mirror.awake, false);
  fl_window_drop(m);
  fl_table_remove(&mappings, m);
  fl_reap(&remains);
}

static void release(struct fl_mapping *m) {
  if (fl_table_release(&mappings, m))
    discard(m);
}

/* Takes no lock: the signal handler calls it. */
static struct fl_mapping *mapping_at(uintptr_t address) {
  uint32_t used = atomic_load_explicit(&mappings.used, memory_order_acquire);
  for (uint32_t i = 0; i < used; i++) {
    struct fl_mapping *m = fl_table_at(&mappings, i);
    uintptr_t base = atomic_load(&m->base);
    size_t span = atomic_load(&m->span);
    /* The second look at `base` tells that `span` was not yet the next tenant's. */
    if (base != 0 && address >= base && address - base < span && atomic_load(&m->base) == base)
      return m;
  }
  return NULL;
}

/* Gives up what could not be made. */
static void refuse(struct fl_mapping *m) {
  if (m->fd >= 0) /* at once: a burst of refusals must not pile descriptors up */
    fl_os_close(m->fd);
  m->fd = -1;
  release(m);
}

static void describe(const struct fl_mapping *m, struct fl_map_info *info) {
  info->id = m->entry.id;
  info->data = m->base == 0 ? NULL : (unsigned char *)m->base + m->lead;
  info->length = m->length;
  info->offset = m->file_offset + m->lead;
  uint64_t known_end = atomic_load(&m->known_end);
  info->known_length = known_end <= m->lead ? 0 : known_end - m->lead;
  info->follows = m->follows;
  info->mode = m->mode;
  info->copy_on_write = m->copy_on_write;
  info->mirror = (unsigned char *)m->mirror.memory;
  info->mirror_length = info->mirror == NULL ? 0 : fl_mirror_span(atomic_load(&m->span));
  info->mirror_believed = m->mirror.believed;
}

int fl_mapping_create_in(const struct fl_map_request *request, void *address, void *mirror, struct fl_map_info *info) {
  int result = fl_guard_install(mapping_at);
  if (result < 0)
    return result;
  struct fl_mapping *m = fl_table_insert(&mappings);
  if (m == NULL)
    return -ENOMEM;
  init(m, request);
  result = address != NULL ? map_over(m, request, address, mirror) : map_into(m, request);
  if (result < 0) {
    refuse(m);
    return result;
  }
  describe(m, info);
  return 0;
}

int fl_mapping_create(const struct fl_map_request *request, struct fl_map_info *info) {
  return fl_mapping_create_in(request, NULL, NULL, info);
}

int fl_mapping_create_over(const struct fl_map_request *request, void *address, fl_id *id) {
  int result = fl_guard_install(mapping_at);
  if (result < 0)
    return result;
  struct fl_mapping *m = fl_table_insert(&mappings);
  if (m == NULL)
    return -ENOMEM;
  init(m, request);
  result = borrow(m, request, address);
  *id = m->entry.id;
  if (result < 0)
    refuse(m);
  return result;
}

int fl_mapping_attach(fl_id id, struct fl_map_info *info) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&mappings.lock);
  bool open = !m->is_left && !atomic_load(&m->closed) && (m->is_whole || !atomic_load(&m->borrowed));
  if (open)
    m->handles++;
  pthread_mutex_unlock(&mappings.lock);
  if (open)
    describe(m, info);
  else
    release(m);
  return open ? 0 : -FL_CLOSED;
}

int fl_mapping_hold(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&mappings.lock);
  bool held = m->holders > 0 && !atomic_load(&m->closed);
  if (held)
    m->holders++;
  pthread_mutex_unlock(&mappings.lock);
  if (!held) /* else the reference is the holder's */
    release(m);
  return held ? 0 : -FL_CLOSED;
}

int fl_mapping_retain(fl_id id) { return fl_table_acquire(&mappings, id) == NULL ? -FL_CLOSED : 0; }

void fl_mapping_release(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return;
  fl_table_release(&mappings, m); /* never the last: the one to be released is still there */
  release(m);
}

/* Marks it closed and waits until no operation uses its descriptor. False where somebody else has closed it. */
static bool close_to_operations(struct fl_mapping *m) {
  pthread_mutex_lock(&mappings.lock);
  atomic_store(&m->closed, true);
  while (m->closing || m->running > 0)
    pthread_cond_wait(&operation_ended, &mappings.lock);
  m->closing = m->fd >= 0;
  bool mine = m->closing;
  pthread_mutex_unlock(&mappings.lock);
  return mine;
}

/* Leaves zeros in borrowed memory, writable as it came; where the system refuses, this may be tried again. */
static int give_back(struct fl_mapping *m, void *base) {
  int result = 0;
  if (m->laid) {
    fl_os_drop_entries(base, m->span);
    result = m->is_whole ? fl_os_map_zeros(base, m->span) : fl_os_map_writable_zeros(base, m->span);
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
  bool over = result == 0 || !m->borrowed;
  if (over)
    fl_os_close(m->fd);
  pthread_mutex_lock(&mappings.lock);
  m->closing = false;
  if (over)
    m->fd = -1;
  pthread_cond_broadcast(&operation_ended);
  pthread_mutex_unlock(&mappings.lock);
  return result;
}

int fl_mapping_close(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  int result = close_to_operations(m) ? finish_closing(m) : 0;
  release(m);
  return result;
}

int fl_mapping_let_go(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return 1;
  pthread_mutex_lock(&mappings.lock);
  bool last = m->holders == 1;
  if (last)
    atomic_store(&m->closed, true); /* nobody takes hold from here on */
  else
    m->holders--;
  pthread_mutex_unlock(&mappings.lock);
  int result = last && close_to_operations(m) ? finish_closing(m) : 0;
  if (result == 0) {
    result = atomic_load(&m->closed);
    release(m); /* the holder's */
  }
  release(m);
  return result;
}

int fl_mapping_leave(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&mappings.lock);
  m->was_left = true;
  m->is_left = --m->handles == 0;
  int last = m->is_left;
  pthread_mutex_unlock(&mappings.lock);
  release(m);
  return last;
}

void fl_mapping_forget(fl_id id) {
  pthread_mutex_lock(&mappings.lock);
  struct fl_mapping *m = fl_table_acquire_locked(&mappings, id);
  if (m != NULL) {
    m->handles--;
    m->entry.refs--; /* never the last: the handle's own is still there */
  }
  pthread_mutex_unlock(&mappings.lock);
}

/* On the reaper's thread, with a reference. */
static void finish_abandoned(void *mapping) {
  finish_closing(mapping);
  release(mapping);
}

void fl_mapping_abandon(fl_id id, bool has_left) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return;
  pthread_mutex_lock(&mappings.lock);
  if (!has_left)
    m->handles--;
  bool ends = m->handles == 0 && m->was_left && !m->closing && m->fd >= 0;
  if (ends) {
    m->is_left = m->closing = true;
    atomic_store(&m->closed, true);
  }
  bool now = ends && m->running == 0;
  if (ends && !now)
    m->abandoned = true; /* the last operation finishes it, and has the reference from here */
  pthread_mutex_unlock(&mappings.lock);
  if (now)
    fl_reap_by(finish_abandoned, m);
  else if (!ends)
    release(m);
}

uint64_t fl_mapping_damaged_bytes(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return 0;
  uint64_t bytes = atomic_load(&m->damaged_pages) * fl_os_page_size();
  release(m);
  return bytes;
}

unsigned fl_refresh_count(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&mappings, id);
  if (m == NULL)
    return 0;
  unsigned count = atomic_load(&m->refreshes) / 2; /* each moves it twice */
  release(m);
  return count;
}

size_t fl_mapping_count(void) {
  pthread_mutex_lock(&mappings.lock);
  size_t live = mappings.live;
  pthread_mutex_unlock(&mappings.lock);
  return live;
}

static void set_range(struct fl_operation *op, struct fl_mapping *m, uint64_t offset, uint64_t length) {
  op->mapping = m;
  op->refreshes = atomic_load(&m->refreshes);
  uint64_t start = m->lead + offset;
  uint64_t first = page_floor(start);
  op->data = (unsigned char *)(m->base + start);
  op->base = (void *)(m->base + first);
  op->span = length == 0 ? 0 : page_ceil(start + length) - first;
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
  bool last = false;
  pthread_mutex_lock(&mappings.lock); /* once: every touch comes through here */
  struct fl_mapping *m = fl_table_acquire_locked(&mappings, id);
  int result = admit(m, offset, length);
  if (result == 0)
    m->running++;
  else if (m != NULL)
    last = --m->entry.refs == 0;
  pthread_mutex_unlock(&mappings.lock);
  if (last)
    discard(m);
  if (result == 0)
    set_range(op, m, offset, length);
  return result;
}

bool fl_operation_begin_next(struct fl_operation *op, uint32_t *index) {
  while (*index < atomic_load_explicit(&mappings.used, memory_order_acquire)) {
    struct fl_mapping *m = fl_table_at(&mappings, (*index)++);
    if (!atomic_load(&m->mirror.awake))
      continue;
    /* Once more under the lock: the entry may have a new tenant by now, which is still being set up. */
    pthread_mutex_lock(&mappings.lock);
    fl_id id = atomic_load(&m->mirror.awake) ? m->entry.id : 0;
    pthread_mutex_unlock(&mappings.lock);
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
  pthread_mutex_lock(&mappings.lock);
  bool closed = atomic_load(&m->closed);
  if (--m->running == 0 && closed)
    pthread_cond_broadcast(&operation_ended);
  bool abandoned = m->running == 0 && m->abandoned;
  if (abandoned)
    m->abandoned = false;
  bool last = --m->entry.refs == 0;
  pthread_mutex_unlock(&mappings.lock);
  if (abandoned)
    fl_reap_by(finish_abandoned, m); /* with the reference that fl_mapping_abandon left */
  else if (last)
    discard(m);
  return closed ? -FL_CLOSED : result;
}
