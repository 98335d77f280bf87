/* Systems whose threads cannot wait on a word of a file: wait() and notify() of a mapping are refused with ENOTSUP. */
#include "os.h"
#include <errno.h>

int fl_os_can_wait(void) { return -ENOTSUP; }

void fl_test_disable_futex_waitv(bool disabled) { (void)disabled; }

/* Nothing below is called, as nobody gets as far as to wait. */

bool fl_os_can_wait_for_many(void) { return false; }

int fl_os_futex_wait(const struct fl_os_futex *futexes, size_t count, int64_t until) {
  (void)futexes;
  (void)count;
  (void)until;
  return -ENOTSUP;
}

int fl_os_futex_compare(const void *address, uint32_t expected) {
  (void)address;
  (void)expected;
  return -ENOTSUP;
}

int fl_os_futex_wake(const void *address, uint32_t count, bool is_private) {
  (void)address;
  (void)count;
  (void)is_private;
  return -ENOTSUP;
}

void fl_os_futex_interrupt(const void *address, uint32_t mask) {
  (void)address;
  (void)mask;
}
