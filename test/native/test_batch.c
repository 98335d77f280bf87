/* Several requests by one call: each has its own result, whatever comes of the others. */
#include "check.h"

enum { PAGES = 64, COUNT = 6 };

static int results[COUNT];

static void populate(const struct fl_part parts[COUNT]) {
  memset(results, 0x55, sizeof results);
  CHECK_EQUAL(fl_populate_each(parts, COUNT, INT64_MAX, results), COUNT);
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
  CHECK(!fl_prefetch_each(parts, COUNT, INT64_MAX));
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
  fl_prefetch_each(parts, COUNT, INT64_MAX);
  populate(parts);
  const int expected[COUNT] = {0, -FL_TRUNCATED, -FL_TRUNCATED, -FL_CLOSED, -ERANGE, 0};
  for (int i = 0; i < COUNT; i++)
    CHECK_EQUAL(results[i], expected[i]);
  close(again);
  fl_mapping_release(closed);
  let_go(id);
}

static void a_prefetch_that_takes_long_ends_the_row(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  const struct fl_part parts[2] = {{id, 0, PAGE}, {id, 2 * PAGE, PAGE}};
  CHECK(fl_prefetch_each(parts, 2, -1)); /* whatever it takes is more */
  CHECK(!fl_prefetch_each(parts, 0, -1));
  let_go(id);
}

static void a_page_that_takes_long_ends_the_row(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGES * PAGE), 0, PAGES * PAGE, &info);
  const struct fl_part parts[2] = {{id, 0, PAGE}, {id, 2 * PAGE, PAGE}};
  int its[2] = {7, 7};
  CHECK_EQUAL(fl_populate_each(parts, 2, -1, its), 1);
  CHECK_EQUAL(its[0], 0);
  CHECK_EQUAL(its[1], 7);
  CHECK_EQUAL(fl_populate_each(parts, 0, -1, its), 0);
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
  CHECK_EQUAL(fl_populate_each(parts, FL_PARTS_MAX + 1, INT64_MAX, its), FL_PARTS_MAX);
  CHECK_EQUAL(its[FL_PARTS_MAX - 1], 0);
  CHECK_EQUAL(its[FL_PARTS_MAX], 7);
  let_go(id);
}

int main(void) {
  for (int old_kernel = 0; old_kernel <= 1; old_kernel++) {
    fl_test_disable_populate(old_kernel);
    RUN(each_part_is_resident_afterwards);
    RUN(a_part_that_fails_spoils_no_other);
    RUN(a_prefetch_that_takes_long_ends_the_row);
    RUN(a_page_that_takes_long_ends_the_row);
    RUN(no_more_than_so_many_are_looked_at);
  }
  fl_yield();
  return 0;
}
