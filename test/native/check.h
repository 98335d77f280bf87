/* What the tests of the core share: a check that names itself when it fails, and files whose every byte is known. */
#ifndef CHECK_H
#define CHECK_H

#include "faultless.h"
#include "os.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: %s: failed: %s\n", __FILE__, __LINE__, __func__, #condition);                            \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

#define CHECK_EQUAL(actual, expected)                                                                                  \
  do {                                                                                                                 \
    long long a_ = (long long)(actual), e_ = (long long)(expected);                                                    \
    if (a_ != e_) {                                                                                                    \
      fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, __func__, #actual, a_, e_);             \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

#define RUN(test) run(#test, test)

/* An emulator may lack what a test is about: FAULTLESS_LEFT_OUT names those, with a space before and behind each. */
static inline void run(const char *name, void (*test)(void)) {
  const char *left_out = getenv("FAULTLESS_LEFT_OUT");
  char word[128];
  snprintf(word, sizeof word, " %s ", name);
  if (left_out != NULL && strstr(left_out, word) != NULL) {
    printf("left out %s\n", name);
    return;
  }
  test();
  printf("ok %s\n", name);
}

/* A page of this system, of 4 KiB on most and of 16 or 64 KiB on some arm64: what is made of it is no constant. */
#define PAGE fl_page_size()

enum { FRESHNESS = 4000000 }; /* ns: of every mirror here, so that entries grow old while a test waits */

static inline void nap(void) {
  struct timespec moment = {0, 200000};
  nanosleep(&moment, NULL);
}

/* What has no event is looked at again and again. Nobody who waits for a minute will see it. */
#define UNTIL(condition)                                                                                               \
  do {                                                                                                                 \
    time_t end_ = time(NULL) + 60;                                                                                     \
    while (!(condition)) {                                                                                             \
      CHECK(time(NULL) < end_);                                                                                        \
      nap();                                                                                                           \
    }                                                                                                                  \
  } while (0)

/* The byte that a test file holds at an offset: differs between neighbours, and between pages. */
static inline unsigned char byte_at(uint64_t offset) { return (unsigned char)((offset * 0x9E3779B97F4A7C15u) >> 56); }

/* Whether the core was built without Linux's own calls (FAULTLESS_OS=posix). */
static inline bool is_portable(void) { return fl_os_lock_loads(); }

/* An unlinked file of so many known bytes, open for reading and writing. */
static inline int make_file(uint64_t size) {
  char path[] = "/tmp/faultless-core-XXXXXX";
  int fd = mkstemp(path);
  CHECK(fd >= 0);
  unlink(path);
  unsigned char buffer[4096];
  for (uint64_t at = 0; at < size; at += sizeof buffer) {
    size_t count = size - at < sizeof buffer ? size - at : sizeof buffer;
    for (size_t i = 0; i < count; i++)
      buffer[i] = byte_at(at + i);
    CHECK(write(fd, buffer, count) == (ssize_t)count);
  }
  return fd;
}

/* What the process has open, and how many entries its map has. */
static inline int count_descriptors(void) {
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (readdir(directory) != NULL)
    count++;
  closedir(directory);
  return count;
}

/* By the bare descriptor: a FILE's buffer may take an entry itself. */
static inline int count_map_entries(void) {
  int count = 0, fd = open("/proc/self/maps", O_RDONLY);
  CHECK(fd >= 0);
  char text[4096];
  for (ssize_t length; (length = read(fd, text, sizeof text)) > 0;)
    for (ssize_t i = 0; i < length; i++)
      count += text[i] == '\n';
  close(fd);
  return count;
}

static inline unsigned long most_map_entries(void) {
  unsigned long most = 0;
  FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
  if (file != NULL && fscanf(file, "%lu", &most) != 1)
    most = 0;
  if (file != NULL)
    fclose(file);
  return most;
}

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
static const bool sanitizer_needs_map_entries = true;
#else
static const bool sanitizer_needs_map_entries = false;
#endif

/* Maps a range of a file copy-on-write and returns its id; the descriptor is closed, as the core has its own. */
static inline fl_id map_and_close(int fd, uint64_t offset, uint64_t length, struct fl_map_info *info) {
  struct fl_map_request request = {fd, offset, length, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, info), 0);
  close(fd);
  return info->id;
}

/* As a pool's thread does for whoever touches a range. */
static inline int touch(fl_id id, uint64_t offset, uint64_t length) {
  int result = fl_prefetch(id, offset, length);
  return result < 0 ? result : fl_populate(id, offset, length);
}

/* Gives a mapping up and waits until everything of it is given back. */
static inline void let_go(fl_id id) {
  fl_mapping_release(id);
  fl_test_await_mirrors();
  fl_test_drain_reaper();
}

#endif
