/*
 * Systems of which nothing can be had on the condition that nobody has to be waited for: no path is opened so, and copies
 * come from the mapping.
 */
#include "os.h"
#include <errno.h>

int fl_os_open_cached(const char *path) {
  (void)path;
  return -EAGAIN;
}

bool fl_os_can_read_cached(int fd, uint64_t offset) {
  (void)fd;
  (void)offset;
  return false;
}

int64_t fl_os_read_cached(int fd, void *bytes, size_t length, uint64_t offset) {
  (void)fd;
  (void)bytes;
  (void)length;
  (void)offset;
  return -ENOTSUP;
}
