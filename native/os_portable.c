/*
 * What a POSIX system without Linux's calls does: macOS, with os_darwin.c beside it. With os_plain.c instead it runs on
 * Linux, so that all of this is tested there.
 *
 * Pages are made resident by reading one byte of each under the fault guard, since no call says which could not be had.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

/*
 * Finalizers and the signal handler may run after the last thread that loaded the addon has gone (docs/internals.md), so it
 * must never be unloaded. Linux's linker has a flag for that; here the object holds itself.
 */
__attribute__((constructor)) static void stay_loaded(void) {
  static char here;
  Dl_info own;
  if (dladdr(&here, &own) != 0)
    dlopen(own.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

int fl_os_describe(int fd, enum fl_file_kind *kind, uint64_t *size) {
  struct stat now;
  if (fstat(fd, &now) != 0)
    return -errno;
  *kind = fl_posix_kind(now.st_mode);
  *size = (uint64_t)now.st_size;
  return 0;
}

/* There is no call that spares the file's server. */
int fl_os_cached_file_status(int fd, struct fl_os_status *status) { return fl_os_file_status(fd, status); }

/* POSIX does not list mmap() among what a signal handler may call; on these systems it is the bare system call. */
static int map_zeros_as(void *base, size_t span, int protection) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  return mmap(base, span, protection, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

int fl_os_map_writable_zeros(void *base, size_t span) { return map_zeros_as(base, span, PROT_READ | PROT_WRITE); }

int fl_os_map_zeros(void *base, size_t span) {
  int result = fl_os_map_writable_zeros(base, span);
  return result == -ENOMEM ? map_zeros_as(base, span, PROT_READ) : result; /* it may answer for no more memory */
}

int fl_os_advise(void *base, size_t span, enum fl_advice advice) {
  int number = fl_sys_advice[advice];
  return number == FL_SYS_NO_ADVICE ? -ENOTSUP : fl_posix_result(madvise(base, span, number));
}

void fl_sys_keep_sparse(void *memory, size_t span) {
  (void)memory;
  (void)span;
}

void fl_test_disable_populate(bool disabled) { (void)disabled; /* there is nothing to disable */ }

int fl_os_populate(void *base, size_t span, bool for_writing) {
  (void)base;
  (void)span;
  (void)for_writing;
  return -ENOSYS;
}

/* Others may have put data behind the old end meanwhile: they do so at the risk of both. */
int fl_os_grow(int fd, uint64_t from, uint64_t to) {
  int result = fl_sys_preallocate(fd, from, to);
  if (result == -ENOTSUP)
    result = fl_posix_write_zeros(fd, from, to);
  if (result == 0)
    result = fl_os_truncate(fd, to);
  if (result < 0)
    fl_os_truncate(fd, from);
  return result;
}

uint64_t fl_os_most_map_entries(void) { return UINT64_MAX; }

int64_t fl_os_map_entries(void) { return -ENOSYS; }

bool fl_os_lock_loads(void) { return true; }

bool fl_os_keeps_locks(void) { return false; }

/*
 * A step waits for no device, as the pages were loaded before. Some systems say EAGAIN where others say ENOMEM: the limit
 * does not allow it.
 */
int fl_os_lock(void *base, size_t span) {
  int result = 0;
  for (size_t at = 0; at < span && result == 0; at += FL_POSIX_LOCK_STEP)
    result = fl_posix_result(mlock((char *)base + at, span - at < FL_POSIX_LOCK_STEP ? span - at : FL_POSIX_LOCK_STEP));
  return result == -EAGAIN ? -ENOMEM : result;
}

void fl_os_unlock(void *base, size_t span) { munlock(base, span); }

/*
 * Asked after locking has failed. The range is mapped, and the file reaches there, or its pages could not have been loaded:
 * what is left is the limit.
 */
bool fl_os_may_lock(size_t bytes) {
  (void)bytes;
  return false;
}

/* No call tells; the core knows what its pins hold. */
uint64_t fl_os_locked_bytes(void) { return 0; }

int fl_os_flush(int fd, void *base, size_t span) {
  int result;
  do
    result = fl_posix_result(msync(base, span, MS_SYNC));
  while (result == -EINTR); /* else it would pass for a store that was lost */
  return result == 0 ? fl_sys_sync_device(fd) : result;
}

/* The pages of a file are the same ones in all mappings of it. */
bool fl_os_flushes_other_mappings(void) { return true; }

/* Of the whole file, as msync(2) needs one that is open for writing. Other errors say that it is none for fsync(2). */
int fl_os_write_out(int fd, uint64_t file_offset, size_t span) {
  (void)file_offset;
  (void)span;
  return fsync(fd) != 0 && (errno == EIO || errno == ENOSPC || errno == EDQUOT) ? -errno : 0;
}

int fl_os_evict(int fd, uint64_t file_offset, size_t span) {
  void *window;
  int result = fl_os_map_window(fd, file_offset, span, &window);
  if (result < 0)
    return result;
  result = fl_sys_drop_cache(fd, file_offset, window, span);
  fl_os_unmap_window(window, span);
  return result;
}
