/*
 * What macOS does in its own way, below os_portable.c. Compiled and linked with Apple's headers, never run: what is said
 * of macOS here is from its manual pages, its headers and the sources of its kernel. Kept thin for that reason.
 */
#include "os_posix.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

const int fl_sys_flags_in_the_way = O_APPEND; /* F_NOCACHE keeps reads and writes at one with mappings */

/* SIGBUS for a page past the end of the file or that the device lost; SIGSEGV where the kernel calls the address invalid. */
const int fl_sys_fault_signals[FL_SYS_MOST_SIGNALS + 1] = {SIGBUS, SIGSEGV, 0};
const bool fl_sys_tells_misaligned = false; /* not known */

int64_t fl_sys_changed_ns(const struct stat *status) {
  return (int64_t)status->st_ctimespec.tv_sec * 1000000000 + status->st_ctimespec.tv_nsec;
}

/* Opening /dev/fd/N would give a duplicate. The path is MAXPATHLEN long at most, which is PATH_MAX. */
int fl_sys_path(int fd, char *path, size_t size) {
  (void)size;
  return fcntl(fd, F_GETPATH, path) == -1 ? -errno : 0;
}

/* MADV_DONTNEED only has the pages go before others: nothing is dropped, private copies stay. */
const int fl_sys_advice[FL_ADVICE_COUNT] = {
    [FL_NORMAL] = MADV_NORMAL,       [FL_RANDOM] = MADV_RANDOM,        [FL_SEQUENTIAL] = MADV_SEQUENTIAL,
    [FL_WILLNEED] = MADV_WILLNEED,   [FL_DONTNEED] = MADV_DONTNEED,    [FL_COLD] = MADV_DONTNEED,
    [FL_PAGEOUT] = FL_SYS_NO_ADVICE, [FL_HUGEPAGE] = FL_SYS_NO_ADVICE,
};

/* No call does it, and nobody here needs it: what leaves the cache leaves the page tables with it. */
void fl_os_drop_entries(void *base, size_t span) {
  (void)base;
  (void)span;
}

/* Reads without waiting, where MADV_WILLNEED may wait for the device. */
void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span) {
  (void)base;
  for (size_t at = 0; at < span; at += FL_POSIX_STEP) {
    struct radvisory part = {.ra_offset = (off_t)(file_offset + at),
                             .ra_count = span - at < FL_POSIX_STEP ? (int)(span - at) : FL_POSIX_STEP};
    fcntl(fd, F_RDADVISE, &part);
  }
}

/*
 * Holes within a file cannot be filled: F_PREALLOCATE adds blocks behind its end alone. So a store into a hole of a full
 * disk is told by fl_os_flush.
 */
int fl_os_allocate(int fd, uint64_t offset, uint64_t length) {
  (void)fd;
  (void)offset;
  (void)length;
  return 0;
}

int fl_sys_preallocate(int fd, uint64_t from, uint64_t to) {
  fstore_t wanted = {.fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = (off_t)(to - from)};
  if (fcntl(fd, F_PREALLOCATE, &wanted) != -1)
    return 0;
  return errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL ? -ENOTSUP : -errno;
}

/* What others have mapped leaves the cache as well, and comes back when they look. */
int fl_sys_drop_cache(int fd, uint64_t file_offset, void *window, size_t span) {
  (void)fd;
  (void)file_offset;
  return fl_posix_result(msync(window, span, MS_INVALIDATE));
}

/* fsync(2) leaves it in the drive's own cache. Network file systems know no F_FULLFSYNC. */
int fl_sys_sync_device(int fd) {
  if (fcntl(fd, F_FULLFSYNC) != -1)
    return 0;
  return errno == EIO || errno == ENOSPC ? -errno : fl_posix_result(fsync(fd));
}

/* There are no clocks of conditions here, but waits of a length. */
void fl_os_init_condition(pthread_cond_t *condition) { pthread_cond_init(condition, NULL); }

void fl_os_wait_until(pthread_cond_t *condition, pthread_mutex_t *held, int64_t when) {
  int64_t left = when - fl_os_now();
  struct timespec length = fl_posix_time(left > 0 ? left : 0);
  pthread_cond_timedwait_relative_np(condition, held, &length);
}

/* Page faults are counted for the task alone. */
int fl_get_thread_usage(struct fl_thread_usage *usage) {
  (void)usage;
  return -ENOTSUP;
}

int64_t fl_thread_sleeps(void) { return -1; }

/* --- words that threads of several processes wait on: macOS 14.4 --------------------------------------------------- */

/* As os/os_sync_wait_on_address.h has them, which older SDKs have not. */
typedef int (*wait_on_address)(void *address, uint64_t value, size_t size, uint32_t flags);
typedef int (*wait_with_timeout)(void *address, uint64_t value, size_t size, uint32_t flags, uint32_t clock,
                                 uint64_t timeout_ns);
typedef int (*wake_by_address)(void *address, size_t size, uint32_t flags);
enum { OF_PROCESS = 0, SHARED = 1, MACH_ABSOLUTE_TIME = 32 };

static struct {
  wait_on_address wait;
  wait_with_timeout wait_for;
  wake_by_address wake_one;
} calls; /* all NULL before macOS 14.4 */

static void find_calls(void) {
  wait_on_address wait = (wait_on_address)dlsym(RTLD_DEFAULT, "os_sync_wait_on_address");
  wait_with_timeout wait_for = (wait_with_timeout)dlsym(RTLD_DEFAULT, "os_sync_wait_on_address_with_timeout");
  wake_by_address wake_one = (wake_by_address)dlsym(RTLD_DEFAULT, "os_sync_wake_by_address_any");
  if (wait == NULL || wait_for == NULL || wake_one == NULL)
    return;
  calls.wait = wait;
  calls.wait_for = wait_for;
  calls.wake_one = wake_one;
}

int fl_os_can_wait(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_calls);
  return calls.wait == NULL ? -ENOTSUP : 0;
}

void fl_test_disable_futex_waitv(bool disabled) { (void)disabled; }

bool fl_os_can_wait_for_many(void) { return false; }

/* Of a word alone. A word that is not as expected, and one that was notified, are answered alike: no error. */
int fl_os_futex_wait(const struct fl_os_futex *futexes, size_t count, int64_t until) {
  if (count != 1)
    return -EINVAL;
  void *address = (void *)(uintptr_t)futexes->address;
  uint32_t flags = futexes->is_private ? OF_PROCESS : SHARED;
  int64_t left = until - fl_os_now();
  int result;
  if (until == INT64_MAX)
    result = calls.wait(address, futexes->expected, sizeof(uint32_t), flags);
  else if (left > 0)
    result = calls.wait_for(address, futexes->expected, sizeof(uint32_t), flags, MACH_ABSOLUTE_TIME, (uint64_t)left);
  else
    return -ETIMEDOUT;
  return result >= 0 ? 0 : -errno;
}

/* The kernel reads it: no signal where it cannot. Bytes of two values at once are no lasting error: waiting looks again. */
int fl_os_futex_compare(const void *address, uint32_t expected) {
  uint32_t value;
  vm_size_t size;
  kern_return_t result =
      vm_read_overwrite(mach_task_self(), (vm_address_t)address, sizeof value, (vm_address_t)&value, &size);
  if (result != KERN_SUCCESS)
    return -EFAULT;
  return value == expected ? 0 : -EAGAIN;
}

/* One after the other, as no call tells how many were woken. ENOENT: there is none. */
int fl_os_futex_wake(const void *address, uint32_t count, bool is_private) {
  uint32_t flags = is_private ? OF_PROCESS : SHARED;
  for (uint32_t woken = 0; woken < count; woken++)
    if (calls.wake_one((void *)(uintptr_t)address, sizeof(uint32_t), flags) < 0 && errno != EINTR)
      return errno == ENOENT ? (int)woken : -errno;
  return (int)count;
}

/* There are no masks: whoever waits hears of it when the slice of its sleep ends (waiter_thread.c). */
void fl_os_futex_interrupt(const void *address, uint32_t mask) {
  (void)address;
  (void)mask;
}
