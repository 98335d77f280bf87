/* Changing files: writes land where they belong and nowhere else, sizes change as a whole or not, and no store is lost. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>

static fl_id map_shared(int fd, uint64_t offset, uint64_t length, bool follows, struct fl_map_info *info) {
  struct fl_map_request request = {fd, offset, length, FL_SHARED, FRESHNESS, follows};
  CHECK_EQUAL(fl_mapping_create(&request, info), 0);
  return info->id;
}

static fl_id lend(const void *bytes, uint64_t length) {
  fl_id transfer;
  CHECK_EQUAL(fl_transfer_create((void *)bytes, length, &transfer), 0);
  return transfer;
}

static uint64_t size_of(int fd) {
  struct stat status;
  CHECK_EQUAL(fstat(fd, &status), 0);
  return (uint64_t)status.st_size;
}

static void expect_bytes(int fd, uint64_t offset, uint64_t length, unsigned char wanted) {
  for (uint64_t at = offset; at < offset + length; at++) {
    unsigned char byte;
    CHECK_EQUAL(pread(fd, &byte, 1, (off_t)at), 1);
    CHECK_EQUAL(byte, wanted);
  }
}

static void writes_at_any_place_and_nowhere_else(void) {
  enum { SIZE = 700000, START = 5000, LENGTH = 600001 };
  int fd = make_file(SIZE);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 4097, SIZE - 4097, false, &info);
  unsigned char *bytes = malloc(LENGTH + 3);
  memset(bytes, 0xAB, LENGTH + 3);
  fl_id transfer = lend(bytes, LENGTH + 3);
  CHECK_EQUAL(fl_write(id, START, LENGTH, transfer, 3), 0);
  CHECK_EQUAL(fl_write(id, START, 0, transfer, 0), 0);
  unsigned char *file = malloc(SIZE);
  CHECK_EQUAL(pread(fd, file, SIZE, 0), SIZE);
  for (uint64_t at = 0; at < SIZE; at++) {
    bool written = at >= 4097 + START && at < 4097 + START + LENGTH;
    CHECK_EQUAL(file[at], written ? 0xAB : byte_at(at));
    if (at >= 4097)
      CHECK_EQUAL(((unsigned char *)info.data)[at - 4097], file[at]);
  }
  fl_transfer_end(transfer);
  free(bytes);
  free(file);
  close(fd);
  let_go(id);
}

static void refuses_what_it_must(void) {
  int fd = make_file(10000);
  struct fl_map_info info;
  char bytes[100] = {0};
  uint64_t size;
  fl_id transfer = lend(bytes, sizeof bytes);
  fl_id private = map_and_close(dup(fd), 0, 10000, &info);
  CHECK_EQUAL(fl_write(private, 0, 1, transfer, 0), -EACCES);
  CHECK_EQUAL(fl_resize(private, 5, &size), -EACCES);
  CHECK_EQUAL(fl_populate_for_writing(private, 0, 1), -EACCES);
  let_go(private);
  fl_id id = map_shared(fd, 0, 10000, false, &info);
  CHECK_EQUAL(fl_write(id, 9999, 2, transfer, 0), -ERANGE);
  CHECK_EQUAL(fl_write(id, 0, 101, transfer, 0), -ERANGE);
  CHECK_EQUAL(fl_resize(id, UINT64_MAX, &size), -EFBIG);
  fl_transfer_end(transfer);
  CHECK_EQUAL(fl_write(id, 0, 1, transfer, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  CHECK_EQUAL(fl_write(id, 0, 1, transfer, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_resize(id, 5, &size), -FL_CLOSED);
  let_go(id);
  for (uint64_t at = 0; at < 10000; at++)
    expect_bytes(fd, at, 1, byte_at(at));
  close(fd);
}

/* A write past the end would make the file grow again, with a hole where others have cut it. */
static void never_makes_a_file_grow(void) {
  int fd = make_file(20000);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, 20000, false, &info);
  char bytes[100] = {0};
  fl_id transfer = lend(bytes, sizeof bytes);
  CHECK_EQUAL(ftruncate(fd, 10000), 0);
  CHECK_EQUAL(fl_write(id, 9950, 100, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(fl_write(id, 15000, 100, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(size_of(fd), 10000);
  expect_bytes(fd, 9999, 1, byte_at(9999));
  CHECK_EQUAL(fl_write(id, 9900, 100, transfer, 0), 0);
  expect_bytes(fd, 9900, 100, 0);
  fl_transfer_end(transfer);
  close(fd);
  let_go(id);
}

/* What an appending descriptor writes goes to the end of the file, wherever it was sent. */
static void an_appending_descriptor_is_not_appended_to(void) {
  int made = make_file(10000);
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", made);
  int fd = open(link, O_RDWR | O_APPEND);
  CHECK(fd >= 0);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, 10000, false, &info);
  char bytes[100] = {0};
  fl_id transfer = lend(bytes, sizeof bytes);
  CHECK_EQUAL(fl_write(id, 50, 100, transfer, 0), 0);
  CHECK_EQUAL(size_of(fd), 10000);
  expect_bytes(fd, 50, 100, 0);
  CHECK((fcntl(fd, F_GETFL) & O_APPEND) != 0);
  fl_transfer_end(transfer);
  close(fd);
  close(made);
  let_go(id);
}

static void resizing_changes_the_size_and_what_is_lost_comes_back(void) {
  int fd = make_file(10000);
  struct fl_map_info info;
  struct stat status;
  uint64_t size;
  fl_id id = map_shared(fd, 0, 1 << 20, true, &info);
  volatile unsigned char *bytes = info.data;
  CHECK_EQUAL(bytes[500000], 0); /* past the end: the guard's */
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), fl_page_size());
  CHECK_EQUAL(fl_resize(id, 1 << 20, &size), 0);
  CHECK_EQUAL(size, 1 << 20);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), 0);
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK(status.st_blocks * 512 >= (1 << 20) - 12288); /* what it grew by has its blocks */
  bytes[500000] = 7;
  expect_bytes(fd, 500000, 1, 7);
  CHECK_EQUAL(fl_resize(id, 5000, &size), 0);
  CHECK_EQUAL(size_of(fd), 5000);
  CHECK_EQUAL(touch(id, 5000, 1), -FL_TRUNCATED);
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(bytes[500000], 0);
  CHECK_EQUAL(fl_resize(id, 600000, &size), 0);
  CHECK_EQUAL(bytes[500000], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), 0);
  CHECK_EQUAL(fl_resize(id, 600000, &size), 0);
  CHECK_EQUAL(size, 600000);
  close(fd);
  let_go(id);
}

/* A limit stands in for a full disk, which tests of the package have: RLIMIT_FSIZE would be a signal. */
static void a_resize_that_fails_leaves_the_size(void) {
  int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
  CHECK(fd >= 0);
  CHECK_EQUAL(ftruncate(fd, 10000), 0);
  struct fl_map_info info;
  uint64_t size;
  fl_id id = map_shared(fd, 0, 100000, true, &info);
  CHECK_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
  CHECK_EQUAL(fl_resize(id, 100000, &size), -EPERM);
  CHECK_EQUAL(size_of(fd), 10000);
  CHECK_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  CHECK_EQUAL(fl_resize(id, 100, &size), -EPERM);
  CHECK_EQUAL(size_of(fd), 10000);
  close(fd);
  let_go(id);
}

static uint64_t faults(void) {
  struct fl_thread_usage usage;
  CHECK_EQUAL(fl_get_thread_usage(&usage), 0);
  return usage.minor_faults + usage.major_faults;
}

static void populated_pages_take_stores_without_a_fault(void) {
  int fd = memfd_create("pages", 0);
  uint64_t pages = 300, page_size = fl_page_size();
  CHECK(fd >= 0);
  CHECK_EQUAL(ftruncate(fd, (off_t)(pages * page_size)), 0);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, pages * page_size, false, &info);
  volatile unsigned char *bytes = info.data;
  for (uint64_t page = 0; page < pages; page++) /* ASAN's own memory for them as well */
    CHECK_EQUAL(bytes[page * page_size], 0);
  CHECK_EQUAL(fl_populate_for_writing(id, 0, pages * page_size), 0);
  uint64_t before = faults();
  for (uint64_t page = 0; page < pages; page++)
    bytes[page * page_size] = 1;
  CHECK_EQUAL(faults(), before);
  for (uint64_t page = 0; page < pages; page++)
    expect_bytes(fd, page * page_size, 1, 1);
  close(fd);
  let_go(id);
}

struct counting {
  _Atomic unsigned char *counters;
  uint64_t pages;
};

static void *count_up(void *argument) {
  struct counting *counting = argument;
  for (int round = 0; round < 200; round++)
    for (uint64_t page = 0; page < counting->pages; page++)
      (*(counting->counters + page * fl_page_size()))++;
  return NULL;
}

/* Also where it is done by stores, as on kernels that cannot populate. */
static void no_store_of_others_is_lost_meanwhile(void) {
  int fd = memfd_create("counters", 0);
  struct counting counting = {.pages = 64};
  uint64_t length = counting.pages * fl_page_size();
  CHECK(fd >= 0);
  CHECK_EQUAL(ftruncate(fd, (off_t)length), 0);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, length, false, &info);
  counting.counters = info.data;
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, count_up, &counting), 0);
  for (int round = 0; round < 200; round++)
    CHECK_EQUAL(fl_populate_for_writing(id, 0, length), 0);
  pthread_join(thread, NULL);
  for (uint64_t page = 0; page < counting.pages; page++)
    CHECK_EQUAL(counting.counters[page * fl_page_size()], 200);
  close(fd);
  let_go(id);
}

static void populating_past_the_end_is_refused(void) {
  int fd = make_file(10000);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, 100000, false, &info);
  CHECK_EQUAL(fl_populate_for_writing(id, 0, 10000), 0);
  CHECK_EQUAL(fl_populate_for_writing(id, 0, 10001), -FL_TRUNCATED);
  CHECK_EQUAL(fl_populate_for_writing(id, 50000, 1), -FL_TRUNCATED);
  CHECK_EQUAL(size_of(fd), 10000);
  close(fd);
  let_go(id);
}

struct storm {
  fl_id id, transfer;
};

static void *write_until_taken_back(void *argument) {
  struct storm *storm = argument;
  int result = 0;
  while (result == 0)
    result = fl_write(storm->id, 0, 1 << 20, storm->transfer, 0);
  CHECK(result == -FL_CLOSED || result == -ERANGE);
  return NULL;
}

/* Under ASAN a load after free() is seen. */
static void nobody_reads_memory_that_was_taken_back(void) {
  int fd = make_file(1 << 20);
  struct fl_map_info info;
  fl_id id = map_shared(fd, 0, 1 << 20, false, &info);
  for (int round = 0; round < 20; round++) {
    void *bytes = calloc(1, 1 << 20);
    struct storm storm = {id, lend(bytes, 1 << 20)};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
      CHECK_EQUAL(pthread_create(&threads[i], NULL, write_until_taken_back, &storm), 0);
    CHECK_EQUAL(touch(id, 0, 1 << 20), 0);
    fl_transfer_end(storm.transfer);
    free(bytes);
    for (int i = 0; i < 2; i++)
      pthread_join(threads[i], NULL);
  }
  CHECK_EQUAL(fl_transfer_count(), 0);
  close(fd);
  let_go(id);
}

static int interruptions; /* of flushes, to come */
int __real_msync(void *address, size_t length, int flags);
int __wrap_msync(void *address, size_t length, int flags);
int __wrap_msync(void *address, size_t length, int flags) {
  if (interruptions == 0)
    return __real_msync(address, length, flags);
  interruptions--;
  errno = EINTR;
  return -1;
}

static void a_flush_that_is_interrupted_goes_on(void) {
  struct fl_map_info info;
  int fd = make_file(PAGE);
  fl_id id = map_shared(fd, 0, PAGE, false, &info);
  interruptions = 2;
  CHECK_EQUAL(fl_flush(id, 0, PAGE), 0);
  CHECK_EQUAL(interruptions, 0);
  close(fd);
  let_go(id);
}

int main(void) {
  RUN(writes_at_any_place_and_nowhere_else);
  RUN(refuses_what_it_must);
  RUN(never_makes_a_file_grow);
  RUN(an_appending_descriptor_is_not_appended_to);
  RUN(resizing_changes_the_size_and_what_is_lost_comes_back);
  RUN(a_resize_that_fails_leaves_the_size);
  RUN(nobody_reads_memory_that_was_taken_back);
  RUN(a_flush_that_is_interrupted_goes_on);
  for (int disabled = 0; disabled < 2; disabled++) {
    fl_test_disable_populate(disabled != 0);
    RUN(populated_pages_take_stores_without_a_fault);
    RUN(no_store_of_others_is_lost_meanwhile);
    RUN(populating_past_the_end_is_refused);
  }
  return 0;
}
