/* What Linux does with its own calls (os_linux.c) and without them, where the portable code is tried on it (os_plain.c). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

const int fl_sys_flags_in_the_way = O_APPEND | O_DIRECT;

int64_t fl_sys_changed_ns(const struct stat *status) {
  return (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec;
}

/* The page cache keeps what a page table holds: without this no file would become cold. */
void fl_os_drop_entries(void *base, size_t span) {
  for (size_t at = 0; at < span; at += FL_POSIX_STEP)
    madvise((char *)base + at, span - at < FL_POSIX_STEP ? span - at : FL_POSIX_STEP, MADV_DONTNEED);
}

/*
 * Not madvise(MADV_WILLNEED), which does the same (mm/madvise.c, madvise_willneed) after it has looked the range up in the
 * address space. One call reads no more than the larger of the device's read_ahead_kb and max_sectors_kb, and says nothing
 * of the rest (mm/readahead.c, force_page_cache_ra), which populating would then read page by page. 128 KiB is the
 * smallest that either is by default.
 */
void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span) {
  (void)base;
  const size_t most = FL_OS_MOST_PREFETCHED;
  for (size_t at = 0; at < span; at += most)
    posix_fadvise(fd, (off_t)(file_offset + at), (off_t)(span - at < most ? span - at : most), POSIX_FADV_WILLNEED);
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

int fl_get_thread_usage(struct fl_thread_usage *usage) {
  struct rusage used;
  if (getrusage(RUSAGE_THREAD, &used) != 0)
    return -errno;
  usage->major_faults = (uint64_t)used.ru_majflt;
  usage->minor_faults = (uint64_t)used.ru_minflt;
  return 0;
}

int64_t fl_thread_sleeps(void) {
  struct rusage used;
  return getrusage(RUSAGE_THREAD, &used) == 0 ? used.ru_nvcsw : -1;
}
