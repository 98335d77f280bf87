/* Several requests by one call: each has its own result, whatever comes of the others. */
#include "check.h"
#include "os.h"
#include <time.h>

enum { PAGES = 64, COUNT = 6, MOST_RUNS = 8 };

static int results[COUNT];

/* How many ranges went by each system call that took several. */
static size_t runs[MOST_RUNS], runs_count;

static void note_run(size_t count) {
  CHECK(runs_count < MOST_RUNS);
  runs[runs_count++] = count;
}

size_t __real_fl_os_populate_each(const struct fl_os_range *ranges, size_t count);
size_t __wrap_fl_os_populate_each(const struct fl_os_range *ranges, size_t count) {
  note_run(count);
  return __real_fl_os_populate_each(ranges, count);
}

size_t __real_fl_os_prefetch_each(const struct fl_os_range *ranges, size_t count);
size_t __wrap_fl_os_prefetch_each(const struct fl_os_range *ranges, size_t count) {
  note_run(count);
  return __real_fl_os_prefetch_each(ranges, count);
}

static void check_runs(size_t count, const size_t *expected) {
  CHECK_EQUAL(runs_count, count);
  for (size_t i = 0; i < count; i++)
    CHECK_EQUAL(runs[i], expected[i]);
  runs_count = 0;
}

static bool takes_ranges(void) { return fl_os_most_ranges() > 1; }

static void prefetch(const struct fl_part *parts, size_t count, size_t together) {
  bool was_long = true;
  CHECK_EQUAL(fl_prefetch_each(parts, count, together, INT64_MAX, &was_long), count);
  CHECK(!was_long);
}

static void populate(const struct fl_part parts[COUNT]) {
  memset(results, 0x55, sizeof results);
  CHECK_EQUAL(fl_populate_each(parts, COUNT, FL_PARTS_MAX, INT64_MAX, results), COUNT);
}

static void check_resident(fl_id id, uint64_t offset, uint64_t length) {
  CHECK_EQUAL(fl_is_resident(id, offset, length), 1);
}

static void each_part_is_resident_afterwards(void) {
  struct fl_map_info a, b;
  fl_id first = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &a);
  fl_id second = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &b);
  CHECK_EQUAL(fl_evict(first, 0, PAGES * PAGE), 0);
  CHECK_EQUAL(fl_evict(second, 0, PAGES * PAGE), 0);
  const struct fl_part parts[COUNT] = {{first, 0, 1},         {second, 5000, 9000}, {first, 40 * PAGE, PAGE},
                                       {first, 30 * PAGE, 0}, {second, 0, 10},      {second, PAGES * PAGE - 1, 1}};
  prefetch(parts, COUNT, FL_PARTS_MAX);
  populate(parts);
  for (int i = 0; i < COUNT; i++) {
    CHECK_EQUAL(results[i], 0);
    check_resident(parts[i].id, parts[i].offset, parts[i].length);
  }
  CHECK_EQUAL(((unsigned char *)b.data)[PAGES * PAGE - 1], byte_at(PAGES * PAGE - 1));
  let_go(first);
  let_go(second);
}

static void a_part_that_fails_spoils_no_other(void) {
  struct fl_map_info info, gone;
  int fd = make_file(PAGES * PAGE);
  int again = dup(fd);
  fl_id id = map_and_close(fd, 0, PAGES * PAGE, &info);
  fl_id closed = map_and_close(make_file(PAGE), 0, PAGE, &gone);
  CHECK_EQUAL(fl_mapping_close(closed), 0);
  CHECK_EQUAL(ftruncate(again, 10 * PAGE + 1), 0);
  const struct fl_part parts[COUNT] = {{id, 0, PAGE},     {id, 11 * PAGE, 1},       {id, 10 * PAGE, 2},
                                       {closed, 0, PAGE}, {id, PAGES * PAGE, PAGE}, {id, 10 * PAGE, 1}};
  prefetch(parts, COUNT, FL_PARTS_MAX);
  populate(parts);
  const int expected[COUNT] = {0, -FL_TRUNCATED, -FL_TRUNCATED, -FL_CLOSED, -ERANGE, 0};
  for (int i = 0; i < COUNT; i++)
    CHECK_EQUAL(results[i], expected[i]);
  close(again);
  fl_mapping_release(closed);
  let_go(id);
}

static void a_prefetch_that_takes_long_ends_the_row(void) {
  enum { AT_ONCE = 3 };
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  const struct fl_part parts[AT_ONCE] = {{id, 0, PAGE}, {id, 2 * PAGE, PAGE}, {id, 4 * PAGE, PAGE}};
  bool was_long = false;
  CHECK_EQUAL(fl_prefetch_each(parts, AT_ONCE, 1, -1, &was_long), 1); /* whatever it takes is more */
  CHECK(was_long);
  was_long = false;
  CHECK_EQUAL(fl_prefetch_each(parts, AT_ONCE, 2, -1, &was_long), takes_ranges() ? 2 : 1);
  CHECK(was_long);
  CHECK_EQUAL(fl_prefetch_each(parts, 0, FL_PARTS_MAX, -1, &was_long), 0);
  CHECK(!was_long);
  let_go(id);
}

static void a_page_that_takes_long_ends_the_row(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  const struct fl_part parts[2] = {{id, 0, PAGE}, {id, 2 * PAGE, PAGE}};
  int its[2] = {7, 7};
  CHECK_EQUAL(fl_populate_each(parts, 2, 1, -1, its), 1);
  CHECK_EQUAL(its[0], 0);
  CHECK_EQUAL(its[1], 7);
  CHECK_EQUAL(fl_populate_each(parts, 2, FL_PARTS_MAX, -1, its), takes_ranges() ? 2 : 1);
  CHECK_EQUAL(fl_populate_each(parts, 0, FL_PARTS_MAX, -1, its), 0);
  let_go(id);
}

static void no_more_than_so_many_are_looked_at(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  struct fl_part parts[FL_PARTS_MAX + 1];
  int its[FL_PARTS_MAX + 1];
  for (int i = 0; i <= FL_PARTS_MAX; i++) {
    parts[i] = (struct fl_part){id, (uint64_t)i * PAGE, PAGE};
    its[i] = 7;
  }
  CHECK_EQUAL(fl_populate_each(parts, FL_PARTS_MAX + 1, FL_PARTS_MAX, INT64_MAX, its), FL_PARTS_MAX);
  CHECK_EQUAL(its[FL_PARTS_MAX - 1], 0);
  CHECK_EQUAL(its[FL_PARTS_MAX], 7);
  let_go(id);
}

/* A long part goes alone, as do those of a mapping that has but one, and where the caller wants no more together. */
static void parts_of_a_mapping_go_by_one_system_call(void) {
  enum { LONG = 1 << 20, PARTS = 8 };
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  fl_id other = map_and_close(make_file(LONG), 0, LONG, &info);
  CHECK_EQUAL(fl_evict(id, 0, PAGES * PAGE), 0);
  CHECK_EQUAL(fl_evict(other, 0, LONG), 0);
  const struct fl_part parts[PARTS] = {{id, 0, 1},           {id, 2 * PAGE, 2 * PAGE}, {id, 9 * PAGE, 1},
                                       {other, 0, LONG},     {id, 20 * PAGE, 1},       {other, 0, 1},
                                       {other, 5 * PAGE, 1}, {other, 7 * PAGE, 1}};
  int its[PARTS];
  runs_count = 0;
  prefetch(parts, PARTS, FL_PARTS_MAX);
  check_runs(takes_ranges() ? 2 : 0, (const size_t[]){3, 3});
  prefetch(parts, PARTS, 2);
  check_runs(takes_ranges() ? 2 : 0, (const size_t[]){2, 2});
  prefetch(parts, PARTS, 1);
  check_runs(0, NULL);
  CHECK_EQUAL(fl_populate_each(parts, PARTS, FL_PARTS_MAX, INT64_MAX, its), PARTS);
  check_runs(takes_ranges() ? 2 : 0, (const size_t[]){3, 3});
  for (int i = 0; i < PARTS; i++) {
    CHECK_EQUAL(its[i], 0);
    check_resident(parts[i].id, parts[i].offset, parts[i].length);
  }
  let_go(id);
  let_go(other);
}

/* What was come to before is resident, that one is tried alone, and the rest go together again. */
static void a_part_that_fails_divides_a_run(void) {
  enum { PARTS = 5 };
  struct fl_map_info info;
  int fd = make_file(PAGES * PAGE), again = dup(fd), its[PARTS];
  fl_id id = map_and_close(fd, 0, PAGES * PAGE, &info);
  CHECK_EQUAL(ftruncate(again, 10 * PAGE), 0);
  const struct fl_part parts[PARTS] = {
      {id, PAGE, 1}, {id, 3 * PAGE, 1}, {id, 20 * PAGE, 1}, {id, 5 * PAGE, 1}, {id, 7 * PAGE, 1}};
  runs_count = 0;
  CHECK_EQUAL(fl_populate_each(parts, PARTS, FL_PARTS_MAX, INT64_MAX, its), PARTS);
  check_runs(takes_ranges() ? 3 : 0, (const size_t[]){5, 3, 2});
  const int expected[PARTS] = {0, 0, -FL_TRUNCATED, 0, 0};
  for (int i = 0; i < PARTS; i++)
    CHECK_EQUAL(its[i], expected[i]);
  close(again);
  let_go(id);
}

/* Flags of the features that the kernel is to do without. */
enum { NO_RANGES = 1, NO_POPULATE = 2, ALL = 3 };

int main(void) {
  for (int without = 0; without <= ALL; without++) {
    fl_test_disable_ranges((without & NO_RANGES) != 0);
    fl_test_disable_populate((without & NO_POPULATE) != 0);
    RUN(parts_of_a_mapping_go_by_one_system_call);
    RUN(a_part_that_fails_divides_a_run);
    RUN(each_part_is_resident_afterwards);
    RUN(a_part_that_fails_spoils_no_other);
    RUN(a_prefetch_that_takes_long_ends_the_row);
    RUN(a_page_that_takes_long_ends_the_row);
    RUN(no_more_than_so_many_are_looked_at);
  }
  fl_yield();
  return 0;
}
