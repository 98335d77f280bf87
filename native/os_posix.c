/* What any POSIX system has: the part of os.h that is the same on Linux, on macOS, and where the portable code is tried. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

size_t fl_os_page_size(void) {
  static _Atomic size_t cached;
  size_t size = atomic_load_explicit(&cached, memory_order_relaxed);
  if (size == 0) {
    size = (size_t)sysconf(_SC_PAGESIZE);
    atomic_store_explicit(&cached, size, memory_order_relaxed);
  }
  return size;
}

static int duplicate(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? -errno : copy;
}

void fl_os_close(int fd) { close(fd); }

bool fl_posix_is_same_file(int fd, int other) {
  struct stat a, b;
  return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_again(int fd, int access) {
  char path[PATH_MAX];
  int result = fl_sys_path(fd, path, sizeof path);
  if (result < 0)
    return result;
  int own = open(path, access | O_CLOEXEC | O_NONBLOCK);
  if (own < 0)
    return -errno;
  if (fl_posix_is_same_file(fd, own))
    return own;
  close(own);
  return -ENOENT;
}

/* What bypasses the page cache reads no single byte (EINVAL). Where the file cannot be opened once more it has to do. */
int fl_os_duplicate(int fd) {
  int flags = fcntl(fd, F_GETFL);
  bool fits = flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & fl_sys_flags_in_the_way & ~O_APPEND) == 0;
  int own = fits ? -1 : open_again(fd, O_RDONLY);
  return own >= 0 ? own : duplicate(fd);
}

/* O_APPEND sends every pwrite(2) to the end of the file, and flags belong to the description that duplicates share. */
int fl_os_duplicate_for_writing(int fd) {
  int flags = fcntl(fd, F_GETFL);
  bool fits = flags < 0 || (flags & O_ACCMODE) != O_RDWR || (flags & fl_sys_flags_in_the_way) == 0;
  return fits ? duplicate(fd) : open_again(fd, O_RDWR); /* what may not be mapped so, mmap(2) refuses */
}

int fl_os_file_status(int fd, struct fl_os_status *status) {
  struct stat now;
  if (fstat(fd, &now) != 0)
    return -errno;
  status->size = (uint64_t)now.st_size;
  status->changed_ns = fl_sys_changed_ns(&now);
  return 0;
}

enum fl_file_kind fl_posix_kind(unsigned mode) {
  return S_ISREG(mode) ? FL_REGULAR : S_ISDIR(mode) ? FL_DIRECTORY : FL_OTHER;
}

int fl_os_probe_byte(int fd, uint64_t offset) {
  char byte;
  ssize_t count;
  do
    count = pread(fd, &byte, 1, (off_t)offset);
  while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : 0;
}

/*
 * Copy-on-write is a private writable mapping: a stray store then lands in a private copy of the page instead of
 * killing the process. Under strict overcommit (vm.overcommit_memory=2, where MAP_NORESERVE counts for nothing) the
 * system may refuse to answer for so many copies; a read-only mapping needs none.
 */
static void *map_copy_on_write(int fd, uint64_t file_offset, size_t span, bool *copy_on_write) {
  int flags = MAP_PRIVATE | MAP_NORESERVE;
  *copy_on_write = true;
  void *base = mmap(NULL, span, PROT_READ | PROT_WRITE, flags, fd, (off_t)file_offset);
  if (base != MAP_FAILED || errno != ENOMEM)
    return base;
  *copy_on_write = false;
  return mmap(NULL, span, PROT_READ, MAP_SHARED, fd, (off_t)file_offset);
}

int fl_os_map(int fd, uint64_t file_offset, size_t span, enum fl_mode mode, void **base, bool *copy_on_write) {
  *copy_on_write = false;
  if (mode == FL_SHARED)
    *base = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)file_offset);
  else
    *base = map_copy_on_write(fd, file_offset, span, copy_on_write);
  if (*base == MAP_FAILED)
    return -errno;
  /*
   * Without it a touch of one page reads about four (read-around); with it, large ranges still stream because blocks.c
   * goes first. Advice: a refusal changes no result.
   */
  madvise(*base, span, MADV_RANDOM);
  return 0;
}

bool fl_os_can_map_over(void) { return true; }

int fl_os_map_again(int fd, uint64_t file_offset, void *base, size_t span, enum fl_mode mode, bool copy_on_write) {
  bool writable = mode == FL_SHARED || copy_on_write;
  int flags = copy_on_write ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;
  int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  if (mmap(base, span, protection, flags | MAP_FIXED, fd, (off_t)file_offset) == MAP_FAILED)
    return -errno;
  madvise(base, span, MADV_RANDOM);
  return 0;
}

void *fl_os_map_spare(void) {
  void *page = mmap(NULL, fl_os_page_size(), PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

void fl_os_unmap(void *base, size_t span) {
  fl_os_drop_entries(base, span);
  munmap(base, span);
}

void *fl_os_reserve_zeroed(size_t span) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *memory = mmap(NULL, span, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  fl_sys_keep_sparse(memory, span);
  return memory;
}

int fl_os_map_window(int fd, uint64_t file_offset, size_t span, void **base) {
  *base = mmap(NULL, span, PROT_READ, MAP_SHARED, fd, (off_t)file_offset);
  if (*base == MAP_FAILED)
    return -errno;
  madvise(*base, span, MADV_RANDOM); /* a word is not a reason to read what is around it */
  return 0;
}

void fl_os_unmap_window(void *base, size_t span) { munmap(base, span); }

int fl_os_write(int fd, const void *bytes, size_t length, uint64_t offset) {
  size_t done = 0;
  while (done < length) {
    ssize_t count = pwrite(fd, (const char *)bytes + done, length - done, (off_t)(offset + done));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return count < 0 ? -errno : -EIO;
    done += (size_t)count;
  }
  return 0;
}

int fl_os_truncate(int fd, uint64_t size) {
  int result;
  do
    result = fl_posix_result(ftruncate(fd, (off_t)size));
  while (result == -EINTR);
  return result;
}

/* Systems do not agree on the sign of the bytes. */
static int page_states(void *base, size_t span, uint8_t *states) {
  return fl_posix_result(mincore(base, span, (void *)states));
}

int fl_os_residency(void *base, size_t span, uint8_t *vector) { return page_states(base, span, vector); }

/*
 * A kernel that hides residency calls every page resident, even one that lies past the end of the file, which no page
 * cache holds. Far past it: large folios may reach over the end.
 */
int fl_os_residency_is_honest(int fd) {
  size_t page_size = fl_os_page_size();
  struct fl_os_status status;
  if (fl_os_cached_file_status(fd, &status) < 0)
    return 0;
  uint64_t beyond = fl_page_floor(status.size + FL_POSIX_STEP);
  void *page = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, (off_t)beyond);
  if (page == MAP_FAILED)
    return 0;
  uint8_t resident = 1;
  int result = page_states(page, page_size, &resident);
  munmap(page, page_size);
  return result == 0 && (resident & 1) == 0;
}

uint64_t fl_os_lock_limit(void) {
  struct rlimit limit;
  bool known = getrlimit(RLIMIT_MEMLOCK, &limit) == 0;
  return !known || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct timespec fl_posix_time(int64_t ns) {
  return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int64_t fl_os_now(void) { return read_clock(CLOCK_MONOTONIC); }

/* Not getrusage(2), which learns of the current slice at the scheduler's next tick. */
int64_t fl_os_thread_cpu_time(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

void fl_os_sleep(int64_t ns) {
  struct timespec time = {ns / 1000000000, ns % 1000000000};
  nanosleep(&time, NULL);
}

int fl_os_spawn(void *(*body)(void *)) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  int result = pthread_attr_init(&attributes);
  if (result != 0)
    return -result;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  result = pthread_create(&thread, &attributes, body, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -result;
}

/* Before anything is written: a file that grows far too much would fill the disk first. What cannot be asked is tried. */
static int has_room(int fd, uint64_t bytes) {
  struct statvfs disk;
  if (fstatvfs(fd, &disk) != 0 || disk.f_blocks == 0)
    return 0;
  return bytes / disk.f_frsize > disk.f_bavail ? -ENOSPC : 0;
}

int fl_posix_write_zeros(int fd, uint64_t from, uint64_t to) {
  const size_t most = 256u << 10;
  void *zeros = calloc(1, most);
  int result = zeros == NULL ? -ENOMEM : has_room(fd, to - from);
  for (uint64_t at = from; result == 0 && at < to; at += most)
    result = fl_os_write(fd, zeros, to - at < most ? (size_t)(to - at) : most, at);
  free(zeros);
  return result;
}
