/*
 * On a system that nobody has written a file for: everything that could begin is refused with ENOTSUP, and nothing is
 * left.
 */
#include "check.h"

static void a_file_cannot_be_described(void) {
  enum fl_file_kind kind;
  uint64_t size;
  int fd = make_file(100);
  CHECK_EQUAL(fl_describe(fd, &kind, &size), -ENOTSUP);
  close(fd);
}

static void nothing_is_mapped(void) {
  struct fl_map_info info;
  int fd = make_file(100);
  struct fl_map_request request = {fd, 0, 100, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), -ENOTSUP);
  request.mode = FL_SHARED;
  CHECK_EQUAL(fl_mapping_create(&request, &info), -ENOTSUP);
  CHECK_EQUAL(fl_mapping_count(), 0);
  close(fd);
}

static void nothing_is_known_of_a_mapping(void) {
  fl_id pin;
  CHECK_EQUAL(touch(1, 0, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_pin_create(1, 0, 0, &pin), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_close(1), -FL_CLOSED);
}

int main(void) {
  RUN(a_file_cannot_be_described);
  RUN(nothing_is_mapped);
  RUN(nothing_is_known_of_a_mapping);
  return 0;
}
