/* What mappings leave behind is given back, also behind a file whose server does not answer. */
#include "check.h"
#include "reaper.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { LONG_MS = 150, MOST_MS = 20000 }; /* longer than the reaper is patient; and than any machine is slow */
enum { MOST_THREADS = 32 };              /* of the reaper's */

static sem_t gate;
static atomic_int stuck, done;

static void hang(void *unused) {
  (void)unused;
  atomic_fetch_add(&stuck, 1);
  while (sem_wait(&gate) != 0)
    ;
  atomic_fetch_sub(&stuck, 1);
}

static void note(void *unused) {
  (void)unused;
  atomic_fetch_add(&done, 1);
}

static void await(atomic_int *counter, int count) {
  for (int ms = 0; atomic_load(counter) != count; ms++) {
    CHECK(ms < MOST_MS);
    poll(NULL, 0, 1);
  }
}

static void hang_so_many(int count) {
  for (int i = 1; i <= count; i++) {
    fl_reap_by(hang, NULL);
    await(&stuck, i);
    poll(NULL, 0, LONG_MS);
  }
}

static void let_go_of(int count) {
  for (int i = 0; i < count; i++)
    sem_post(&gate);
  fl_test_drain_reaper();
  CHECK_EQUAL(atomic_load(&stuck), 0);
  CHECK_EQUAL(fl_reaper_backlog(), 0);
}

static void what_comes_behind_a_file_that_hangs_is_given_back(void) {
  atomic_store(&done, 0);
  hang_so_many(3);
  int descriptors = count_descriptors();
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGE), 0, PAGE, &info);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  fl_mapping_release(id);
  fl_reap_by(note, NULL);
  await(&done, 1);
  for (int ms = 0; fl_reaper_backlog() != 3; ms++) {
    CHECK(ms < MOST_MS);
    poll(NULL, 0, 1);
  }
  CHECK_EQUAL(count_descriptors(), descriptors);
  let_go_of(3);
}

static void quick_work_is_of_one_thread(void) {
  atomic_store(&done, 0);
  hang_so_many(1);
  for (int i = 0; i < 1000; i++)
    fl_reap_by(note, NULL);
  await(&done, 1000);
  CHECK_EQUAL(fl_reaper_backlog(), 1);
  let_go_of(1);
}

/* Though nothing comes later that would have somebody look. */
static void what_comes_at_once_behind_one_that_hangs_is_done(void) {
  atomic_store(&done, 0);
  for (int i = 1; i <= 3; i++) {
    fl_reap_by(hang, NULL);
    await(&stuck, i);
  }
  fl_reap_by(note, NULL);
  await(&done, 1);
  CHECK_EQUAL(atomic_load(&stuck), 3);
  let_go_of(3);
}

/* They wait for one of those that hang, and are not lost. */
static void what_comes_when_all_threads_hang_is_done_after_them(void) {
  atomic_store(&done, 0);
  for (int i = 1; i <= MOST_THREADS; i++) {
    fl_reap_by(hang, NULL);
    await(&stuck, i);
  }
  for (int i = 0; i < 10; i++)
    fl_reap_by(note, NULL);
  poll(NULL, 0, LONG_MS);
  CHECK_EQUAL(atomic_load(&done), 0);
  CHECK_EQUAL(fl_reaper_backlog(), MOST_THREADS + 10);
  let_go_of(MOST_THREADS);
  CHECK_EQUAL(atomic_load(&done), 10);
}

int main(void) {
  sem_init(&gate, 0, 0);
  RUN(what_comes_behind_a_file_that_hangs_is_given_back);
  RUN(quick_work_is_of_one_thread);
  RUN(what_comes_at_once_behind_one_that_hangs_is_done);
  RUN(what_comes_when_all_threads_hang_is_done_after_them);
  return 0;
}
