/* Touch, residency, advice and eviction, with and without MADV_POPULATE_READ. */
#include "check.h"

enum { PAGES = 64 };

static fl_id cold_file(struct fl_map_info *info) {
  int fd = make_file(PAGES * PAGE);
  fsync(fd);
  fl_id id = map_and_close(fd, 0, PAGES * PAGE, info);
  CHECK_EQUAL(fl_evict(id, 0, PAGES * PAGE), 0);
  return id;
}

static uint64_t resident_pages(fl_id id, uint64_t offset, uint64_t length) {
  uint8_t vector[PAGES];
  uint64_t resident;
  CHECK_EQUAL(fl_residency(id, offset, length, vector, &resident), 0);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < fl_page_count(id, offset, length); i++)
    sum += vector[i];
  CHECK_EQUAL(sum, resident);
  return resident;
}

static void evicting_makes_cold_and_touching_makes_resident(void) {
  struct fl_map_info info;
  fl_id id = cold_file(&info);
  CHECK_EQUAL(resident_pages(id, 0, PAGES * PAGE), 0);
  CHECK_EQUAL(fl_is_resident(id, 0, 1), 0);
  CHECK_EQUAL(touch(id, 3 * PAGE + 5, PAGE), 0);
  CHECK_EQUAL(resident_pages(id, 3 * PAGE, 2 * PAGE), 2);
  CHECK_EQUAL(fl_is_resident(id, 3 * PAGE + 5, PAGE), 1);
  CHECK_EQUAL(fl_is_resident(id, 3 * PAGE, 3 * PAGE), 0);
  CHECK_EQUAL(touch(id, 0, PAGES * PAGE), 0);
  CHECK_EQUAL(resident_pages(id, 0, PAGES * PAGE), PAGES);
  let_go(id);
}

static void touched_pages_cost_no_fault(void) {
  struct fl_map_info info;
  fl_id id = cold_file(&info);
  CHECK_EQUAL(touch(id, 0, PAGES * PAGE), 0);
  struct fl_thread_usage before, after;
  unsigned sum = 0;
  CHECK_EQUAL(fl_get_thread_usage(&before), 0);
  for (uint64_t at = 0; at < PAGES * PAGE; at += PAGE)
    sum += ((volatile unsigned char *)info.data)[at] != byte_at(at);
  CHECK_EQUAL(fl_get_thread_usage(&after), 0);
  CHECK_EQUAL(sum, 0);
  CHECK_EQUAL(after.major_faults - before.major_faults, 0);
  let_go(id);
}

static void counts_pages_that_a_range_reaches_into(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(3 * PAGE), 100, 2 * PAGE, &info);
  CHECK_EQUAL(fl_page_count(id, 0, 0), 0);
  CHECK_EQUAL(fl_page_count(id, 0, 1), 1);
  CHECK_EQUAL(fl_page_count(id, 0, PAGE - 100), 1);
  CHECK_EQUAL(fl_page_count(id, 0, PAGE - 99), 2);
  CHECK_EQUAL(fl_page_count(id, 0, 2 * PAGE), 3);
  let_go(id);
}

static void takes_every_advice(void) {
  struct fl_map_info info;
  fl_id id = cold_file(&info);
  for (int advice = 0; advice < FL_ADVICE_COUNT; advice++) {
    int result = fl_advise(id, 10, 20000, advice);
    bool is_linux_s = advice == FL_COLD || advice == FL_PAGEOUT || advice == FL_HUGEPAGE;
    if (is_portable() && is_linux_s)
      CHECK_EQUAL(result, -ENOTSUP);
    else
      CHECK(result == 0 || (advice == FL_HUGEPAGE && result == -EINVAL));
    CHECK_EQUAL(touch(id, 0, PAGES * PAGE), 0);
    CHECK_EQUAL(((unsigned char *)info.data)[9999], byte_at(9999));
  }
  let_go(id);
}

enum { AROUND = 128 << 10, MANY = 8 * AROUND }; /* bytes */

/* Pages of a cold file that are there when a page in its midst was touched. */
static uint64_t read_with_a_page(enum fl_advice advice, uint64_t advised) {
  static uint8_t vector[MANY / 4096];
  struct fl_map_info info;
  int fd = make_file(MANY);
  fsync(fd);
  fl_id id = map_and_close(fd, 0, MANY, &info);
  CHECK_EQUAL(fl_evict(id, 0, MANY), 0);
  CHECK_EQUAL(fl_advise(id, 0, advised, advice), 0);
  CHECK_EQUAL(touch(id, AROUND + 5 * PAGE, PAGE), 0);
  uint64_t resident = 0;
  for (uint64_t before = UINT64_MAX; resident != before;) { /* what is read along with it is not waited for */
    struct timespec moment = {0, 50000000};
    nanosleep(&moment, NULL);
    before = resident;
    CHECK_EQUAL(fl_residency(id, 0, MANY, vector, &resident), 0);
  }
  let_go(id);
  return resident;
}

/* Tried again where fewer were there, as the system may reclaim pages that nobody uses before they are counted. */
static void check_read_along(enum fl_advice advice, uint64_t advised, uint64_t pages) {
  uint64_t resident = 0;
  UNTIL((resident = read_with_a_page(advice, advised)) >= pages);
  CHECK_EQUAL(resident, pages);
}

static void advice_decides_what_is_read_along_with_a_page(void) {
  check_read_along(FL_RANDOM, MANY, 1);
  check_read_along(FL_NORMAL, MANY, AROUND / PAGE);
  check_read_along(FL_SEQUENTIAL, MANY, 1 + 2 * AROUND / PAGE);
  check_read_along(FL_SEQUENTIAL, PAGE, 1); /* of a part: for loads from that alone */
  check_read_along(FL_DONTNEED, MANY, 1);   /* it says nothing of touches */
}

static void no_more_is_read_along_than_is_mapped(void) {
  uint8_t vector[16];
  uint64_t resident;
  struct fl_map_info info;
  int fd = make_file(16 * PAGE), again = dup(fd);
  fsync(fd);
  fl_id whole = map_and_close(again, 0, 16 * PAGE, &info), part = map_and_close(fd, 3 * PAGE, 4 * PAGE, &info);
  for (enum fl_advice advice = FL_NORMAL; advice <= FL_SEQUENTIAL; advice++) {
    CHECK_EQUAL(fl_evict(whole, 0, 16 * PAGE), 0);
    CHECK_EQUAL(fl_advise(part, 0, 4 * PAGE, advice), 0);
    CHECK_EQUAL(touch(part, 0, PAGE), 0);
    CHECK_EQUAL(touch(part, 3 * PAGE, PAGE), 0);
    CHECK_EQUAL(touch(part, 0, 4 * PAGE), 0);
    CHECK_EQUAL(fl_residency(whole, 0, 16 * PAGE, vector, &resident), 0);
    CHECK_EQUAL(resident, 4);
  }
  let_go(part);
  let_go(whole);
}

/* Each page that has another advice than its neighbours takes two entries; when none were left the process would end. */
static void advice_for_single_pages_leaves_map_entries_for_others(void) {
  enum { MOST = 40000 };
  if (is_portable() || sanitizer_needs_map_entries || most_map_entries() > 2 * MOST - 1000)
    return;
  UNTIL(!fl_mirror_thread_runs()); /* its stack would go while entries are counted */
  int fd = make_file(0), result = 0, half = (int)most_map_entries() / 2;
  CHECK_EQUAL(ftruncate(fd, 2l * MOST * PAGE), 0);
  struct fl_map_info info;
  fl_id id = map_and_close(fd, 0, 2l * MOST * PAGE, &info);
  for (uint64_t page = 1; result == 0 && page < 2 * MOST; page += 2)
    result = fl_advise(id, page * PAGE, PAGE, FL_NORMAL);
  CHECK_EQUAL(result, -ENOMEM);
  int entries = count_map_entries();
  CHECK(entries == half || entries == half - 1);
  CHECK_EQUAL(fl_advise(id, PAGE, PAGE, FL_WILLNEED), 0); /* which splits nothing */
  CHECK_EQUAL(fl_advise(id, 0, 2l * MOST * PAGE, FL_RANDOM), 0);
  CHECK(count_map_entries() < 200);
  CHECK_EQUAL(fl_advise(id, PAGE, PAGE, FL_NORMAL), 0);
  let_go(id);
}

int main(void) {
  for (int old_kernel = 0; old_kernel <= 1; old_kernel++) {
    fl_test_disable_populate(old_kernel);
    RUN(evicting_makes_cold_and_touching_makes_resident);
    RUN(touched_pages_cost_no_fault);
    RUN(counts_pages_that_a_range_reaches_into);
    RUN(takes_every_advice);
    RUN(advice_decides_what_is_read_along_with_a_page);
    RUN(no_more_is_read_along_than_is_mapped);
    RUN(advice_for_single_pages_leaves_map_entries_for_others);
  }
  return 0;
}
