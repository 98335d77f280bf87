/* Mappings come, are held, closed and go; ranges are checked; nothing stays behind. */
#include "check.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void maps_bytes_at_any_offset(void) {
  const uint64_t offsets[] = {0, 1, PAGE - 1, PAGE, PAGE + 1, 10000};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    struct fl_map_info info;
    fl_id id = map_and_close(make_file(20000), offsets[i], 20000 - offsets[i], &info);
    CHECK_EQUAL(touch(id, 0, 20000 - offsets[i]), 0);
    for (uint64_t at = 0; at < 20000 - offsets[i]; at++)
      CHECK_EQUAL(((unsigned char *)info.data)[at], byte_at(offsets[i] + at));
    let_go(id);
  }
}

static void rejects_ranges_that_leave_the_mapping(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(10000), 100, 5000, &info);
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(touch(id, 5000, 0), 0);
  CHECK_EQUAL(touch(id, 0, 5001), -ERANGE);
  CHECK_EQUAL(touch(id, 5000, 1), -ERANGE);
  CHECK_EQUAL(touch(id, 5001, 0), -ERANGE);
  CHECK_EQUAL(touch(id, UINT64_MAX, 2), -ERANGE);
  CHECK_EQUAL(touch(id, 2, UINT64_MAX), -ERANGE);
  let_go(id);
}

static void an_empty_file_is_a_mapping_without_pages(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(0), 0, 0, &info);
  CHECK(info.data == NULL);
  CHECK_EQUAL(touch(id, 0, 0), 0);
  CHECK_EQUAL(touch(id, 0, 1), -ERANGE);
  CHECK_EQUAL(fl_evict(id, 0, 0), 0);
  CHECK_EQUAL(fl_is_resident(id, 0, 0), 1);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  let_go(id);
}

static int try_to_map(const char *path, uint64_t length, enum fl_mode mode) {
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0);
  struct fl_map_request request = {fd, 0, length, mode, FRESHNESS, false};
  struct fl_map_info info;
  int result = fl_mapping_create(&request, &info);
  close(fd);
  return result;
}

static void says_which_files_cannot_be_mapped_and_keeps_nothing(void) {
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  int descriptors = count_descriptors();
  size_t mappings = fl_mapping_count();
  CHECK(try_to_map("/proc/self/status", 0, FL_COPY_ON_WRITE) < 0);
  CHECK_EQUAL(try_to_map("/proc/self/maps", 4096, FL_COPY_ON_WRITE), -ENODEV);
  CHECK_EQUAL(try_to_map("/tmp", 4096, FL_COPY_ON_WRITE), -ENODEV);
  CHECK_EQUAL(try_to_map("/proc/self/exe", 4096, FL_SHARED), -EACCES);
  struct fl_map_request closed = {-1, 0, 4096, FL_COPY_ON_WRITE, FRESHNESS, false};
  struct fl_map_info info;
  CHECK_EQUAL(fl_mapping_create(&closed, &info), -EBADF);
  struct fl_map_request huge = {0, UINT64_MAX - 10, 4096, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&huge, &info), -EOVERFLOW);
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  CHECK_EQUAL(count_descriptors(), descriptors);
  CHECK_EQUAL(fl_mapping_count(), mappings);
}

static void lives_until_its_last_reference(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(4096), 0, 4096, &info);
  CHECK_EQUAL(fl_mapping_retain(id), 0);
  fl_mapping_release(id);
  CHECK_EQUAL(touch(id, 0, 4096), 0);
  let_go(id);
  CHECK_EQUAL(touch(id, 0, 4096), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_retain(id), -FL_CLOSED);
  fl_mapping_release(id); /* ignored */
}

static void an_old_id_never_names_a_new_mapping(void) {
  struct fl_map_info info;
  fl_id old = map_and_close(make_file(4096), 0, 4096, &info);
  let_go(old);
  fl_id new = map_and_close(make_file(4096), 0, 4096, &info);
  CHECK(old != new);
  CHECK_EQUAL(touch(old, 0, 1), -FL_CLOSED);
  let_go(new);
}

static void a_closed_mapping_reads_zeros_and_holds_no_space(void) {
  int fd = make_file(1 << 20);
  struct stat status;
  int descriptors = count_descriptors();
  struct fl_map_request request = {fd, 0, 1 << 20, FL_COPY_ON_WRITE, FRESHNESS, false};
  struct fl_map_info info;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(touch(info.id, 0, 1 << 20), 0);
  volatile unsigned char *bytes = info.data;
  CHECK_EQUAL(bytes[4099], byte_at(4099));
  CHECK_EQUAL(fl_mapping_close(info.id), 0);
  CHECK_EQUAL(fl_mapping_close(info.id), 0);
  CHECK_EQUAL(count_descriptors(), descriptors);
  CHECK_EQUAL(bytes[4099], 0);
  bytes[4099] = 1; /* inert, and no crash */
  CHECK_EQUAL(touch(info.id, 0, 1), -FL_CLOSED);
  CHECK_EQUAL(fl_advise(info.id, 0, 1, FL_NORMAL), -FL_CLOSED);
  CHECK_EQUAL(fstat(fd, &status), 0);
  close(fd);
  let_go(info.id);
}

static void a_store_stays_private(void) {
  int fd = make_file(8192);
  struct fl_map_request request = {fd, 0, 8192, FL_COPY_ON_WRITE, FRESHNESS, false};
  struct fl_map_info info;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK(info.copy_on_write);
  ((unsigned char *)info.data)[5000] ^= 0xff;
  unsigned char byte;
  CHECK_EQUAL(pread(fd, &byte, 1, 5000), 1);
  CHECK_EQUAL(byte, byte_at(5000));
  close(fd);
  let_go(info.id);
}

static void a_shared_store_reaches_the_file(void) {
  int fd = make_file(8192);
  struct fl_map_request request = {fd, 0, 8192, FL_SHARED, FRESHNESS, false};
  struct fl_map_info info;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  ((unsigned char *)info.data)[5000] = 77;
  unsigned char byte;
  CHECK_EQUAL(pread(fd, &byte, 1, 5000), 1);
  CHECK_EQUAL(byte, 77);
  close(fd);
  let_go(info.id);
}

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
static const bool sanitizer_maps_as_it_goes = true;
#else
static const bool sanitizer_maps_as_it_goes = false;
#endif

static void thousands_of_rounds_leave_nothing_behind(void) {
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  int descriptors = count_descriptors(), lines = 0;
  for (int round = 0; round < 3000; round++) {
    struct fl_map_info info;
    fl_id id = map_and_close(make_file(3 * 4096), 10, 8000, &info);
    CHECK_EQUAL(touch(id, 0, 8000), 0);
    if (round % 2 == 0)
      CHECK_EQUAL(fl_mapping_close(id), 0);
    let_go(id);
    if (round == 100) /* allocators have settled */
      lines = count_map_entries();
  }
  CHECK_EQUAL(count_descriptors(), descriptors);
  /* The C library keeps the stacks of up to five ended threads of the reaper, each with its guard page: 40 MiB. */
  CHECK(sanitizer_maps_as_it_goes || count_map_entries() <= lines + 10);
  CHECK_EQUAL(fl_mapping_count(), 0);
}

static fl_id stormed;
static _Atomic int stopped;

static void *touch_until_closed(void *unused) {
  (void)unused;
  int result = 0;
  while (result == 0)
    result = touch(stormed, 0, 1 << 22);
  CHECK_EQUAL(result, -FL_CLOSED);
  stopped++;
  return NULL;
}

static void closing_waits_for_operations_on_other_threads(void) {
  struct fl_map_info info;
  stormed = map_and_close(make_file(1 << 22), 0, 1 << 22, &info);
  pthread_t threads[4];
  stopped = 0;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, touch_until_closed, NULL), 0);
  for (int i = 0; i < 20; i++)
    CHECK_EQUAL(touch(stormed, 0, 1 << 22), 0);
  CHECK_EQUAL(fl_mapping_close(stormed), 0);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  CHECK_EQUAL(stopped, 4);
  let_go(stormed);
}

static void is_closed_with_the_last_handle(void) {
  struct fl_map_info first, second;
  int descriptors = count_descriptors();
  fl_id id = map_and_close(make_file(10000), 100, 5000, &first);
  CHECK_EQUAL(fl_mapping_attach(id, &second), 0);
  CHECK(second.id == id && second.data == first.data && second.mirror == first.mirror);
  CHECK_EQUAL(second.length, 5000);
  CHECK_EQUAL(second.offset, 100);
  CHECK_EQUAL(fl_mapping_leave(id), 0);
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(fl_mapping_attach(id, &second), 0);
  fl_mapping_release(id);
  CHECK_EQUAL(fl_mapping_leave(id), 0);
  CHECK_EQUAL(fl_mapping_leave(id), 1);
  CHECK_EQUAL(fl_mapping_attach(id, &second), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  CHECK_EQUAL(count_descriptors(), descriptors);
  fl_mapping_release(id);
  let_go(id);
  CHECK_EQUAL(fl_mapping_attach(id, &second), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_leave(id), -FL_CLOSED);
}

static void a_handle_that_was_collected_closes_nothing(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(5000), 0, 5000, &info);
  CHECK_EQUAL(fl_mapping_attach(id, &info), 0);
  CHECK_EQUAL(fl_mapping_leave(id), 0);
  fl_mapping_forget(id);
  fl_mapping_release(id);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[4999], byte_at(4999));
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(fl_mapping_attach(id, &info), 0); /* somebody may still hold what it takes to attach */
  CHECK_EQUAL(fl_mapping_leave(id), 1);
  fl_mapping_release(id);
  let_go(id);
}

static void a_thread_that_ends_closes_what_others_have_closed(void) {
  struct fl_map_info info;
  int descriptors = count_descriptors();
  fl_id id = map_and_close(make_file(5000), 0, 5000, &info);
  CHECK_EQUAL(fl_mapping_attach(id, &info), 0);
  fl_mapping_abandon(id, false); /* nobody has closed it yet */
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(fl_mapping_attach(id, &info), 0);
  CHECK_EQUAL(fl_mapping_leave(id), 0);
  fl_mapping_abandon(id, false);
  CHECK_EQUAL(touch(id, 0, 5000), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_close(id), 0); /* waits for the other thread */
  CHECK_EQUAL(count_descriptors(), descriptors);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[4999], 0);
  fl_mapping_abandon(id, true);
  fl_mapping_release(id);
  fl_mapping_release(id);
  let_go(id);
}

/* It had closed its handle before, and not as the last. */
static void a_thread_that_ends_spares_what_was_collected_after_it_had_closed(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(5000), 0, 5000, &info);
  CHECK_EQUAL(fl_mapping_attach(id, &info), 0);
  CHECK_EQUAL(fl_mapping_leave(id), 0);
  fl_mapping_retain(id); /* the memory's, which is in use */
  fl_mapping_forget(id);
  fl_mapping_release(id);
  fl_mapping_abandon(id, true);
  fl_mapping_release(id);
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[4999], byte_at(4999));
  let_go(id);
}

/* The thread that closes the last handle ends before it comes to it, while operations run. */
static void what_is_abandoned_amid_operations_is_closed_after_them(void) {
  struct fl_map_info info;
  size_t mappings = fl_mapping_count();
  int descriptors = count_descriptors();
  stormed = map_and_close(make_file(1 << 22), 0, 1 << 22, &info);
  pthread_t threads[4];
  stopped = 0;
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, touch_until_closed, NULL), 0);
  for (int i = 0; i < 20; i++)
    CHECK_EQUAL(touch(stormed, 0, 1 << 22), 0);
  CHECK_EQUAL(fl_mapping_leave(stormed), 1);
  fl_mapping_abandon(stormed, true);
  fl_mapping_abandon(stormed, true);
  fl_mapping_release(stormed);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  CHECK_EQUAL(stopped, 4);
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  CHECK_EQUAL(fl_mapping_count(), mappings);
  CHECK_EQUAL(count_descriptors(), descriptors);
}

static void a_file_that_outgrows_its_mapping_has_one_more(void) {
  int fd = make_file(3 * PAGE), before = count_descriptors();
  struct fl_map_request request = {fd, 5, PAGE, FL_SHARED, FRESHNESS, true};
  struct fl_map_info info, longer, none;
  uint64_t size;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(fl_advise(info.id, 0, PAGE, FL_SEQUENTIAL), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 10 * PAGE, 10 * PAGE, NULL, NULL, &longer), 0);
  fl_mapping_take_over(longer.id);
  CHECK(longer.id != info.id && longer.follows && longer.mode == FL_SHARED);
  CHECK_EQUAL(longer.offset, 5);
  CHECK_EQUAL(longer.length, 10 * PAGE);
  CHECK_EQUAL(longer.known_length, 3 * PAGE - 5);
  CHECK_EQUAL(ftruncate(fd, 6 * PAGE), 0);
  CHECK_EQUAL(fl_refresh(longer.id, &size), 0);
  CHECK_EQUAL(size, 6 * PAGE);
  CHECK_EQUAL(touch(longer.id, 0, 6 * PAGE - 5), 0);
  CHECK_EQUAL(touch(longer.id, 6 * PAGE - 5, 1), -FL_TRUNCATED);
  CHECK_EQUAL(touch(info.id, 0, PAGE), 0);
  ((unsigned char *)info.data)[7] = 77;
  CHECK_EQUAL(((volatile unsigned char *)longer.data)[7], 77);
  CHECK_EQUAL(ftruncate(fd, 10), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[PAGE - 1], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), PAGE);
  CHECK_EQUAL(fl_resize(longer.id, 6 * PAGE, &size), 0);
  CHECK_EQUAL(size, 6 * PAGE);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  CHECK_EQUAL(((volatile unsigned char *)longer.data)[4], byte_at(9));
  CHECK_EQUAL(fl_flush(longer.id, 0, 6 * PAGE - 5), 0);
  CHECK_EQUAL(count_descriptors(), before + 2);
  CHECK_EQUAL(fl_mapping_close(info.id), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[4], 0);
  CHECK_EQUAL(fl_refresh(longer.id, &size), 0);
  CHECK_EQUAL(((volatile unsigned char *)longer.data)[4], byte_at(9));
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 20 * PAGE, 20 * PAGE, NULL, NULL, &none), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_create_longer(longer.id, UINT64_MAX, UINT64_MAX, NULL, NULL, &none), -EOVERFLOW);
  CHECK_EQUAL(fl_mapping_create_longer(longer.id, (uint64_t)1 << 50, (uint64_t)1 << 50, NULL, NULL, &none), -ENOMEM);
  let_go(info.id);
  CHECK_EQUAL(fl_mapping_close(longer.id), 0);
  let_go(longer.id);
  CHECK_EQUAL(count_descriptors(), before);
  close(fd);
}

static void whoever_needs_a_longer_mapping_takes_the_longest(void) {
  int fd = make_file(8 * PAGE), before = count_descriptors();
  struct fl_map_request request = {fd, 0, PAGE, FL_SHARED, FRESHNESS, true};
  struct fl_map_info info, longer, same, longest, again;
  uint64_t size;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 2 * PAGE, 4 * PAGE, NULL, NULL, &longer), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 3 * PAGE, 6 * PAGE, NULL, NULL, &same), 0);
  CHECK_EQUAL(same.id, longer.id);
  CHECK_EQUAL(same.length, 4 * PAGE);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 5 * PAGE, 8 * PAGE, NULL, NULL, &longest), 0);
  CHECK(longest.id != longer.id && longest.file == info.id && longer.file == info.id);
  CHECK_EQUAL(count_descriptors(), before + 3);
  /* What is done by way of the first is done to all. */
  CHECK_EQUAL(touch(longest.id, 0, 8 * PAGE), 0);
  CHECK_EQUAL(ftruncate(fd, 10), 0);
  CHECK_EQUAL(((volatile unsigned char *)longest.data)[PAGE], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(longest.id), PAGE);
  CHECK_EQUAL(ftruncate(fd, 8 * PAGE), 0);
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(longest.id), 0);
  /* A handle that is left closes nothing while there is another; one that was closed is nobody's. */
  CHECK_EQUAL(fl_mapping_leave(longer.id), 0);
  CHECK_EQUAL(touch(longer.id, 0, 4 * PAGE), 0);
  CHECK_EQUAL(fl_mapping_leave(longest.id), 1);
  CHECK_EQUAL(fl_mapping_close(longest.id), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 4 * PAGE, 4 * PAGE, NULL, NULL, &again), 0);
  CHECK_EQUAL(again.id, longer.id);
  let_go(again.id);
  let_go(longest.id);
  CHECK_EQUAL(fl_mapping_create_longer(longer.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &again), 0);
  CHECK(again.id != longest.id);
  fl_mapping_forget(again.id); /* its handle was collected, and its memory may be in use */
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &same), 0);
  CHECK_EQUAL(same.id, again.id);
  fl_mapping_give_up(same.id);
  CHECK_EQUAL(touch(again.id, 0, 5 * PAGE), 0);
  let_go(again.id);
  let_go(same.id);
  CHECK_EQUAL(fl_mapping_create_longer(longer.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &again), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &same), 0);
  CHECK_EQUAL(same.id, again.id);
  fl_mapping_give_up(same.id);
  CHECK_EQUAL(touch(again.id, 0, 5 * PAGE), 0);
  let_go(same.id);
  fl_mapping_give_up(again.id); /* which nobody has any more */
  CHECK_EQUAL(touch(again.id, 0, 1), -FL_CLOSED);
  let_go(again.id);
  CHECK_EQUAL(fl_mapping_create_longer(longer.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &again), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 5 * PAGE, 5 * PAGE, NULL, NULL, &same), 0);
  CHECK_EQUAL(fl_mapping_leave(again.id), 0); /* closed, while another was about to grow into it */
  fl_mapping_give_up(same.id);
  CHECK_EQUAL(touch(again.id, 0, 1), -FL_CLOSED);
  let_go(again.id);
  let_go(same.id);
  let_go(longer.id); /* with which two were made */
  let_go(longer.id);
  let_go(info.id);
  CHECK_EQUAL(count_descriptors(), before);
  close(fd);
}

/* Without address space its memory cannot become zeros: then the mapping is not over, and whoever asks again is not told so. */
static void a_close_that_fails_can_be_tried_again(void) {
  struct fl_map_info info;
  int before = count_descriptors();
  fl_id id = map_and_close(make_file((10 * PAGE)), 0, (10 * PAGE), &info);
  struct rlimit kept, none = {PAGE, PAGE};
  CHECK_EQUAL(getrlimit(RLIMIT_AS, &kept), 0);
  none.rlim_max = kept.rlim_max;
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &none), 0);
  int refused = fl_mapping_close(id);
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &kept), 0);
  CHECK_EQUAL(refused, -ENOMEM);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[9], byte_at(9));
  CHECK_EQUAL(fl_mapping_close(id), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[9], 0);
  CHECK_EQUAL(count_descriptors(), before);
  let_go(id);
}

/* Nobody can reach it but what has followed it, and its memory cannot become zeros: it stays until that ends. */
static void what_cannot_be_closed_for_nobody_is_left_alone(void) {
  int fd = make_file(8 * PAGE), before = count_descriptors();
  struct fl_map_request request = {fd, 0, 4 * PAGE, FL_SHARED, FRESHNESS, true};
  struct fl_map_info info, longer;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(fl_mapping_create_longer(info.id, 8 * PAGE, 8 * PAGE, NULL, NULL, &longer), 0);
  fl_mapping_forget(info.id);
  struct rlimit kept, none = {PAGE, PAGE};
  CHECK_EQUAL(getrlimit(RLIMIT_AS, &kept), 0);
  none.rlim_max = kept.rlim_max;
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &none), 0);
  fl_mapping_release(info.id);
  fl_test_drain_reaper();
  CHECK_EQUAL(setrlimit(RLIMIT_AS, &kept), 0);
  CHECK_EQUAL(count_descriptors(), before + 2);
  let_go(longer.id);
  fl_test_drain_reaper();
  CHECK_EQUAL(count_descriptors(), before);
  close(fd);
}

int main(void) {
  RUN(maps_bytes_at_any_offset);
  RUN(rejects_ranges_that_leave_the_mapping);
  RUN(an_empty_file_is_a_mapping_without_pages);
  RUN(says_which_files_cannot_be_mapped_and_keeps_nothing);
  RUN(lives_until_its_last_reference);
  RUN(an_old_id_never_names_a_new_mapping);
  RUN(a_closed_mapping_reads_zeros_and_holds_no_space);
  RUN(a_store_stays_private);
  RUN(a_shared_store_reaches_the_file);
  RUN(thousands_of_rounds_leave_nothing_behind);
  RUN(closing_waits_for_operations_on_other_threads);
  RUN(is_closed_with_the_last_handle);
  RUN(a_handle_that_was_collected_closes_nothing);
  RUN(a_thread_that_ends_closes_what_others_have_closed);
  RUN(a_thread_that_ends_spares_what_was_collected_after_it_had_closed);
  RUN(what_is_abandoned_amid_operations_is_closed_after_them);
  RUN(a_file_that_outgrows_its_mapping_has_one_more);
  RUN(whoever_needs_a_longer_mapping_takes_the_longest);
  if (!sanitizer_needs_map_entries) { /* nor can they do without address space */
    RUN(a_close_that_fails_can_be_tried_again);
    RUN(what_cannot_be_closed_for_nobody_is_left_alone);
  }
  return 0;
}
