/* File pages laid over memory of the caller's: what is there then, what is left there, and who may have it. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PAGES = 64 };
#define SIZE (PAGES * PAGE)

/* As an engine reserves it for a WebAssembly memory: much address space, of which some is given out. */
static unsigned char *make_memory(void) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  unsigned char *memory = mmap(NULL, 4 * SIZE, PROT_NONE, flags, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK_EQUAL(mprotect(memory, 2 * SIZE, PROT_READ | PROT_WRITE), 0);
  memset(memory, 0xEE, 2 * SIZE);
  return memory;
}

static void free_memory(unsigned char *memory) { CHECK_EQUAL(munmap(memory, 4 * SIZE), 0); }

static void check_file_at(const unsigned char *memory, uint64_t offset, uint64_t length) {
  for (uint64_t i = 0; i < length; i++)
    CHECK_EQUAL(memory[i], byte_at(offset + i));
}

static void check_bytes(const unsigned char *memory, int byte, uint64_t length) {
  for (uint64_t i = 0; i < length; i++)
    CHECK_EQUAL(memory[i], byte);
}

static fl_id lay(fl_id file, uint64_t offset, uint64_t length, void *address) {
  fl_id overlay;
  CHECK_EQUAL(fl_overlay_create(file, offset, length, address, &overlay), 0);
  CHECK_EQUAL(fl_overlay_lay(overlay), 0);
  return overlay;
}

static void take_away(fl_id overlay) {
  CHECK_EQUAL(fl_mapping_close(overlay), 0);
  fl_mapping_release(overlay);
}

static void the_pages_are_there_and_zeros_afterwards(void) {
  struct fl_map_info info;
  unsigned char *memory = make_memory();
  fl_id file = map_and_close(make_file(SIZE), 0, SIZE, &info);
  fl_id overlay = lay(file, 2 * PAGE, 8 * PAGE, memory + PAGE);
  CHECK_EQUAL(touch(overlay, 0, 8 * PAGE), 0);
  CHECK_EQUAL(touch(overlay, 1, 8 * PAGE), -ERANGE);
  check_bytes(memory, 0xEE, PAGE);
  check_file_at(memory + PAGE, 2 * PAGE, 8 * PAGE);
  check_bytes(memory + 9 * PAGE, 0xEE, PAGE);
  let_go(file); /* the overlay lives on its own */
  check_file_at(memory + PAGE, 2 * PAGE, 8 * PAGE);
  take_away(overlay);
  check_bytes(memory + PAGE, 0, 8 * PAGE);
  memory[PAGE] = memory[9 * PAGE - 1] = 7; /* writable as before */
  check_bytes(memory + 9 * PAGE, 0xEE, PAGE);
  CHECK_EQUAL(mprotect(memory, 3 * SIZE, PROT_READ | PROT_WRITE), 0); /* as the engine does to grow it */
  fl_test_drain_reaper();
  CHECK_EQUAL(fl_mapping_count(), 0);
  free_memory(memory);
}

static void the_memory_can_grow_meanwhile(void) {
  for (enum fl_mode mode = FL_COPY_ON_WRITE; mode <= FL_SHARED; mode++) {
    struct fl_map_info info;
    int fd = make_file(SIZE);
    struct fl_map_request request = {.fd = fd, .length = SIZE, .mode = mode};
    unsigned char *memory = make_memory();
    CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
    fl_id overlay = lay(info.id, 0, SIZE, memory);
    CHECK_EQUAL(mprotect(memory, 3 * SIZE, PROT_READ | PROT_WRITE), 0);
    check_file_at(memory, 0, SIZE);
    close(fd);
    take_away(overlay);
    let_go(info.id);
    free_memory(memory);
  }
}

static void stores_reach_the_file_only_where_it_is_shared(void) {
  for (enum fl_mode mode = FL_COPY_ON_WRITE; mode <= FL_SHARED; mode++) {
    struct fl_map_info info;
    int fd = make_file(SIZE);
    struct fl_map_request request = {.fd = fd, .length = SIZE, .mode = mode};
    unsigned char *memory = make_memory();
    CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
    fl_id overlay = lay(info.id, PAGE, PAGE, memory);
    unsigned char stored = (unsigned char)~byte_at(PAGE + 5), found;
    memory[5] = stored;
    take_away(overlay);
    CHECK_EQUAL(pread(fd, &found, 1, PAGE + 5), 1);
    CHECK_EQUAL(found, mode == FL_SHARED ? stored : byte_at(PAGE + 5));
    close(fd);
    let_go(info.id);
    free_memory(memory);
  }
}

static void the_end_of_the_file_need_not_be_that_of_a_page(void) {
  struct fl_map_info info;
  unsigned char *memory = make_memory();
  fl_id file = map_and_close(make_file(3 * PAGE + 10), 0, 3 * PAGE + 10, &info);
  fl_id overlay = lay(file, PAGE, 2 * PAGE + 10, memory);
  CHECK_EQUAL(touch(overlay, 0, 2 * PAGE + 10), 0);
  check_file_at(memory, PAGE, 2 * PAGE + 10);
  check_bytes(memory + 2 * PAGE + 10, 0, PAGE - 10);
  check_bytes(memory + 3 * PAGE, 0xEE, PAGE);
  take_away(overlay);
  let_go(file);
  free_memory(memory);
}

static void what_does_not_fit_is_refused(void) {
  struct fl_map_info info, inside;
  unsigned char *memory = make_memory();
  int fd = make_file(SIZE);
  fl_id overlay;
  struct fl_map_request request = {.fd = fd, .offset = 10, .length = 2 * PAGE};
  CHECK_EQUAL(fl_mapping_create(&request, &inside), 0);
  fl_id file = map_and_close(fd, 0, SIZE, &info);
  CHECK_EQUAL(fl_overlay_create(file, 0, PAGE, memory + 1, &overlay), -EINVAL);
  CHECK_EQUAL(fl_overlay_create(file, 1, PAGE, memory, &overlay), -EINVAL);
  CHECK_EQUAL(fl_overlay_create(file, 0, PAGE + 1, memory, &overlay), -EINVAL);
  CHECK_EQUAL(fl_overlay_create(file, PAGE, SIZE, memory, &overlay), -ERANGE);
  CHECK_EQUAL(fl_overlay_create(inside.id, 0, PAGE, memory, &overlay), -EINVAL);
  overlay = lay(inside.id, PAGE - 10, PAGE + 10, memory);
  check_file_at(memory, PAGE, PAGE + 10);
  take_away(overlay);
  CHECK_EQUAL(fl_overlay_lay(overlay), -FL_CLOSED);
  CHECK_EQUAL(fl_overlay_lay(file), -EINVAL);
  CHECK_EQUAL(fl_overlay_create(file, 0, 0, memory, &overlay), 0);
  CHECK_EQUAL(fl_overlay_lay(overlay), 0);
  take_away(overlay);
  CHECK_EQUAL(fl_mapping_close(file), 0);
  CHECK_EQUAL(fl_overlay_create(file, 0, PAGE, memory, &overlay), -FL_CLOSED);
  let_go(inside.id);
  let_go(file);
  CHECK_EQUAL(fl_mapping_count(), 0);
  free_memory(memory);
}

static void no_two_have_the_same_memory(void) {
  struct fl_map_info info;
  unsigned char *memory = make_memory();
  fl_id file = map_and_close(make_file(SIZE), 0, SIZE, &info);
  fl_id first = lay(file, 0, 2 * PAGE, memory + 2 * PAGE), other;
  for (int page = 1; page <= 3; page++)
    CHECK_EQUAL(fl_overlay_create(file, 0, 2 * PAGE, memory + page * PAGE, &other), -EBUSY);
  fl_id before = lay(file, 0, 2 * PAGE, memory), after = lay(file, 0, PAGE, memory + 4 * PAGE);
  take_away(first);
  other = lay(file, 8 * PAGE, 2 * PAGE, memory + 2 * PAGE);
  check_file_at(memory + 2 * PAGE, 8 * PAGE, 2 * PAGE);
  take_away(other);
  take_away(before);
  take_away(after);
  let_go(file);
  CHECK_EQUAL(fl_mapping_count(), 0);
  free_memory(memory);
}

static void what_was_never_laid_leaves_the_memory_as_it_was(void) {
  struct fl_map_info info;
  unsigned char *memory = make_memory();
  fl_id file = map_and_close(make_file(SIZE), 0, SIZE, &info), overlay;
  CHECK_EQUAL(fl_overlay_create(file, 0, PAGE, memory, &overlay), 0);
  take_away(overlay);
  check_bytes(memory, 0xEE, PAGE);
  let_go(file);
  free_memory(memory);
}

static void lost_pages_are_zeros_and_counted_and_come_back(void) {
  struct fl_map_info info;
  unsigned char *memory = make_memory();
  int fd = make_file(SIZE);
  struct fl_map_request request = {.fd = fd, .length = SIZE};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  fl_id overlay = lay(info.id, PAGE, 8 * PAGE, memory);
  CHECK_EQUAL(ftruncate(fd, 3 * PAGE), 0);
  CHECK_EQUAL(((volatile unsigned char *)memory)[5 * PAGE + 1], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(overlay), PAGE);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  CHECK_EQUAL(touch(overlay, 0, 2 * PAGE), 0);
  CHECK_EQUAL(touch(overlay, 0, 2 * PAGE + 1), -FL_TRUNCATED);
  unsigned char page[PAGE];
  for (uint64_t at = 3 * PAGE; at < SIZE; at += PAGE) {
    for (uint64_t i = 0; i < PAGE; i++)
      page[i] = byte_at(at + i);
    CHECK_EQUAL(pwrite(fd, page, PAGE, (off_t)at), PAGE);
  }
  uint64_t size;
  CHECK_EQUAL(fl_refresh(overlay, &size), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(overlay), 0);
  check_file_at(memory, PAGE, 8 * PAGE);
  close(fd);
  take_away(overlay);
  let_go(info.id);
  free_memory(memory);
}

/*
 * A load that is lost, and whose signal is handled while the memory is given back, must not clear what is stored there
 * next.
 */
struct scan {
  volatile unsigned char *memory;
  _Atomic bool over;
};

/* The memory is mapped anew under it: a race by design, for the sanitizer of threads. */
__attribute__((no_sanitize_thread)) static void *load_for_ever(void *argument) {
  struct scan *scan = argument;
  while (!atomic_load(&scan->over))
    for (int page = 0; page < 8; page++)
      (void)scan->memory[page * PAGE + 1];
  return NULL;
}

static void a_late_handler_harms_nobody(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {.fd = fd, .length = SIZE};
  unsigned char *memory = make_memory();
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  close(fd);
  struct scan scan = {.memory = memory};
  pthread_t loader;
  CHECK_EQUAL(pthread_create(&loader, NULL, load_for_ever, &scan), 0);
  for (int round = 0; round < 2000; round++) {
    take_away(lay(info.id, 0, 8 * PAGE, memory));
    for (int page = 0; page < 8; page++)
      memory[page * PAGE] = (unsigned char)(round | 1);
    for (int page = 0; page < 8; page++)
      CHECK_EQUAL(memory[page * PAGE], (unsigned char)(round | 1));
  }
  atomic_store(&scan.over, true);
  CHECK_EQUAL(pthread_join(loader, NULL), 0);
  let_go(info.id);
  CHECK_EQUAL(fl_mapping_count(), 0);
  free_memory(memory);
}

int main(void) {
  RUN(the_pages_are_there_and_zeros_afterwards);
  RUN(the_memory_can_grow_meanwhile);
  RUN(stores_reach_the_file_only_where_it_is_shared);
  RUN(the_end_of_the_file_need_not_be_that_of_a_page);
  RUN(what_does_not_fit_is_refused);
  RUN(no_two_have_the_same_memory);
  RUN(what_was_never_laid_leaves_the_memory_as_it_was);
  RUN(lost_pages_are_zeros_and_counted_and_come_back);
  RUN(a_late_handler_harms_nobody);
  return 0;
}
