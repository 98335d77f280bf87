/*
 * Stands in for os_darwin.c where the code of os_portable.c is tried on Linux (FAULTLESS_OS=posix): no more than
 * POSIX has, so that what the portable code is given there is less than what macOS has. Never shipped.
 *
 * Two things are as Linux has them (os_linux_any.c), since tests need them to see anything: files become cold, and a
 * thread's page faults are counted.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

/* Both, as on macOS. */
const int fl_sys_fault_signals[FL_SYS_MOST_SIGNALS + 1] = {SIGBUS, SIGSEGV, 0};
const bool fl_sys_tells_misaligned = true;

int fl_sys_path(int fd, char *path, size_t size) {
  snprintf(path, size, "/dev/fd/%d", fd);
  return 0;
}

const int fl_sys_advice[FL_ADVICE_COUNT] = {
    [FL_NORMAL] = MADV_NORMAL,       [FL_RANDOM] = MADV_RANDOM,        [FL_SEQUENTIAL] = MADV_SEQUENTIAL,
    [FL_WILLNEED] = MADV_WILLNEED,   [FL_DONTNEED] = MADV_DONTNEED,    [FL_COLD] = FL_SYS_NO_ADVICE,
    [FL_PAGEOUT] = FL_SYS_NO_ADVICE, [FL_HUGEPAGE] = FL_SYS_NO_ADVICE,
};

int fl_sys_preallocate(int fd, uint64_t from, uint64_t to) {
  (void)fd;
  (void)from;
  (void)to;
  return -ENOTSUP;
}

/* posix_fallocate(3) makes a file grow where it may, so it is kept within the file. */
int fl_os_allocate(int fd, uint64_t offset, uint64_t length) {
  struct fl_os_status status;
  int result = fl_os_file_status(fd, &status);
  if (result < 0 || offset >= status.size)
    return result;
  uint64_t end = offset + length < status.size ? offset + length : status.size;
  do
    result = -posix_fallocate(fd, (off_t)offset, (off_t)(end - offset));
  while (result == -EINTR);
  return result == -EOPNOTSUPP ? 0 : result;
}

int fl_sys_drop_cache(int fd, uint64_t file_offset, void *window, size_t span) {
  fl_os_drop_entries(window, span);
  return -posix_fadvise(fd, (off_t)file_offset, (off_t)span, POSIX_FADV_DONTNEED);
}

int fl_sys_sync_device(int fd) {
  (void)fd;
  return 0; /* msync(2) has done it */
}
