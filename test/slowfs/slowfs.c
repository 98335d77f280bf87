/*
 * A file system whose device is slow, or fails, exactly as a test wants it: so that what page faults cost is measured
 * against a known time and not against whatever disk the machine has.
 *
 *   slowfs MOUNTPOINT SIZE READ_MS STAT_MS OPEN_MS BAD_OFFSET BAD_LENGTH FAILURES
 *
 * Every name that starts with "slow", "fast" or "broken" is a file of SIZE bytes, with a page cache of its own, whose
 * bytes are those of contentAt() in test/helpers.js. "slow": each read takes READ_MS, however long it is. "broken": the
 * first FAILURES reads (all, if -1) that meet the bad range give EIO after READ_MS. If STAT_MS is not 0, each fstat()
 * takes that long and the kernel remembers no answer of one. Each open() takes OPEN_MS.
 *
 * Prints "mounted" once it serves, and "asked" at each fstat() that is to take STAT_MS; runs in the foreground until it
 * is unmounted or signalled, or its parent ends.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

/* More than the kernel sends reads at a time (12), so that other requests never wait for a thread. */
enum { THREADS = 32 };

static int64_t file_size, read_ms, stat_ms, open_ms, bad_offset, bad_length;
static _Atomic int64_t failures;

static void wait_ms(int64_t ms) {
  struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  while (ms > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
    continue;
}

/* The two functions that make the content: as cli/trial/mix.js and contentAt() of test/helpers.js, for its seed 1. */
static uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}

static uint8_t byte_at(uint64_t offset) {
  uint64_t word = offset / 4;
  return (uint8_t)(mix((uint32_t)word ^ mix(1 + (uint32_t)(word >> 32))) >> (offset % 4 * 8));
}

static bool is_kind(const char *path, const char *kind) { return strncmp(path + 1, kind, strlen(kind)) == 0; }

static bool is_file(const char *path) {
  return is_kind(path, "slow") || is_kind(path, "fast") || is_kind(path, "broken");
}

static void say(const char *what) {
  puts(what);
  fflush(stdout);
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->attr_timeout = stat_ms == 0 ? 3600 : 0;
  config->entry_timeout = 3600;
  say("mounted");
  return NULL;
}

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info) {
  (void)info;
  bool is_root = strcmp(path, "/") == 0;
  if (!is_root && !is_file(path))
    return -ENOENT;
  if (!is_root && stat_ms > 0) {
    say("asked");
    wait_ms(stat_ms);
  }
  memset(status, 0, sizeof *status);
  status->st_mode = is_root ? S_IFDIR | 0755 : S_IFREG | 0644;
  status->st_nlink = is_root ? 2 : 1;
  status->st_size = is_root ? 0 : file_size;
  return 0;
}

/* What is in the page cache stays there from one open to the next. */
static int on_open(const char *path, struct fuse_file_info *info) {
  (void)path;
  wait_ms(open_ms);
  info->keep_cache = 1;
  return 0;
}

/* Whether this read is one of those that fail; counts it if so. */
static bool fails(const char *path, int64_t offset, int64_t length) {
  if (!is_kind(path, "broken") || offset >= bad_offset + bad_length || offset + length <= bad_offset)
    return false;
  int64_t left = atomic_load(&failures);
  while (left > 0 && !atomic_compare_exchange_weak(&failures, &left, left - 1))
    continue;
  return left != 0;
}

static int on_read(const char *path, char *bytes, size_t length, off_t offset, struct fuse_file_info *info) {
  (void)info;
  bool failing = fails(path, offset, (int64_t)length);
  if (failing || is_kind(path, "slow"))
    wait_ms(read_ms);
  if (failing)
    return -EIO;
  if (offset >= file_size)
    return 0;
  if ((int64_t)length > file_size - offset)
    length = (size_t)(file_size - offset);
  for (size_t i = 0; i < length; i++)
    bytes[i] = (char)byte_at((uint64_t)offset + i);
  return (int)length;
}

static const struct fuse_operations operations = {
    .init = on_init, .getattr = on_getattr, .open = on_open, .read = on_read};

/* Until it is unmounted (0) or told to end by a signal (its number). */
static int serve(struct fuse *fuse) {
  struct fuse_loop_config *config = fuse_loop_cfg_create();
  if (config == NULL)
    return -ENOMEM;
  fuse_loop_cfg_set_max_threads(config, THREADS);
  int result = fuse_loop_mt(fuse, config);
  fuse_loop_cfg_destroy(config);
  return result;
}

static int mount_and_serve(const char *mountpoint) {
  char *arguments[] = {"slowfs", "-ofsname=slowfs", NULL};
  struct fuse_args args = FUSE_ARGS_INIT(2, arguments);
  struct fuse *fuse = fuse_new(&args, &operations, sizeof operations, NULL);
  if (fuse == NULL)
    return -EINVAL;
  int result = -EIO;
  if (fuse_mount(fuse, mountpoint) == 0) {
    struct fuse_session *session = fuse_get_session(fuse);
    result = fuse_set_signal_handlers(session) == 0 ? serve(fuse) : -EIO;
    fuse_remove_signal_handlers(session);
    fuse_unmount(fuse);
  }
  fuse_destroy(fuse);
  fuse_opt_free_args(&args);
  return result;
}

int main(int argc, char **argv) {
  int64_t failing;
  int64_t *const numbers[] = {&file_size, &read_ms, &stat_ms, &open_ms, &bad_offset, &bad_length, &failing};
  const int count = sizeof numbers / sizeof numbers[0];
  if (argc != count + 2) {
    fprintf(stderr, "usage: slowfs MOUNTPOINT SIZE READ_MS STAT_MS OPEN_MS BAD_OFFSET BAD_LENGTH FAILURES\n");
    return 2;
  }
  for (int i = 0; i < count; i++)
    *numbers[i] = strtoll(argv[i + 2], NULL, 10);
  atomic_store(&failures, failing);
  /* A test runner that is killed leaves no mount behind. */
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  return mount_and_serve(argv[1]) == 0 ? 0 : 1;
}
