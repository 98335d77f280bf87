/*
 * The guard's verdict on an operation: whether what it touched can be trusted, or else what became of it. Asked when all is
 * touched, since a page that is lost under an operation gives zeros and no error.
 */
#include "damage.h"
#include "guard.h"
#include "os.h"
#include <errno.h>

/* What the device answers to a plain read of the range's pages: 0 or -(FL_DEVICE + errno). */
static int ask_device(const struct fl_operation *op) {
  for (size_t at = 0; at < op->span; at += fl_os_page_size()) {
    int result = fl_os_probe_byte(op->mapping->fd, op->file_offset + at);
    if (result < 0)
      return -FL_DEVICE + result;
  }
  return 0;
}

int fl_guard_explain(const struct fl_operation *op) {
  struct fl_os_status status;
  int result = fl_os_file_status(op->mapping->fd, &status);
  if (result < 0)
    return -FL_DEVICE + result;
  return status.size < op->file_end ? -FL_TRUNCATED : ask_device(op);
}

/*
 * The size is asked for every time: past the end of the file but in its last page a load gives zeros and no fault.
 */
int fl_guard_verdict(const struct fl_operation *op) {
  struct fl_os_status status;
  return fl_guard_verdict_and_status(op, &status);
}

int fl_guard_verdict_and_status(const struct fl_operation *op, struct fl_os_status *status) {
  int asked = fl_os_file_status(op->mapping->fd, status);
  return fl_guard_judge(op, asked, status);
}

static void await_refresh(struct fl_mapping *m) {
  pthread_mutex_lock(&m->refreshing);
  pthread_mutex_unlock(&m->refreshing);
}

int fl_guard_judge(const struct fl_operation *op, int asked, const struct fl_os_status *status) {
  struct fl_mapping *m = op->mapping;
  if ((op->refreshes & 1) != 0 || atomic_load(&m->refreshes) != op->refreshes) {
    await_refresh(m);
    return -FL_MAPPED_ANEW;
  }
  if (asked < 0)
    return -FL_DEVICE + asked;
  if (status->size < op->file_end)
    return -FL_TRUNCATED;
  if (!fl_damage_is_in(op))
    return 0;
  int result = ask_device(op);
  if (result < 0)
    return result;
  /* All is well again, but the zeros are still there until somebody refreshes. */
  return atomic_load(&m->device_failed) ? -FL_DEVICE - EIO : -FL_TRUNCATED;
}

bool fl_guard_seems_intact(const struct fl_operation *op) {
  struct fl_os_status status;
  int result = fl_os_cached_file_status(op->mapping->fd, &status);
  return result == 0 && status.size >= op->file_end && !fl_damage_is_in(op);
}
