/*
 * Stands in for os_darwin.c where the code of os_portable.c is tried on Linux (FAULTLESS_OS=posix): no more than
 * POSIX has, so that what the portable code is given there is less than what macOS has. Never shipped.
 *
 * Two things are as Linux has them, since tests need them to see anything: files become cold, and a thread's page faults
 * are counted.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

const int fl_sys_flags_in_the_way = O_APPEND | O_DIRECT;

/* Both, as on macOS. */
const int fl_sys_fault_signals[FL_SYS_MOST_SIGNALS + 1] = {SIGBUS, SIGSEGV, 0};

int64_t fl_sys_changed_ns(const struct stat *status) {
  return (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec;
}

int fl_sys_path(int fd, char *path, size_t size) {
  snprintf(path, size, "/dev/fd/%d", fd);
  return 0;
}

const int fl_sys_advice[FL_ADVICE_COUNT] = {
    [FL_NORMAL] = MADV_NORMAL,       [FL_RANDOM] = MADV_RANDOM,        [FL_SEQUENTIAL] = MADV_SEQUENTIAL,
    [FL_WILLNEED] = MADV_WILLNEED,   [FL_DONTNEED] = MADV_DONTNEED,    [FL_COLD] = FL_SYS_NO_ADVICE,
    [FL_PAGEOUT] = FL_SYS_NO_ADVICE, [FL_HUGEPAGE] = FL_SYS_NO_ADVICE,
};

/* Linux keeps what a page table holds: without this no file would become cold. */
void fl_os_drop_entries(void *base, size_t span) {
  for (size_t at = 0; at < span; at += FL_POSIX_STEP)
    madvise((char *)base + at, span - at < FL_POSIX_STEP ? span - at : FL_POSIX_STEP, MADV_DONTNEED);
}

void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span) {
  (void)base;
  const size_t most = 128u << 10; /* of a longer range Linux leaves the rest (os_linux.c) */
  for (size_t at = 0; at < span; at += most)
    posix_fadvise(fd, (off_t)(file_offset + at), (off_t)(span - at < most ? span - at : most), POSIX_FADV_WILLNEED);
}

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

void fl_os_init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

void fl_os_wait_until(pthread_cond_t *condition, pthread_mutex_t *held, int64_t when) {
  struct timespec until = fl_posix_time(when);
  pthread_cond_timedwait(condition, held, &until);
}

static uint64_t microseconds(struct timeval time) { return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec; }

int fl_get_thread_usage(struct fl_thread_usage *usage) {
  struct rusage used;
  if (getrusage(RUSAGE_THREAD, &used) != 0)
    return -errno;
  usage->major_faults = (uint64_t)used.ru_majflt;
  usage->minor_faults = (uint64_t)used.ru_minflt;
  usage->user_cpu_us = microseconds(used.ru_utime);
  usage->system_cpu_us = microseconds(used.ru_stime);
  return 0;
}
