/* Long ranges of a mapping that was advised FL_HUGEPAGE: the same bytes and errors as of any other, by fewer faults. */
#include "check.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { BLOCKS = 4 };

static size_t block; /* bytes */

/* A cold file of so many blocks and a few bytes, advised. */
static fl_id map_cold(uint64_t offset, struct fl_map_info *info) {
  uint64_t size = BLOCKS * block + 3 * PAGE + 5;
  fl_id id = map_and_close(make_file(size), offset, size - offset, info);
  CHECK_EQUAL(fl_advise(id, 0, size - offset, FL_HUGEPAGE), 0);
  CHECK_EQUAL(fl_evict(id, 0, size - offset), 0);
  return id;
}

static void check_bytes(const struct fl_map_info *info, uint64_t file_offset, uint64_t from, uint64_t to) {
  const unsigned char *bytes = info->data;
  for (uint64_t at = from; at < to; at += 997)
    CHECK_EQUAL(bytes[at], byte_at(file_offset + at));
  CHECK_EQUAL(bytes[to - 1], byte_at(file_offset + to - 1));
}

static long major_faults(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_majflt;
}

/* Whether the file system of the test has folios so large, as it says itself: its pages are read by one fault a block. */
static bool has_large_folios(void) {
  int fd = make_file(2 * block);
  fsync(fd);
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  bool large = false;
  CHECK_EQUAL(fl_os_read_blocks(fd, block, block, &large), 0);
  close(fd);
  return large;
}

static void each_block_is_read_by_one_fault(void) {
  struct fl_map_info info;
  fl_id id = map_cold(0, &info);
  long before = major_faults();
  CHECK_EQUAL(touch(id, 0, BLOCKS * block), 0);
  if (has_large_folios())
    CHECK_EQUAL(major_faults() - before - 1, BLOCKS); /* and one of the question */
  CHECK_EQUAL(fl_is_resident(id, 0, BLOCKS * block), 1);
  check_bytes(&info, 0, 0, BLOCKS * block);
  let_go(id);
}

static void no_more_than_the_range_is_read(void) {
  struct fl_map_info info;
  fl_id id = map_cold(0, &info);
  CHECK_EQUAL(touch(id, block - PAGE, block + 2 * PAGE), 0);
  uint64_t resident;
  uint8_t *vector = calloc(BLOCKS * block / PAGE + 4, 1);
  CHECK_EQUAL(fl_residency(id, 0, BLOCKS * block + 3 * PAGE + 5, vector, &resident), 0);
  CHECK_EQUAL(resident, block / PAGE + 2);
  free(vector);
  let_go(id);
}

static void check_range(uint64_t offset, uint64_t from, uint64_t length) {
  struct fl_map_info info;
  fl_id id = map_cold(offset, &info);
  CHECK_EQUAL(touch(id, from, length), 0);
  CHECK_EQUAL(fl_is_resident(id, from, length), 1);
  check_bytes(&info, offset, from, from + length);
  let_go(id);
}

static void ranges_begin_and_end_anywhere(void) {
  for (uint64_t offset = 0; offset <= 3 * PAGE; offset += 3 * PAGE) {
    check_range(offset, 1, 2 * block);
    check_range(offset, block - 1, block + 2);
    check_range(offset, PAGE, 3 * block);
    check_range(offset, 2 * block, 2 * block);
    check_range(offset, 3 * block + 7, block - 9);
    check_range(offset, 0, BLOCKS * block + 3 * PAGE + 5 - offset);
  }
}

static void what_is_there_stays(void) {
  struct fl_map_info info;
  fl_id id = map_cold(0, &info);
  CHECK_EQUAL(touch(id, block + 5 * PAGE, 1), 0);
  CHECK_EQUAL(touch(id, 2 * block, block), 0);
  CHECK_EQUAL(touch(id, 0, BLOCKS * block), 0);
  CHECK_EQUAL(fl_is_resident(id, 0, BLOCKS * block), 1);
  check_bytes(&info, 0, 0, BLOCKS * block);
  let_go(id);
}

static void what_was_cut_off_is_told(void) {
  struct fl_map_info info;
  uint64_t size = BLOCKS * block;
  int fd = make_file(size), again = dup(fd);
  fl_id id = map_and_close(fd, 0, size, &info);
  CHECK_EQUAL(fl_advise(id, 0, size, FL_HUGEPAGE), 0);
  CHECK_EQUAL(fl_evict(id, 0, size), 0);
  CHECK_EQUAL(ftruncate(again, (off_t)(2 * block + 1)), 0);
  CHECK_EQUAL(touch(id, 0, size), -FL_TRUNCATED);
  CHECK_EQUAL(touch(id, 0, 2 * block), 0);
  check_bytes(&info, 0, 0, 2 * block);
  close(again);
  let_go(id);
}

/* Lines of the process's map with a word in them. */
static size_t map_entries(const char *word) {
  char line[4352]; /* a path of any length, and what stands before it: proc_pid_maps(5) */
  size_t lines = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
    lines += strstr(line, word) != NULL;
  if (maps != NULL)
    fclose(maps);
  return lines;
}

/* Threads of the core and of a sanitizer come and go meanwhile, with their stacks: of all entries the number is not exact. */
static void nothing_of_it_stays_mapped(void) {
  enum { ROUNDS = 20 };
  struct fl_map_info info;
  fl_id id = map_cold(0, &info);
  CHECK_EQUAL(touch(id, 0, block), 0);
  size_t of_files = map_entries("/faultless-core-"), of_all = map_entries("");
  CHECK(of_files > 0);
  for (int i = 0; i < ROUNDS; i++) {
    CHECK_EQUAL(fl_evict(id, 0, BLOCKS * block), 0);
    CHECK_EQUAL(touch(id, block, (BLOCKS - 1) * block), 0);
    CHECK_EQUAL(map_entries("/faultless-core-"), of_files);
  }
  CHECK(map_entries("") < of_all + ROUNDS);
  let_go(id);
}

int main(void) {
  block = fl_os_block_size();
  if (block == 0) {
    printf("skipped: no such blocks here\n");
    return 0;
  }
  RUN(each_block_is_read_by_one_fault);
  RUN(no_more_than_the_range_is_read);
  RUN(ranges_begin_and_end_anywhere);
  RUN(what_is_there_stays);
  RUN(what_was_cut_off_is_told);
  RUN(nothing_of_it_stays_mapped);
  return 0;
}
