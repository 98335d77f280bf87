/* Systems that read no long range better in blocks than by prefetching it (blocks.c). */
#include "os.h"
#include <errno.h>

size_t fl_os_block_size(void) { return 0; }

int fl_os_read_blocks(int fd, uint64_t file_offset, size_t span, bool *large) {
  (void)fd;
  (void)file_offset;
  (void)span;
  (void)large;
  return -ENOTSUP;
}
