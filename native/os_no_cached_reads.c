/* Systems that cannot be asked for bytes of a file on the condition that they are in memory: copies come from the mapping. */
#include "os.h"
#include <errno.h>

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
