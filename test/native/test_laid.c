/* Files that are mapped over a whole buffer of the caller's: who holds it, and what is left in it. */
#include "check.h"
#include <sys/mman.h>

enum { PAGES = 8 };
#define SIZE (PAGES * PAGE)
#define END (SIZE - 100)

struct buffer {
  unsigned char *bytes, *mirror;
  size_t mirror_length;
};

static unsigned char *make_pages(size_t length) {
  void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

static struct buffer make_buffer(void) {
  struct buffer buffer = {.bytes = make_pages(SIZE + PAGE), .mirror_length = fl_mirror_length(END)};
  memset(buffer.bytes, 0xEE, SIZE + PAGE);
  buffer.mirror = make_pages(buffer.mirror_length);
  return buffer;
}

/* What was laid over the buffer is gone, and nothing beside it was changed. */
static void free_buffer(struct buffer buffer) {
  for (size_t i = 0; i < SIZE; i++)
    CHECK_EQUAL(buffer.bytes[i], 0);
  for (size_t i = SIZE; i < SIZE + PAGE; i++)
    CHECK_EQUAL(buffer.bytes[i], 0xEE);
  memset(buffer.bytes, 1, SIZE); /* as the owner may again */
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  CHECK_EQUAL(fl_mapping_count(), 0);
  CHECK_EQUAL(munmap(buffer.bytes, SIZE + PAGE), 0);
  CHECK_EQUAL(munmap(buffer.mirror, buffer.mirror_length), 0);
}

static int try_to_lay(int fd, uint64_t offset, void *address, void *mirror, struct fl_map_info *info) {
  struct fl_map_request request = {fd, offset, END, FL_COPY_ON_WRITE, FRESHNESS, false};
  int result = fl_mapping_create_in(&request, address, mirror, info);
  close(fd);
  return result;
}

static fl_id lay(const struct buffer *buffer) {
  struct fl_map_info info;
  CHECK_EQUAL(try_to_lay(make_file(SIZE), 0, buffer->bytes, buffer->mirror, &info), 0);
  CHECK(info.data == buffer->bytes && info.mirror == buffer->mirror && info.length == END);
  for (size_t i = 0; i < END; i++)
    CHECK_EQUAL(buffer->bytes[i], byte_at(i));
  return info.id;
}

static void closing_leaves_zeros(void) {
  struct buffer buffer = make_buffer();
  fl_id id = lay(&buffer);
  CHECK_EQUAL(touch(id, 0, END), 0);
  CHECK(buffer.mirror[FL_MIRROR_PAGES + PAGES - 1] != 0);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  CHECK_EQUAL(fl_mapping_hold(id), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_let_go(id), 1);
  fl_mapping_release(id);
  CHECK_EQUAL(fl_mapping_let_go(id), 1);
  free_buffer(buffer);
}

static void the_last_holder_closes_it(void) {
  struct buffer buffer = make_buffer();
  fl_id id = lay(&buffer);
  struct fl_map_info again;
  CHECK_EQUAL(fl_mapping_attach(id, &again), 0);
  CHECK(again.data == buffer.bytes);
  CHECK_EQUAL(fl_mapping_hold(id), 0);
  fl_mapping_forget(id);
  fl_mapping_release(id); /* what the collector does of one handle */
  CHECK_EQUAL(fl_mapping_let_go(id), 0);
  CHECK_EQUAL(touch(id, 0, END), 0);
  fl_mapping_forget(id);
  fl_mapping_release(id); /* and of the other: who holds it sees the file */
  CHECK_EQUAL(buffer.bytes[END - 1], byte_at(END - 1));
  CHECK_EQUAL(fl_mapping_let_go(id), 1);
  free_buffer(buffer);
}

static void pins_end_with_it(void) {
  struct buffer buffer = make_buffer();
  fl_id id = lay(&buffer), pin;
  CHECK_EQUAL(fl_pin_create(id, 0, 2 * PAGE, &pin), 0);
  CHECK_EQUAL(fl_pin_lock(pin, 0, 2 * PAGE), 0);
  CHECK_EQUAL(fl_mapping_let_go(id), 1);
  fl_mapping_release(id);
  CHECK_EQUAL(fl_pin_count(), 0);
  free_buffer(buffer);
}

static void what_does_not_fit_is_refused_and_untouched(void) {
  struct fl_map_info info;
  struct buffer buffer = make_buffer();
  CHECK_EQUAL(try_to_lay(make_file(SIZE), 10, buffer.bytes, buffer.mirror, &info), -EINVAL);
  CHECK_EQUAL(try_to_lay(make_file(SIZE), 0, buffer.bytes + 16, buffer.mirror, &info), -EINVAL);
  CHECK_EQUAL(try_to_lay(open("/tmp", O_RDONLY), 0, buffer.bytes, buffer.mirror, &info), -ENODEV);
  fl_id id = lay(&buffer);
  unsigned char *other = make_pages(buffer.mirror_length);
  CHECK_EQUAL(try_to_lay(make_file(SIZE), 0, buffer.bytes, other, &info), -EBUSY);
  CHECK_EQUAL(buffer.bytes[PAGE], byte_at(PAGE));
  CHECK_EQUAL(munmap(other, buffer.mirror_length), 0);
  CHECK_EQUAL(fl_mapping_let_go(id), 1);
  fl_mapping_release(id);
  free_buffer(buffer);
}

static void lost_pages_are_zeros_and_counted(void) {
  struct buffer buffer = make_buffer();
  struct fl_map_info info;
  int fd = make_file(SIZE);
  CHECK_EQUAL(try_to_lay(dup(fd), 0, buffer.bytes, buffer.mirror, &info), 0);
  CHECK_EQUAL(ftruncate(fd, PAGE), 0);
  CHECK_EQUAL(*(volatile unsigned char *)(buffer.bytes + 3 * PAGE), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), PAGE);
  CHECK_EQUAL(touch(info.id, 3 * PAGE, 1), -FL_TRUNCATED);
  close(fd);
  CHECK_EQUAL(fl_mapping_let_go(info.id), 1);
  fl_mapping_release(info.id);
  free_buffer(buffer);
}

int main(void) {
  RUN(closing_leaves_zeros);
  RUN(the_last_holder_closes_it);
  RUN(pins_end_with_it);
  RUN(what_does_not_fit_is_refused_and_untouched);
  RUN(lost_pages_are_zeros_and_counted);
  return 0;
}
