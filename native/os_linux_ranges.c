/*
 * Several ranges of the process's memory by one system call. process_madvise(2) takes any advice of who gives it to itself
 * since Linux 6.13 (mm/madvise.c, process_madvise_remote_valid), and a name for itself that is no descriptor since 6.15
 * (uapi/linux/pidfd.h). In a virtual machine a system call can cost 2 us, twice what it takes to enter a page.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the headers may be. The number is the same on all processors (uapi/asm-generic/unistd.h). */
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
enum { SELF = -10000 }; /* PIDFD_SELF_THREAD */

static _Atomic bool ranges_disabled;
static _Atomic int ranges_known; /* 0: not probed; 1: yes; -1: no */

void fl_test_disable_ranges(bool disabled) { atomic_store(&ranges_disabled, disabled); }

/* Bytes of the first of them that took the advice, up to the first that did not; or -1. */
static ssize_t advise(const struct iovec *parts, size_t count, int advice) {
  return (ssize_t)syscall(SYS_process_madvise, SELF, parts, count, advice, 0UL);
}

/*
 * Of two pages of our own the second cannot be read: who says that both were populated, or neither, cannot do this. As
 * ranges_known: 0 where the process's map has no entry left for the second.
 */
static int probe(char *pages, size_t size) {
  const struct iovec parts[] = {{pages, size}, {pages + size, size}};
  if (mprotect(pages + size, size, PROT_NONE) != 0)
    return 0;
  return advise(parts, 2, MADV_POPULATE_READ) == (ssize_t)size ? 1 : -1;
}

size_t fl_os_most_ranges(void) {
  int known = atomic_load(&ranges_known);
  if (known == 0) {
    size_t size = fl_os_page_size();
    char *pages = fl_os_reserve_zeroed(2 * size);
    if (pages == NULL)
      return 1;
    known = probe(pages, size);
    fl_os_unmap(pages, 2 * size);
    atomic_store(&ranges_known, known);
  }
  return known > 0 && !atomic_load(&ranges_disabled) && fl_sys_can_populate() ? FL_PARTS_MAX : 1;
}

static size_t advise_each(const struct fl_os_range *ranges, size_t count, int advice) {
  struct iovec parts[FL_PARTS_MAX];
  for (size_t i = 0; i < count; i++)
    parts[i] = (struct iovec){ranges[i].base, ranges[i].span};
  ssize_t left = advise(parts, count, advice);
  size_t done = 0;
  while (done < count && left >= (ssize_t)parts[done].iov_len)
    left -= (ssize_t)parts[done++].iov_len;
  return done;
}

size_t fl_os_populate_each(const struct fl_os_range *ranges, size_t count) {
  return advise_each(ranges, count, MADV_POPULATE_READ);
}

/* The same as posix_fadvise(2) in fl_os_prefetch (mm/madvise.c, madvise_willneed). */
size_t fl_os_prefetch_each(const struct fl_os_range *ranges, size_t count) {
  return advise_each(ranges, count, MADV_WILLNEED);
}
