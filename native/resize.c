/* Changing the size of a mapped file. The mapping stays where it is: it may reach past the end of its file. */
#include "guard.h"
#include "mirror.h"
#include "os.h"
#include "succession.h"
#include <errno.h>

/* With `writing` held. */
static int set_size(const struct fl_mapping *m, uint64_t size) {
  struct fl_os_status status;
  int result = fl_os_file_status(m->fd, &status);
  if (result < 0 || size == status.size)
    return result;
  return size > status.size ? fl_os_grow(m->fd, status.size, size) : fl_os_truncate(m->fd, size);
}

/* At once, and not when the mirror's thread looks at the file next. */
static void forget(struct fl_mapping *m, uint64_t size) {
  fl_mirror_forget_from(m, size <= m->file_offset ? 0 : (size - m->file_offset) / fl_os_page_size());
}

/* Another mapping of the file. What cannot be had there stays damaged, of which a refresh tells. */
static int follow(const struct fl_operation *op, void *size) {
  uint64_t new_size;
  forget(op->mapping, *(uint64_t *)size);
  return fl_refresh_pages(op->mapping, &new_size);
}

static int resize(struct fl_mapping *m, uint64_t size, uint64_t *new_size) {
  if (m->mode != FL_SHARED)
    return -EACCES;
  pthread_mutex_lock(&m->first->writing);
  int result = set_size(m, size);
  forget(m, size);
  if (result == 0)
    result = fl_refresh_pages(m, new_size);
  if (result == 0)
    fl_act_on_others(m, 0, 0, follow, &size);
  pthread_mutex_unlock(&m->first->writing);
  return result;
}

int fl_resize(fl_id id, uint64_t size, uint64_t *new_size) {
  struct fl_operation op;
  int result = size > INT64_MAX ? -EFBIG : fl_operation_begin(&op, id, 0, 0);
  return result < 0 ? result : fl_operation_end(&op, resize(op.mapping, size, new_size));
}
