/* How mappings come, and who has them: threads by their handles, and lenders of memory by their holds. */
#include "guard.h"
#include "mapping_table.h"
#include "mirror.h"
#include "os.h"
#include "succession.h"
#include <errno.h>

/* Gives up what could not be made. */
static void refuse(struct fl_mapping *m) {
  if (m->fd >= 0) /* at once: a burst of refusals must not pile descriptors up */
    fl_os_close(m->fd);
  m->fd = -1;
  fl_mapping_put(m);
}

void fl_mapping_describe(const struct fl_mapping *m, struct fl_map_info *info) {
  info->id = m->entry.id;
  info->file = m->first->entry.id;
  info->data = m->base == 0 ? NULL : (unsigned char *)m->base + m->lead;
  info->length = m->length;
  info->offset = m->file_offset + m->lead;
  info->known_length = fl_mapping_known(m);
  info->follows = m->follows;
  info->mode = m->mode;
  info->copy_on_write = m->copy_on_write;
  info->mirror = (unsigned char *)m->mirror.memory;
  info->mirror_length = info->mirror == NULL ? 0 : fl_mirror_span(atomic_load(&m->span));
  info->mirror_believed = m->mirror.believed;
}

int fl_mapping_create_in(const struct fl_map_request *request, void *address, void *mirror, struct fl_map_info *info) {
  int result = fl_guard_install();
  if (result < 0)
    return result;
  struct fl_mapping *m = fl_table_insert(&fl_mappings);
  if (m == NULL)
    return -ENOMEM;
  fl_mapping_init(m, request);
  result = address != NULL ? fl_mapping_map_over(m, request, address, mirror) : fl_mapping_map(m, request);
  if (result < 0) {
    refuse(m);
    return result;
  }
  fl_mapping_describe(m, info);
  return 0;
}

int fl_mapping_create(const struct fl_map_request *request, struct fl_map_info *info) {
  return fl_mapping_create_in(request, NULL, NULL, info);
}

int fl_mapping_create_over(const struct fl_map_request *request, void *address, fl_id *id) {
  int result = fl_guard_install();
  if (result < 0)
    return result;
  struct fl_mapping *m = fl_table_insert(&fl_mappings);
  if (m == NULL)
    return -ENOMEM;
  fl_mapping_init(m, request);
  result = fl_mapping_borrow(m, request, address);
  *id = m->entry.id;
  if (result < 0)
    refuse(m);
  return result;
}

int fl_mapping_attach(fl_id id, struct fl_map_info *info) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&fl_mappings.lock);
  bool open = !m->is_left && !atomic_load(&m->closed) && (m->fills_buffer || !atomic_load(&m->borrowed));
  if (open)
    m->handles++;
  pthread_mutex_unlock(&fl_mappings.lock);
  if (open) {
    fl_mapping_describe(m, info);
    info->known_length = fl_mapping_longest_known(m);
  } else {
    fl_mapping_put(m);
  }
  return open ? 0 : -FL_CLOSED;
}

int fl_mapping_hold(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&fl_mappings.lock);
  bool held = m->holders > 0 && !atomic_load(&m->closed);
  if (held)
    m->holders++;
  pthread_mutex_unlock(&fl_mappings.lock);
  if (!held) /* else the reference is the holder's */
    fl_mapping_put(m);
  return held ? 0 : -FL_CLOSED;
}

uint64_t fl_mapping_damaged_bytes(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return 0;
  uint64_t bytes = atomic_load(&m->damaged_pages) * fl_os_page_size();
  fl_mapping_put(m);
  return bytes;
}

unsigned fl_refresh_count(fl_id id) {
  struct fl_mapping *m = fl_table_acquire(&fl_mappings, id);
  if (m == NULL)
    return 0;
  unsigned count = atomic_load(&m->refreshes) / 2; /* each moves it twice */
  fl_mapping_put(m);
  return count;
}
