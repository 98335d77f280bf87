/* What a mapping is made of: a file's descriptor, a range of memory, its mirror and its bits of damage. */
#include "damage.h"
#include "mapping_table.h"
#include "mirror.h"
#include "os.h"
#include "pins.h"
#include <errno.h>

size_t fl_mirror_length(uint64_t length) { return fl_mirror_span(fl_page_ceil(length)); }

int fl_open_cached(const char *path) { return fl_os_open_cached(path); }

void fl_close_cached(int fd) { fl_os_close(fd); }

int fl_describe(int fd, enum fl_file_kind *kind, uint64_t *size) { return fl_os_describe(fd, kind, size); }

/* Some files (all of /proc) say that they are empty and are not: only the attempt tells whether they can be mapped. */
static int probe_empty(int fd, enum fl_mode mode) {
  void *base;
  bool copy_on_write;
  int result = fl_os_map(fd, 0, fl_os_page_size(), mode, &base, &copy_on_write);
  if (result == 0)
    fl_os_unmap(base, fl_os_page_size());
  return result == -EIO ? -ENODEV : result; /* so says procfs; no device has been asked */
}

/* Everything that the entry's last tenant may have left, but for `handling`: a late handler may still count down. */
void fl_mapping_init(struct fl_mapping *m, const struct fl_map_request *request) {
  m->ends = &fl_mapping_ends;
  m->file_offset = fl_page_floor(request->offset);
  m->lead = request->offset - m->file_offset;
  m->length = request->length;
  m->fd = -1;
  m->mode = request->mode;
  m->follows = request->follows;
  m->freshness_ns = request->freshness_ns;
  m->copy_on_write = false;
  m->laid = false;
  m->fills_buffer = false;
  m->holders = 0;
  m->running = 0;
  m->closing = m->abandoned = m->is_left = m->was_left = m->ends_kept = false;
  m->handles = 1;
  m->damage = NULL;
  m->window = NULL;
  m->outgrown = m->longest = NULL;
  m->successors = 0;
  m->first = m;
  pthread_mutex_init(&m->writing, NULL);
  pthread_mutex_init(&m->refreshing, NULL);
  fl_mirror_init(&m->mirror);
  atomic_store(&m->borrowed, false);
  fl_pins_init(&m->pins);
  atomic_store(&m->span, 0);
  atomic_store(&m->folios, 0);
  atomic_store(&m->copies, 0);
  atomic_store(&m->honest, -1);
  atomic_store(&m->closed, false);
  atomic_store(&m->refreshes, 0);
  atomic_store(&m->faults, 0);
  atomic_store(&m->device_failed, false);
  atomic_store(&m->advice, -1);
  atomic_store(&m->huge, false);
  atomic_store(&m->taken_over, false);
  atomic_store(&m->damaged_pages, 0);
  atomic_store(&m->alone, 0);
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

/* Maps what fl_mapping_init described. What a failure leaves behind is named by `m` (see fl_mapping_ends). */
int fl_mapping_map(struct fl_mapping *m, const struct fl_map_request *request) {
  int result = take_file(m, request);
  if (result < 0)
    return result;
  if (request->length == 0)
    return probe_empty(m->fd, request->mode);

  size_t span = fl_page_ceil(request->offset + request->length) - m->file_offset;
  void *base;
  result = fl_os_map(m->fd, m->file_offset, span, request->mode, &base, &m->copy_on_write);
  if (result < 0)
    return result;
  atomic_store(&m->span, span);
  m->damage = fl_os_reserve_zeroed(fl_damage_span(span));
  bool mirrored = fl_mirror_create(&m->mirror, span, request->freshness_ns, NULL);
  atomic_store(&m->base, (uintptr_t)base); /* last: from here on the fault guard knows the range */
  return m->damage == NULL || !mirrored ? -ENOMEM : 0;
}

/* Whether some of the range is borrowed already: with the table's lock held. */
static bool is_borrowed(uintptr_t start, size_t span) {
  uint32_t used = atomic_load_explicit(&fl_mappings.used, memory_order_acquire);
  for (uint32_t i = 0; i < used; i++) {
    const struct fl_mapping *m = fl_table_at(&fl_mappings, i);
    uintptr_t base = atomic_load(&m->base);
    if (atomic_load(&m->borrowed) && base != 0 && base < start + span && start < base + atomic_load(&m->span))
      return true;
  }
  return false;
}

/* It borrows that range, and the guard knows it. -EBUSY where part of it is another's. */
static int claim(struct fl_mapping *m, uintptr_t base, size_t span) {
  pthread_mutex_lock(&fl_mappings.lock);
  int result = is_borrowed(base, span) ? -EBUSY : 0;
  atomic_store(&m->borrowed, true);
  if (result == 0)
    atomic_store(&m->base, base);
  pthread_mutex_unlock(&fl_mappings.lock);
  return result;
}

/* The counterpart of fl_mapping_map for memory of somebody else's, of which this takes hold and no more. */
int fl_mapping_borrow(struct fl_mapping *m, const struct fl_map_request *request, void *address) {
  int result = take_file(m, request);
  if (result < 0 || request->length == 0)
    return result;
  size_t span = fl_page_ceil(request->offset + request->length) - m->file_offset;
  m->copy_on_write = request->mode == FL_COPY_ON_WRITE;
  m->damage = fl_os_reserve_zeroed(fl_damage_span(span));
  if (m->damage == NULL)
    return -ENOMEM;
  atomic_store(&m->span, span);
  return claim(m, (uintptr_t)address, span);
}

/* Zeros where it fails: the memory must never have a hole. Strict overcommit as in fl_os_map. */
static int lay_pages(struct fl_mapping *m) {
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

/* The counterpart of fl_mapping_map for a buffer that the caller has. */
int fl_mapping_map_over(struct fl_mapping *m, const struct fl_map_request *request, void *address, void *mirror) {
  if (m->lead != 0 || (uintptr_t)address % fl_os_page_size() != 0 || request->length == 0)
    return -EINVAL;
  m->fills_buffer = m->laid = true;
  fl_mirror_create(&m->mirror, fl_page_ceil(request->length), request->freshness_ns, mirror);
  int result = fl_mapping_borrow(m, request, address);
  result = result < 0 ? result : lay_pages(m);
  if (result == 0 && fl_mapping_retain(m->entry.id) == 0)
    m->holders = 1; /* with a reference of its own */
  return result;
}
