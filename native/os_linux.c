/* What the core asks of Linux alone. Each feature is probed by using it, never guessed from a version. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>
#ifndef STATX_TYPE
#include <linux/stat.h> /* sys/stat.h of musl before 1.2.5 has no statx */
#endif

/* Newer than the C library's headers may be: uapi/asm-generic/mman-common.h. */
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23 /* came with it */
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8 /* uapi/linux/fs.h */
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

const int fl_sys_fault_signals[FL_SYS_MOST_SIGNALS + 1] = {SIGBUS, 0};
const bool fl_sys_tells_misaligned = true;

int fl_sys_path(int fd, char *path, size_t size) {
  snprintf(path, size, "/proc/self/fd/%d", fd);
  return 0;
}

/* Network and FUSE file systems answer fstat(2) by asking their server; AT_STATX_DONT_SYNC spares that (statx(2)).
 * A plain system call: musl before 1.2.5 has no such function, and one missing name would keep the binary from loading. */
static int cached_statx(int fd, struct statx *status) {
  unsigned wanted = STATX_TYPE | STATX_SIZE | STATX_CTIME;
  return fl_posix_result((int)syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, status));
}

/*
 * Files of hugetlbfs map by pages of 2 MiB and more alone: neither a page of them can be touched, nor one that is lost replaced.
 * Seals are of tmpfs and hugetlbfs alone (fcntl(2)); of others with such blocks statfs(2) may wait for a server.
 */
static bool is_of_huge_pages(int fd, uint32_t block_size) {
  enum { HUGE = 2 << 20 };
  static const unsigned long magic = 0x958458f6; /* HUGETLBFS_MAGIC of uapi/linux/magic.h */
  struct statfs file_system;
  bool has_seals = block_size >= HUGE && fcntl(fd, F_GET_SEALS) >= 0;
  return has_seals && fstatfs(fd, &file_system) == 0 && (unsigned long)file_system.f_type == magic;
}

int fl_os_describe(int fd, enum fl_file_kind *kind, uint64_t *size) {
  struct statx now;
  struct stat before; /* Linux 4.11, or what some filter of system calls refuses */
  int result = cached_statx(fd, &now);
  if (result == 0) {
    *kind = is_of_huge_pages(fd, now.stx_blksize) ? FL_OTHER : fl_posix_kind(now.stx_mode);
    *size = now.stx_size;
  } else if (result != -EBADF && (result = fl_posix_result(fstat(fd, &before))) == 0) {
    *kind = fl_posix_kind(before.st_mode);
    *size = (uint64_t)before.st_size;
  }
  return result;
}

int fl_os_cached_file_status(int fd, struct fl_os_status *status) {
  struct statx now;
  if (cached_statx(fd, &now) != 0)
    return fl_os_file_status(fd, status); /* before Linux 4.11 */
  status->size = now.stx_size;
  status->changed_ns = now.stx_ctime.tv_sec * 1000000000 + now.stx_ctime.tv_nsec;
  return 0;
}

/*
 * RWF_NOWAIT came with Linux 4.14, for buffered reads too, and fails with EOPNOTSUPP on file systems that do not know it:
 * FUSE, NFS and 9p among them, which may also read past the page cache what they map through it. A plain system call: musl
 * before 1.2.5 has no preadv2. Its last arguments but one are the halves of the offset, of which the upper one does not
 * count where a long has 64 bits.
 */
int64_t fl_os_read_cached(int fd, void *bytes, size_t length, uint64_t offset) {
  struct iovec part = {bytes, length};
  unsigned long upper = (unsigned long)(offset >> 16 >> 16);
  long count = syscall(SYS_preadv2, fd, &part, 1UL, (unsigned long)offset, upper, RWF_NOWAIT);
  return count < 0 ? -errno : count;
}

/* A descriptor that bypasses the page cache would read one byte of some files as well, and leave no page behind. */
bool fl_os_can_read_cached(int fd, uint64_t offset) {
  char byte;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_DIRECT) != 0)
    return false;
  int64_t count = fl_os_read_cached(fd, &byte, 1, offset);
  return count >= 0 || count == -EAGAIN;
}

/* The bare system call: POSIX does not list mmap() among what a signal handler may call. */
static int map_zeros_as(void *base, size_t span, int protection) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  return syscall(SYS_mmap, base, span, protection, flags, -1, 0L) == -1 ? -errno : 0;
}

int fl_os_map_writable_zeros(void *base, size_t span) { return map_zeros_as(base, span, PROT_READ | PROT_WRITE); }

/*
 * A mapping that replaces another is not held against RLIMIT_DATA by its size but by what it is larger, though all of it
 * counts afterwards (mm/vma.c, may_expand_vm): the process could then get no more memory. One that replaces nothing is.
 */
static bool is_over_data_limit(size_t span) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_DATA, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return false;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  long probe = syscall(SYS_mmap, NULL, span, PROT_READ | PROT_WRITE, flags, -1, 0L);
  if (probe != -1)
    syscall(SYS_munmap, probe, span);
  return probe == -1;
}

int fl_os_map_zeros(void *base, size_t span) {
  int result = is_over_data_limit(span) ? -ENOMEM : fl_os_map_writable_zeros(base, span);
  return result == -ENOMEM ? map_zeros_as(base, span, PROT_READ) : result; /* strict overcommit, as above */
}

/*
 * Where huge pages are for all, one store takes 2 MiB, or 32 MiB with pages of 16 KiB. Kernels without them refuse: no
 * loss.
 */
void fl_sys_keep_sparse(void *memory, size_t span) { madvise(memory, span, MADV_NOHUGEPAGE); }

int fl_os_advise(void *base, size_t span, enum fl_advice advice) {
  static const int madvise_of[FL_ADVICE_COUNT] = {
      [FL_NORMAL] = MADV_NORMAL,     [FL_RANDOM] = MADV_RANDOM,     [FL_SEQUENTIAL] = MADV_SEQUENTIAL,
      [FL_WILLNEED] = MADV_WILLNEED, [FL_DONTNEED] = MADV_DONTNEED, [FL_COLD] = MADV_COLD,
      [FL_PAGEOUT] = MADV_PAGEOUT,   [FL_HUGEPAGE] = MADV_HUGEPAGE,
  };
  return fl_posix_result(madvise(base, span, madvise_of[advice]));
}

static _Atomic bool populate_disabled;
static _Atomic int populate_known; /* 0: not probed; 1: yes; -1: no */

void fl_test_disable_populate(bool disabled) { atomic_store(&populate_disabled, disabled); }

/*
 * On a page of our own nothing but a missing feature can fail. Where nobody may read the page it has to: qemu-user says
 * that all went well of every advice, and does nothing.
 */
static bool populates(void *page) {
  size_t size = fl_os_page_size();
  bool says_so = madvise(page, size, MADV_POPULATE_READ) == 0;
  return says_so && mprotect(page, size, PROT_NONE) == 0 && madvise(page, size, MADV_POPULATE_READ) < 0;
}

bool fl_sys_can_populate(void) {
  int known = atomic_load(&populate_known);
  if (known == 0) {
    void *page = fl_os_reserve_zeroed(fl_os_page_size());
    if (page == NULL)
      return false;
    known = populates(page) ? 1 : -1;
    munmap(page, fl_os_page_size());
    atomic_store(&populate_known, known);
  }
  return known > 0 && !atomic_load(&populate_disabled);
}

int fl_os_populate(void *base, size_t span, bool for_writing) {
  if (!fl_sys_can_populate())
    return -ENOSYS;
  int result;
  do
    result = fl_posix_result(madvise(base, span, for_writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ));
  while (result == -EINTR || result == -EAGAIN);
  /* A page that the memory controller lost is as unreadable as one that the device lost. */
  return result == -EHWPOISON ? -EFAULT : result;
}

static int allocate(int fd, uint64_t offset, uint64_t length) {
  int result;
  do
    result = fl_posix_result(fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length));
  while (result == -EINTR);
  return result;
}

static bool is_no_call(int result) { return result == -EOPNOTSUPP || result == -ENOSYS; }

int fl_os_allocate(int fd, uint64_t offset, uint64_t length) {
  int result = allocate(fd, offset, length);
  return is_no_call(result) ? 0 : result;
}

/* Where the file system cannot allocate, posix_fallocate(3) writes zeros; that of musl says so instead. */
static int extend(int fd, uint64_t from, uint64_t to) {
  int result;
  do
    result = -posix_fallocate(fd, (off_t)from, (off_t)(to - from));
  while (result == -EINTR);
  return result == -EOPNOTSUPP ? fl_posix_write_zeros(fd, from, to) : result;
}

/*
 * What is in vain for sure is not tried: that would take all blocks that are left, and giving them back cuts the file, at its
 * end of now, behind which somebody else may be writing.
 */
static int check_room(int fd, uint64_t from, uint64_t to) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && to > limit.rlim_cur)
    return -EFBIG;
  struct stat file;
  struct statfs file_system;
  if (fstat(fd, &file) != 0 || fstatfs(fd, &file_system) != 0 || file_system.f_blocks == 0)
    return 0;                                      /* it does not say */
  uint64_t taken = (uint64_t)file.st_blocks * 512; /* all of which may lie past the end, for what is to come */
  uint64_t wanted = to - from > taken ? to - from - taken : 0;
  /* Which of the two sizes the blocks have is not told the same by all (statvfs(3)): the larger refuses less. */
  uint64_t block = (uint64_t)(file_system.f_bsize > file_system.f_frsize ? file_system.f_bsize : file_system.f_frsize);
  return block > 0 && wanted / block > file_system.f_bfree ? -ENOSPC : 0;
}

/* The blocks first, and the size when all of them are there: so nobody sees the file grow in vain. */
int fl_os_grow(int fd, uint64_t from, uint64_t to) {
  int result = check_room(fd, from, to);
  if (result < 0)
    return result;
  result = allocate(fd, from, to - from);
  bool by_zeros = is_no_call(result);
  if (result == 0 || by_zeros)
    result = extend(fd, from, to);
  struct fl_os_status status;
  /* Cutting a file at its end gives back the blocks that lie past it. The size of now: others may have put data there. */
  if (result < 0 && fl_os_file_status(fd, &status) == 0)
    fl_os_truncate(fd, by_zeros && status.size < to ? from : status.size);
  return result;
}

/* Asked once: it is for the whole system, and seldom changed. */
uint64_t fl_os_most_map_entries(void) {
  static _Atomic uint64_t known;
  unsigned long long most = atomic_load(&known);
  if (most != 0)
    return most;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
  if (file == NULL || fscanf(file, "%llu", &most) != 1)
    most = 65530;
  if (file != NULL)
    fclose(file);
  atomic_store(&known, most);
  return most;
}

int64_t fl_os_map_entries(void) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  int64_t lines = 0;
  char text[16384];
  for (ssize_t length; (length = read(fd, text, sizeof text)) > 0;)
    for (ssize_t i = 0; i < length; i++)
      lines += text[i] == '\n';
  close(fd);
  return lines;
}

/* MLOCK_ONFAULT came with Linux 4.4; without it nothing can be locked here. */
bool fl_os_lock_loads(void) { return false; }

bool fl_os_keeps_locks(void) { return true; }

/*
 * The bare system calls: mlock2(2) is missing in some C libraries, and ASAN makes munlock(2) do nothing. MLOCK_ONFAULT,
 * as locking a private writable mapping at once stores into it, and so copies every page.
 */
int fl_os_lock(void *base, size_t span) {
  int result = 0;
  for (size_t at = 0; at < span && result == 0; at += FL_POSIX_LOCK_STEP) {
    size_t step = span - at < FL_POSIX_LOCK_STEP ? span - at : FL_POSIX_LOCK_STEP;
    result = fl_posix_result((int)syscall(SYS_mlock2, (char *)base + at, step, MLOCK_ONFAULT));
  }
  return result;
}

/* Fails only where the process has no map entry left to tell a locked page from its neighbours; then it stays locked. */
void fl_os_unlock(void *base, size_t span) {
  for (size_t at = 0; at < span; at += FL_POSIX_LOCK_STEP)
    syscall(SYS_munlock, (char *)base + at, span - at < FL_POSIX_LOCK_STEP ? span - at : FL_POSIX_LOCK_STEP);
}

/*
 * mlock2(2) says ENOMEM for the limit and for too many map entries alike, and capabilities do not tell whether the limit
 * counts (in a user namespace they do not lift it). So the same is asked for memory that is a map entry of its own:
 * shared, so that it is merged with none. Nothing of it is ever there.
 */
bool fl_os_may_lock(size_t bytes) {
  int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
  void *memory = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
  if (memory == MAP_FAILED)
    return true; /* map entries, or address space: not the limit */
  bool may = syscall(SYS_mlock2, memory, bytes, MLOCK_ONFAULT) == 0;
  munmap(memory, bytes);
  return may;
}

uint64_t fl_os_locked_bytes(void) {
  char line[128];
  unsigned long long kib = 0;
  FILE *status = fopen("/proc/self/status", "re");
  if (status == NULL)
    return 0;
  while (fgets(line, sizeof line, status) != NULL && sscanf(line, "VmLck: %llu", &kib) != 1)
    ;
  fclose(status);
  return (uint64_t)kib * 1024;
}

/* Also through the device's cache, as fsync(2) does. */
int fl_os_flush(int fd, void *base, size_t span) {
  (void)fd;
  int result;
  do
    result = fl_posix_result(msync(base, span, MS_SYNC));
  while (result ==
         -EINTR); /* so may the server of a FUSE file answer; else that would pass for a store that was lost */
  return result;
}

/* It is an fsync of that range of the file, for which every page table that has a page dirty is cleaned (mm/msync.c, mm/rmap.c). */
bool fl_os_flushes_other_mappings(void) { return true; }

/* A call that is to do nothing tells whether it is there, is allowed (seccomp(2)), and is for such files (ESPIPE). */
int fl_os_write_out(int fd, uint64_t file_offset, size_t span) {
  unsigned flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (sync_file_range(fd, (off_t)file_offset, (off_t)span, 0) != 0)
    return 0;
  int result;
  do
    result = fl_posix_result(sync_file_range(fd, (off_t)file_offset, (off_t)span, flags));
  while (result == -EINTR);
  return result;
}

int fl_os_evict(int fd, uint64_t file_offset, size_t span) {
  return -posix_fadvise(fd, (off_t)file_offset, (off_t)span, POSIX_FADV_DONTNEED);
}
