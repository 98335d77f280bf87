/* Systems that take one range of memory by a call. */
#include "os.h"

void fl_test_disable_ranges(bool disabled) { (void)disabled; }

size_t fl_os_most_ranges(void) { return 1; }

size_t fl_os_populate_each(const struct fl_os_range *ranges, size_t count) {
  (void)ranges;
  (void)count;
  return 0;
}

size_t fl_os_prefetch_each(const struct fl_os_range *ranges, size_t count) {
  (void)ranges;
  (void)count;
  return 0;
}
