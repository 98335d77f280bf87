/*
 * A system that refuses everything: where nobody has written the file for a new one, the core still compiles, and says
 * ENOTSUP as soon as a file is to be opened. It is where a port begins, and CI compiles it, so that os.h stays complete.
 */
#include "os.h"
#include <errno.h>
#include <time.h>

/* Of nothing, as nothing is ever mapped: any power of 2 keeps the arithmetic whole. */
size_t fl_os_page_size(void) { return (size_t)1 << 16; }

int fl_os_duplicate(int fd) {
  (void)fd;
  return -ENOTSUP;
}

int fl_os_duplicate_for_writing(int fd) {
  (void)fd;
  return -ENOTSUP;
}

void fl_os_close(int fd) { (void)fd; }

int fl_os_describe(int fd, enum fl_file_kind *kind, uint64_t *size) {
  (void)fd;
  (void)kind;
  (void)size;
  return -ENOTSUP;
}

int fl_os_file_status(int fd, struct fl_os_status *status) {
  (void)fd;
  (void)status;
  return -ENOTSUP;
}

int fl_os_cached_file_status(int fd, struct fl_os_status *status) {
  (void)fd;
  (void)status;
  return -ENOTSUP;
}

int fl_os_probe_byte(int fd, uint64_t offset) {
  (void)fd;
  (void)offset;
  return -ENOTSUP;
}

int fl_os_map(int fd, uint64_t file_offset, size_t span, enum fl_mode mode, void **base, bool *copy_on_write) {
  (void)fd;
  (void)file_offset;
  (void)span;
  (void)mode;
  (void)base;
  (void)copy_on_write;
  return -ENOTSUP;
}

int fl_os_map_again(int fd, uint64_t file_offset, void *base, size_t span, enum fl_mode mode, bool copy_on_write) {
  (void)fd;
  (void)file_offset;
  (void)base;
  (void)span;
  (void)mode;
  (void)copy_on_write;
  return -ENOTSUP;
}

int fl_os_map_zeros(void *base, size_t span) {
  (void)base;
  (void)span;
  return -ENOTSUP;
}

int fl_os_map_writable_zeros(void *base, size_t span) {
  (void)base;
  (void)span;
  return -ENOTSUP;
}

void fl_os_drop_entries(void *base, size_t span) {
  (void)base;
  (void)span;
}

void fl_os_unmap(void *base, size_t span) {
  (void)base;
  (void)span;
}

void *fl_os_reserve_zeroed(size_t span) {
  (void)span;
  return NULL;
}

int fl_os_map_window(int fd, uint64_t file_offset, size_t span, void **base) {
  (void)fd;
  (void)file_offset;
  (void)span;
  (void)base;
  return -ENOTSUP;
}

void fl_os_unmap_window(void *base, size_t span) {
  (void)base;
  (void)span;
}

int fl_os_advise(void *base, size_t span, enum fl_advice advice) {
  (void)base;
  (void)span;
  (void)advice;
  return -ENOTSUP;
}

void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span) {
  (void)fd;
  (void)file_offset;
  (void)base;
  (void)span;
}

void fl_test_disable_populate(bool disabled) { (void)disabled; }

int fl_os_populate(void *base, size_t span, bool for_writing) {
  (void)base;
  (void)span;
  (void)for_writing;
  return -ENOTSUP;
}

int fl_os_write(int fd, const void *bytes, size_t length, uint64_t offset) {
  (void)fd;
  (void)bytes;
  (void)length;
  (void)offset;
  return -ENOTSUP;
}

int fl_os_allocate(int fd, uint64_t offset, uint64_t length) {
  (void)fd;
  (void)offset;
  (void)length;
  return -ENOTSUP;
}

int fl_os_grow(int fd, uint64_t from, uint64_t to) {
  (void)fd;
  (void)from;
  (void)to;
  return -ENOTSUP;
}

int fl_os_truncate(int fd, uint64_t size) {
  (void)fd;
  (void)size;
  return -ENOTSUP;
}

int fl_os_residency(void *base, size_t span, uint8_t *vector) {
  (void)base;
  (void)span;
  (void)vector;
  return -ENOTSUP;
}

int fl_os_residency_is_honest(int fd) {
  (void)fd;
  return 0;
}

int fl_os_lock(void *base, size_t span) {
  (void)base;
  (void)span;
  return -ENOTSUP;
}

bool fl_os_can_map_over(void) { return false; }

bool fl_os_lock_loads(void) { return false; }

bool fl_os_keeps_locks(void) { return false; }

void fl_os_unlock(void *base, size_t span) {
  (void)base;
  (void)span;
}

bool fl_os_may_lock(size_t bytes) {
  (void)bytes;
  return false;
}

uint64_t fl_os_lock_limit(void) { return 0; }

uint64_t fl_os_most_map_entries(void) { return UINT64_MAX; }

int64_t fl_os_map_entries(void) { return -ENOSYS; }

void *fl_os_map_spare(void) { return NULL; } /* no limit is known */

uint64_t fl_os_locked_bytes(void) { return 0; }

int fl_os_flush(int fd, void *base, size_t span) {
  (void)fd;
  (void)base;
  (void)span;
  return -ENOTSUP;
}

bool fl_os_flushes_other_mappings(void) { return false; }

int fl_os_write_out(int fd, uint64_t file_offset, size_t span) {
  (void)fd;
  (void)file_offset;
  (void)span;
  return 0;
}

int fl_os_evict(int fd, uint64_t file_offset, size_t span) {
  (void)fd;
  (void)file_offset;
  (void)span;
  return -ENOTSUP;
}

int fl_os_catch_faults(bool (*handle)(uintptr_t address), bool only_for_nobody) {
  (void)only_for_nobody;
  (void)handle;
  return -ENOTSUP;
}

/* The C language has no clock that only moves forward. */
int64_t fl_os_now(void) { return (int64_t)time(NULL) * 1000000000; }

int64_t fl_os_thread_cpu_time(void) { return 0; }

void fl_os_sleep(int64_t ns) { (void)ns; }

void fl_os_init_condition(pthread_cond_t *condition) { pthread_cond_init(condition, NULL); }

void fl_os_wait_until(pthread_cond_t *condition, pthread_mutex_t *held, int64_t when) {
  (void)when;
  pthread_cond_wait(condition, held);
}

int fl_os_spawn(void *(*body)(void *)) {
  (void)body;
  return -ENOTSUP;
}

int fl_get_thread_usage(struct fl_thread_usage *usage) {
  (void)usage;
  return -ENOTSUP;
}

int64_t fl_thread_sleeps(void) { return -1; }
