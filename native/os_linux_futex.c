/*
 * Futexes of Linux. The kernel knows a word of a shared mapping by its file and its place there, whoever mapped it; but
 * FUTEX_WAIT and FUTEX_WAKE first try to get hold of the page for writing (get_futex_key), which makes a private copy of
 * it in a copy-on-write mapping, and a dirty page in a shared one. In a mapping that cannot be written to they take the
 * page of the file as it is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers may be: uapi/linux/futex.h of Linux 5.16. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
struct waiter {
  uint64_t expected;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
enum { IS_32_BITS = 2 };

int fl_os_can_wait(void) { return 0; }

static _Atomic bool many_disabled;
static _Atomic int many_known; /* 0: not probed; 1: yes; -1: no */

void fl_test_disable_futex_waitv(bool disabled) { atomic_store(&many_disabled, disabled); }

/* No futexes are an invalid argument where the call is there. Sandboxes refuse it in other ways. */
bool fl_os_can_wait_for_many(void) {
  int known = atomic_load(&many_known);
  if (known == 0) {
    known = syscall(SYS_futex_waitv, NULL, 0, 0, NULL, CLOCK_MONOTONIC) == -1 && errno == EINVAL ? 1 : -1;
    atomic_store(&many_known, known);
  }
  return known > 0 && !atomic_load(&many_disabled);
}

static int wait_for_many(const struct fl_os_futex *futexes, size_t count, const struct timespec *until) {
  struct waiter waiters[FL_OS_MOST_FUTEXES];
  for (size_t i = 0; i < count; i++) {
    waiters[i].expected = futexes[i].expected;
    waiters[i].address = (uintptr_t)futexes[i].address;
    waiters[i].flags = IS_32_BITS | (futexes[i].is_private ? FUTEX_PRIVATE_FLAG : 0);
    waiters[i].reserved = 0;
  }
  long result = syscall(SYS_futex_waitv, waiters, count, 0, until, CLOCK_MONOTONIC);
  return result < 0 ? -errno : (int)result;
}

static int wait_for_one(const struct fl_os_futex *futex, const struct timespec *until) {
  int operation = FUTEX_WAIT_BITSET | (futex->is_private ? FUTEX_PRIVATE_FLAG : 0); /* unlike FUTEX_WAIT: until when */
  uint32_t mask = futex->mask == 0 ? FUTEX_BITSET_MATCH_ANY : futex->mask;
  long result = syscall(SYS_futex, futex->address, operation, futex->expected, until, NULL, mask);
  return result < 0 ? -errno : 0;
}

int fl_os_futex_wait(const struct fl_os_futex *futexes, size_t count, int64_t until) {
  struct timespec time = fl_posix_time(until);
  const struct timespec *end = until == INT64_MAX ? NULL : &time;
  return count == 1 ? wait_for_one(futexes, end) : wait_for_many(futexes, count, end);
}

/* A requeueing of nobody to nowhere: it compares before it does nothing (futex(2), FUTEX_CMP_REQUEUE). */
int fl_os_futex_compare(const void *address, uint32_t expected) {
  int result;
  do
    result = syscall(SYS_futex, address, FUTEX_CMP_REQUEUE, 0, 0L, address, expected) < 0 ? -errno : 0;
  while (result == -EINTR);
  return result;
}

int fl_os_futex_wake(const void *address, uint32_t count, bool is_private) {
  if (count == 0) /* which the kernel takes for one */
    return 0;
  int operation = FUTEX_WAKE | (is_private ? FUTEX_PRIVATE_FLAG : 0);
  long woken = syscall(SYS_futex, address, operation, count < INT_MAX ? count : INT_MAX, NULL, NULL, 0);
  return woken < 0 ? -errno : (int)woken;
}

/* FUTEX_WAKE has all bits, so whoever notifies wakes waiters of any mask. */
void fl_os_futex_interrupt(const void *address, uint32_t mask) {
  syscall(SYS_futex, address, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, mask);
}
