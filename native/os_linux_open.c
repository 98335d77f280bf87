/* Opening a path of Linux without waiting for anybody, or not at all: what io_uring tries before it hands on an open. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifndef STATX_TYPE
#include <linux/stat.h> /* sys/stat.h of musl before 1.2.5 has no statx */
#endif

/* uapi/linux/openat2.h (Linux 5.6; RESOLVE_CACHED: 5.12) and uapi/linux/mount.h (6.8), which headers may be older than. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
enum { RESOLVE_ALL_CACHED = 0x20, WANT_UNIQUE_MOUNT = 0x4000, WANT_SUPERBLOCK = 1 };

struct how_to_open {
  uint64_t flags, mode, resolve;
};

struct mount_request {
  uint32_t size, spare;
  uint64_t mount, wanted;
};

struct mount_answer {
  uint32_t size, options;
  uint64_t told;
  uint32_t major, minor;
  uint64_t magic;
  uint64_t others[60]; /* a kernel fills in what there is room for */
};

static int descriptor(int fd) { return fd < 0 ? -errno : fd; }

/* Only where each name on the way is known to the kernel. It asks for no access: no file system hears of it. */
static int find(const char *path) {
  struct how_to_open how = {O_PATH | O_CLOEXEC, 0, RESOLVE_ALL_CACHED};
  return descriptor((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

/*
 * A file that the kernel opens from what it has in memory: of others than the owner it may have to read the list of who may
 * (acl(5)), and of an encrypted or a verified one what it needs for that.
 */
static bool is_plain(const struct statx *status) {
  const uint64_t encrypted = 0x800, verified = 0x100000; /* STATX_ATTR_*, which older headers lack */
  bool is_own = (status->stx_mask & STATX_UID) != 0 && status->stx_uid == geteuid();
  return S_ISREG(status->stx_mode) && is_own && (status->stx_attributes & (encrypted | verified)) == 0;
}

/* The mount of a plain file, by the number that is never used twice: stx_mnt_id, which older headers lack. */
static bool mount_of(int fd, uint64_t *mount) {
  enum { PLACE_OF_MOUNT = 0x90 };
  struct statx status;
  unsigned wanted = STATX_TYPE | STATX_UID | WANT_UNIQUE_MOUNT;
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &status) != 0)
    return false;
  memcpy(mount, (const char *)&status + PLACE_OF_MOUNT, sizeof *mount);
  return is_plain(&status) && (status.stx_mask & WANT_UNIQUE_MOUNT) != 0;
}

/* What fstatfs(2) says as well, but it asks the file system, which may have to ask a server. 0: not told. */
static uint64_t magic_of(uint64_t mount) {
  struct mount_request request = {sizeof request, 0, mount, WANT_SUPERBLOCK};
  struct mount_answer answer;
  return syscall(SYS_statmount, &request, &answer, sizeof answer, 0) == 0 ? answer.magic : 0;
}

/* Those that open a file for reading, once its inode is in memory, from what is in memory: uapi/linux/magic.h. */
static bool opens_at_once(uint64_t magic) {
  const uint64_t ext4 = 0xEF53, xfs = 0x58465342, btrfs = 0x9123683E, tmpfs = 0x01021994;
  return magic == ext4 || magic == xfs || magic == btrfs || magic == tmpfs;
}

/* Opens what was found, wherever its path leads to by now. Non-blocking: it does not wait for a lease to be broken. */
static int open_found(int found) {
  char path[PATH_MAX];
  uint64_t mount;
  if (!mount_of(found, &mount) || !opens_at_once(magic_of(mount)) || fl_sys_path(found, path, sizeof path) < 0)
    return -EAGAIN;
  int fd = descriptor(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0 || fl_posix_is_same_file(found, fd))
    return fd;
  close(fd); /* what lies at /proc is no proc(5) */
  return -EAGAIN;
}

int fl_os_open_cached(const char *path) {
  int found = find(path);
  if (found < 0)
    return -EAGAIN;
  int fd = open_found(found);
  close(found);
  return fd < 0 ? -EAGAIN : fd;
}
