/* Copies into lent memory: right bytes, checked bounds, and no write after the lender has taken it back. */
#include "check.h"
#include "os.h"
#include <pthread.h>

/* Where times of change are as coarse as can be; once pages have been populated, what was cut off a file is there again. */
static bool is_coarse;
static _Atomic bool was_populated;
static _Atomic int to_grow_again = -1;

int __real_fl_os_populate(void *base, size_t span, bool for_writing);
int __wrap_fl_os_populate(void *base, size_t span, bool for_writing);
int __wrap_fl_os_populate(void *base, size_t span, bool for_writing) {
  int result = __real_fl_os_populate(base, span, for_writing);
  was_populated = true;
  return result;
}

static void grow_again(int fd) {
  to_grow_again = -1;
  for (uint64_t at = 49990; at < 50000; at++) {
    unsigned char byte = byte_at(at);
    CHECK_EQUAL(pwrite(fd, &byte, 1, (off_t)at), 1);
  }
}

int __real_fl_os_file_status(int fd, struct fl_os_status *status);
int __wrap_fl_os_file_status(int fd, struct fl_os_status *status);
int __wrap_fl_os_file_status(int fd, struct fl_os_status *status) {
  if (to_grow_again >= 0 && was_populated)
    grow_again(to_grow_again);
  int result = __real_fl_os_file_status(fd, status);
  if (is_coarse)
    status->changed_ns = 0;
  return result;
}

/* Whether copies come from the mapping, as they do once its memory was handed out, or past it. */
static bool from_mapping;

static fl_id map_for_copies(uint64_t size, uint64_t offset, uint64_t length, struct fl_map_info *info) {
  fl_id id = map_and_close(make_file(size), offset, length, info);
  info->mirror[FL_MIRROR_SHOWN] = from_mapping;
  return id;
}

static void copies_bytes(void) {
  struct fl_map_info info;
  fl_id id = map_for_copies(50000, 7, 40000, &info);
  unsigned char memory[30000];
  fl_id transfer;
  CHECK_EQUAL(fl_transfer_create(memory, sizeof memory, &transfer), 0);
  CHECK_EQUAL(fl_read(id, 5, 20000, transfer, 0), 0);
  CHECK_EQUAL(fl_read(id, 20005, 10000, transfer, 20000), 0);
  for (size_t i = 0; i < sizeof memory; i++)
    CHECK_EQUAL(memory[i], byte_at(12 + i));
  fl_transfer_end(transfer);
  let_go(id);
}

static void refuses_what_does_not_fit(void) {
  struct fl_map_info info;
  fl_id id = map_for_copies(50000, 0, 50000, &info);
  unsigned char memory[100];
  fl_id transfer;
  uint64_t resident, room = sizeof memory - fl_page_count(id, 0, 50000); /* a byte for each page */
  CHECK_EQUAL(fl_transfer_create(memory, sizeof memory, &transfer), 0);
  CHECK_EQUAL(fl_read(id, 0, 101, transfer, 0), -ERANGE);
  CHECK_EQUAL(fl_read(id, 0, 1, transfer, 100), -ERANGE);
  CHECK_EQUAL(fl_read(id, 0, 2, transfer, UINT64_MAX), -ERANGE);
  CHECK_EQUAL(fl_read(id, 49999, 2, transfer, 0), -ERANGE);
  CHECK_EQUAL(fl_read_residency(id, 0, 50000, transfer, room + 1, &resident), -ERANGE);
  CHECK_EQUAL(fl_read_residency(id, 0, 50000, transfer, room, &resident), 0);
  fl_transfer_end(transfer);
  CHECK_EQUAL(fl_read(id, 0, 1, transfer, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_read(id, 0, 0, transfer, 0), -FL_CLOSED);
  fl_transfer_end(transfer); /* ignored */
  let_go(id);
}

/* With what others see of it: a store is in the mapping alone, until the memory is shown. */
static void a_store_is_seen_once_the_memory_was_shown(void) {
  struct fl_map_info info;
  fl_id id = map_for_copies(50000, 0, 50000, &info), transfer;
  unsigned char byte = 0;
  CHECK_EQUAL(fl_transfer_create(&byte, 1, &transfer), 0);
  CHECK_EQUAL(fl_read(id, 20000, 1, transfer, 0), 0);
  CHECK_EQUAL(byte, byte_at(20000));
  info.mirror[FL_MIRROR_SHOWN] = 1;
  ((unsigned char *)info.data)[20000] ^= 0xff;
  CHECK_EQUAL(fl_read(id, 20000, 1, transfer, 0), 0);
  CHECK_EQUAL(byte, byte_at(20000) ^ 0xff);
  fl_transfer_end(transfer);
  let_go(id);
}

static void tells_that_the_file_was_cut(void) {
  struct fl_map_info info;
  int fd = make_file(50000), other = dup(fd);
  fl_id id = map_and_close(fd, 0, 50000, &info), transfer;
  info.mirror[FL_MIRROR_SHOWN] = from_mapping;
  unsigned char memory[50000];
  CHECK_EQUAL(fl_transfer_create(memory, sizeof memory, &transfer), 0);
  CHECK_EQUAL(ftruncate(other, 30000), 0);
  CHECK_EQUAL(fl_read(id, 0, 50000, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(fl_read(id, 29999, 2, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(fl_read(id, 40000, 1, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(fl_read(id, 29999, 1, transfer, 0), 0);
  fl_transfer_end(transfer);
  close(other);
  let_go(id);
}

/* Whoever saw that the file was short when the copy began copies again, though it is as long, and as old, as before by then. */
static void no_zeros_come_of_a_file_that_grows_again_meanwhile(void) {
  struct fl_map_info info;
  int fd = make_file(50000), other = dup(fd);
  fl_id id = map_and_close(fd, 0, 50000, &info), transfer;
  info.mirror[FL_MIRROR_SHOWN] = from_mapping;
  unsigned char byte = 0;
  CHECK_EQUAL(fl_transfer_create(&byte, 1, &transfer), 0);
  is_coarse = true;
  for (int i = 0; i < 10; i++) {
    CHECK_EQUAL(fl_read(id, 49999, 1, transfer, 0), 0);
    CHECK_EQUAL(ftruncate(other, 49990), 0);
    was_populated = false;
    to_grow_again = other;
    CHECK_EQUAL(fl_read(id, 49999, 1, transfer, 0), 0);
    CHECK_EQUAL(byte, byte_at(49999));
    CHECK_EQUAL(to_grow_again, -1);
  }
  is_coarse = false;
  fl_transfer_end(transfer);
  close(other);
  let_go(id);
}

struct storm {
  fl_id mapping, transfer;
  uint64_t at;
};

static void *copy_until_taken_back(void *argument) {
  struct storm *storm = argument;
  int result = 0;
  while (result == 0)
    result = fl_read(storm->mapping, 0, 1 << 20, storm->transfer, storm->at);
  CHECK(result == -FL_CLOSED || result == -ERANGE);
  return NULL;
}

/* Under ASAN a write after free() is seen. */
static void nobody_writes_after_it_was_taken_back(void) {
  struct fl_map_info info;
  fl_id id = map_for_copies(1 << 20, 0, 1 << 20, &info);
  for (int round = 0; round < 50; round++) {
    unsigned char *memory = malloc(3 << 20);
    fl_id transfer;
    CHECK_EQUAL(fl_transfer_create(memory, 3 << 20, &transfer), 0);
    pthread_t threads[3];
    struct storm storms[3];
    for (unsigned i = 0; i < 3; i++) {
      storms[i] = (struct storm){.mapping = id, .transfer = transfer, .at = (uint64_t)i << 20};
      CHECK_EQUAL(pthread_create(&threads[i], NULL, copy_until_taken_back, &storms[i]), 0);
    }
    CHECK_EQUAL(touch(id, 0, 1 << 20), 0);
    fl_transfer_end(transfer);
    free(memory);
    for (int i = 0; i < 3; i++)
      pthread_join(threads[i], NULL);
  }
  CHECK_EQUAL(fl_transfer_count(), 0);
  let_go(id);
}

int main(void) {
  for (int round = 0; round < 2; round++) {
    from_mapping = round == 1;
    printf("-- %s\n", from_mapping ? "from the mapping" : "past the mapping, where the system can");
    RUN(copies_bytes);
    RUN(refuses_what_does_not_fit);
    RUN(a_store_is_seen_once_the_memory_was_shown);
    RUN(tells_that_the_file_was_cut);
    RUN(no_zeros_come_of_a_file_that_grows_again_meanwhile);
    RUN(nobody_writes_after_it_was_taken_back);
  }
  return 0;
}
