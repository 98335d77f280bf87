/* Waiting on words of files: how waits end, who is woken, and what of it is left; with futex_waitv and without. */
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>

enum { PAGES = 16 };
#define SIZE (PAGES * PAGE)
static const int64_t FOR_EVER = INT64_MAX, MS = 1000000;

/* A file that is mapped for writing, as another process would see it, and an inbox. */
struct scene {
  int fd;
  struct fl_map_info info;
  _Atomic(uint32_t) *words;
  struct fl_inbox *inbox;
  _Atomic int rings;
};

static void ring(void *scene) { ((struct scene *)scene)->rings++; }

static void set_up_as(struct scene *s, enum fl_mode mode) {
  s->fd = make_file(SIZE);
  struct fl_map_request request = {s->fd, 0, SIZE, mode, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &s->info), 0);
  s->words = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
  CHECK((void *)s->words != MAP_FAILED);
  memset((void *)s->words, 0, SIZE);
  s->rings = 0;
  s->inbox = fl_inbox_create(ring, s);
  CHECK(s->inbox != NULL);
}

static void set_up(struct scene *s) { set_up_as(s, FL_SHARED); }

static void tear_down(struct scene *s) {
  fl_inbox_close(s->inbox);
  munmap((void *)s->words, SIZE);
  close(s->fd);
  let_go(s->info.id);
  UNTIL(fl_wait_count() == 0);
}

static int start(struct scene *s, uint64_t offset, int32_t expected, int64_t timeout_ns, fl_id *id) {
  struct fl_wait_request request = {s->info.id, offset, expected, timeout_ns, false};
  return fl_wait(s->inbox, &request, id);
}

static fl_id wait_at(struct scene *s, uint64_t offset, int32_t expected, int64_t timeout_ns) {
  fl_id id;
  CHECK_EQUAL(start(s, offset, expected, timeout_ns, &id), 0);
  return id;
}

/* The next outcome, whosever it is. */
static struct fl_wait_result take(struct scene *s) {
  struct fl_wait_result taken;
  UNTIL(fl_inbox_take(s->inbox, &taken, 1) == 1);
  return taken;
}

static int outcome_of(struct scene *s, fl_id id) {
  struct fl_wait_result taken = take(s);
  CHECK_EQUAL(taken.wait, id);
  return taken.result;
}

/* Notifies again and again, for somebody may still be on his way to sleep: how many were woken in all. */
static int wake(struct scene *s, uint64_t offset, int count) {
  int woken = 0;
  UNTIL((woken += fl_notify(s->info.id, offset, (uint32_t)(count - woken), false)) >= count);
  return woken;
}

static void a_notification_wakes(void) {
  struct scene s;
  set_up(&s);
  fl_id id = wait_at(&s, 8, 0, FOR_EVER);
  CHECK_EQUAL(fl_notify(s.info.id, 4, 1, false), 0);
  CHECK_EQUAL(wake(&s, 8, 1), 1);
  CHECK_EQUAL(outcome_of(&s, id), FL_WAIT_OK);
  CHECK_EQUAL(s.rings, 1);
  CHECK_EQUAL(fl_notify(s.info.id, 8, UINT32_MAX, false), 0);
  tear_down(&s);
}

static void an_unequal_word_is_told_at_once(void) {
  struct scene s;
  set_up(&s);
  s.words[3] = 7;
  CHECK_EQUAL(outcome_of(&s, wait_at(&s, 12, 6, FOR_EVER)), FL_WAIT_NOT_EQUAL);
  s.words[3] = (uint32_t)-5;
  CHECK_EQUAL(outcome_of(&s, wait_at(&s, 12, -5, 0)), FL_WAIT_TIMED_OUT);
  tear_down(&s);
}

static void time_runs_out_for_each(void) {
  struct scene s;
  set_up(&s);
  fl_id last = wait_at(&s, 0, 0, FOR_EVER);
  fl_id late = wait_at(&s, 0, 0, 40 * MS);
  fl_id soon = wait_at(&s, 4, 0, 10 * MS);
  fl_id now = wait_at(&s, 4, 0, 0);
  int timed_out = 0;
  for (int i = 0; i < 3; i++) {
    struct fl_wait_result taken = take(&s);
    CHECK(taken.wait == late || taken.wait == soon || taken.wait == now);
    timed_out += taken.result == FL_WAIT_TIMED_OUT;
  }
  CHECK_EQUAL(timed_out, 3);
  CHECK_EQUAL(wake(&s, 0, 1), 1);
  CHECK_EQUAL(outcome_of(&s, last), FL_WAIT_OK);
  tear_down(&s);
}

static void as_many_are_woken_as_were_asked_for(void) {
  struct scene s;
  set_up(&s);
  enum { WAITS = 8 };
  for (int i = 0; i < WAITS; i++)
    wait_at(&s, PAGE, 0, FOR_EVER);
  fl_id other = wait_at(&s, PAGE + 4, 0, FOR_EVER);
  CHECK_EQUAL(fl_notify(s.info.id, PAGE, 0, false), 0);
  CHECK_EQUAL(wake(&s, PAGE, 3), 3);
  for (int i = 0; i < 3; i++)
    CHECK_EQUAL(take(&s).result, FL_WAIT_OK);
  CHECK_EQUAL(wake(&s, PAGE, WAITS - 3), WAITS - 3);
  for (int i = 3; i < WAITS; i++)
    CHECK_EQUAL(take(&s).result, FL_WAIT_OK);
  struct fl_wait_result none;
  CHECK_EQUAL(fl_inbox_take(s.inbox, &none, 1), 0);
  fl_wait_cancel(other);
  CHECK_EQUAL(outcome_of(&s, other), -ECANCELED);
  tear_down(&s);
}

static void a_wait_is_cancelled_once(void) {
  struct scene s;
  set_up(&s);
  fl_id id = wait_at(&s, 0, 0, FOR_EVER);
  fl_wait_cancel(id);
  CHECK_EQUAL(outcome_of(&s, id), -ECANCELED);
  fl_wait_cancel(id);
  fl_wait_cancel(0);
  id = wait_at(&s, 0, 0, FOR_EVER);
  nap();
  nap();
  fl_wait_cancel(id);
  CHECK_EQUAL(outcome_of(&s, id), -ECANCELED);
  CHECK_EQUAL(fl_notify(s.info.id, 0, 1, false), 0);
  tear_down(&s);
}

static void closing_ends_the_waits_of_its_mapping(void) {
  struct scene s, other;
  set_up(&s);
  set_up(&other);
  for (int i = 0; i < 200; i++)
    wait_at(&s, (uint64_t)i * 4, 0, FOR_EVER);
  fl_id kept = wait_at(&other, 0, 0, FOR_EVER);
  CHECK_EQUAL(fl_mapping_close(s.info.id), 0);
  for (int i = 0; i < 200; i++)
    CHECK_EQUAL(take(&s).result, -FL_CLOSED);
  fl_id id;
  CHECK_EQUAL(start(&s, 0, 0, FOR_EVER, &id), -FL_CLOSED);
  CHECK_EQUAL(fl_notify(s.info.id, 0, 1, false), -FL_CLOSED);
  wake(&other, 0, 1);
  CHECK_EQUAL(outcome_of(&other, kept), FL_WAIT_OK);
  tear_down(&s);
  tear_down(&other);
}

static void an_inbox_that_is_closed_hears_nothing(void) {
  struct scene s;
  set_up(&s);
  for (int i = 0; i < 300; i++)
    wait_at(&s, 0, i % 2, FOR_EVER); /* half of them end at once */
  CHECK(s.rings <= 1);               /* as nobody has taken anything */
  fl_inbox_close(s.inbox);
  int rings = s.rings;
  UNTIL(fl_wait_count() == 0);
  CHECK_EQUAL(s.rings, rings);
  s.inbox = fl_inbox_create(ring, &s);
  fl_inbox_close(s.inbox);
  s.inbox = fl_inbox_create(ring, &s);
  tear_down(&s);
}

/* A private copy of the page would be deaf to what is stored into the file; the kernel makes one for who is careless. */
static void readers_wait_without_a_copy_of_the_page(void) {
  struct scene s;
  set_up_as(&s, FL_COPY_ON_WRITE);
  CHECK(s.info.copy_on_write);
  fl_id id = wait_at(&s, 0, 0, FOR_EVER);
  CHECK_EQUAL(wake(&s, 0, 1), 1);
  CHECK_EQUAL(outcome_of(&s, id), FL_WAIT_OK);
  s.words[0] = 77;
  CHECK_EQUAL(__atomic_load_n((uint32_t *)s.info.data, __ATOMIC_SEQ_CST), 77);
  /* And one that a stray store has copied still waits on the word of the file. */
  ((unsigned char *)s.info.data)[9] = 1;
  id = wait_at(&s, 0, 77, FOR_EVER);
  CHECK_EQUAL(wake(&s, 0, 1), 1);
  CHECK_EQUAL(outcome_of(&s, id), FL_WAIT_OK);
  tear_down(&s);
}

static void a_page_that_is_not_in_memory_is_left_to_others(void) {
  struct scene s;
  set_up(&s);
  fsync(s.fd);
  munmap((void *)s.words, SIZE);
  fl_id id;
  CHECK_EQUAL(fl_evict(s.info.id, 0, SIZE), 0);
  uint8_t vector[PAGES];
  uint64_t resident;
  CHECK_EQUAL(fl_residency(s.info.id, 0, SIZE, vector, &resident), 0);
  if (resident == 0) { /* a file in memory is never evicted */
    CHECK_EQUAL(start(&s, PAGE, 0, FOR_EVER, &id), -FL_ABSENT);
    CHECK_EQUAL(fl_notify(s.info.id, PAGE, 1, false), -FL_ABSENT);
  }
  struct fl_wait_request request = {s.info.id, PAGE, 0, FOR_EVER, true};
  CHECK_EQUAL(fl_wait(s.inbox, &request, &id), 0);
  UNTIL(fl_notify(s.info.id, PAGE, 1, true) == 1);
  CHECK_EQUAL(outcome_of(&s, id), FL_WAIT_OK);
  s.words = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
  tear_down(&s);
}

static bool is_old_kernel;

static void what_is_cut_off_is_told(void) {
  struct scene s;
  set_up(&s);
  UNTIL(fl_wait_thread_count() == 0); /* so that one thread has all that follows, where it can */
  fl_id id, pending = wait_at(&s, 8 * PAGE, 0, FOR_EVER), kept = wait_at(&s, 0, 0, FOR_EVER);
  CHECK_EQUAL(ftruncate(s.fd, PAGE), 0);
  CHECK_EQUAL(start(&s, 8 * PAGE, 0, FOR_EVER, &id), -FL_ABSENT);
  struct fl_wait_request request = {s.info.id, 8 * PAGE, 0, FOR_EVER, true};
  CHECK_EQUAL(fl_wait(s.inbox, &request, &id), 0);
  struct fl_wait_result first = take(&s);
  if (is_old_kernel)
    fl_wait_cancel(pending); /* its thread does not look again before it is woken */
  struct fl_wait_result second = take(&s);
  CHECK_EQUAL(first.wait == id ? first.result : second.result, -FL_TRUNCATED);
  CHECK_EQUAL(first.wait == id ? second.wait : first.wait, pending);
  int result = first.wait == id ? second.result : first.result;
  CHECK(result == -FL_TRUNCATED || (is_old_kernel && result == -ECANCELED));
  CHECK_EQUAL(fl_notify(s.info.id, 8 * PAGE, 1, false), -FL_TRUNCATED);
  CHECK_EQUAL(fl_notify(s.info.id, 8 * PAGE, 1, true), -FL_TRUNCATED);
  CHECK_EQUAL(wake(&s, 0, 1), 1);
  CHECK_EQUAL(outcome_of(&s, kept), FL_WAIT_OK);
  tear_down(&s);
}

static void bad_words_are_refused(void) {
  struct scene s;
  set_up(&s);
  fl_id id;
  CHECK_EQUAL(start(&s, 2, 0, FOR_EVER, &id), -EINVAL);
  CHECK_EQUAL(start(&s, SIZE - 2, 0, FOR_EVER, &id), -ERANGE);
  CHECK_EQUAL(start(&s, SIZE, 0, FOR_EVER, &id), -ERANGE);
  CHECK_EQUAL(fl_notify(s.info.id, 1, 1, false), -EINVAL);
  CHECK_EQUAL(fl_notify(s.info.id, UINT64_MAX, 1, false), -ERANGE);
  CHECK_EQUAL(fl_notify(0, 0, 1, false), -FL_CLOSED);
  CHECK_EQUAL(fl_wait_count(), 0);
  tear_down(&s);
}

static void threads_are_few_and_end(void) {
  struct scene s;
  enum { MANY = 3000, FEW = 40 };
  int count = is_old_kernel ? FEW : MANY;
  set_up(&s);
  UNTIL(fl_wait_thread_count() == 0);
  for (int i = 0; i < count; i++)
    wait_at(&s, (uint64_t)i * 4, 0, FOR_EVER);
  CHECK_EQUAL(fl_wait_thread_count(), is_old_kernel ? count : (count + 126) / 127);
  for (int i = 0; i < count; i++) {
    s.words[i] = 1; /* without it a thread that several words are notified of hears of one */
    CHECK(fl_notify(s.info.id, (uint64_t)i * 4, 1, false) >= 0);
  }
  for (int i = 0; i < count; i++) {
    int result = take(&s).result;
    CHECK(result == FL_WAIT_OK || result == FL_WAIT_NOT_EQUAL);
  }
  UNTIL(fl_wait_thread_count() == 0);
  tear_down(&s);
}

/* A thread a wait, and no more threads than that: the next is told so. */
static void threads_are_bounded(void) {
  enum { MOST = 512 };
  struct scene s;
  fl_id id;
  int result, count = 0;
  if (!is_old_kernel) /* 65,024 waits would tell the same */
    return;
  set_up(&s);
  UNTIL(fl_wait_thread_count() == 0);
  while ((result = start(&s, 0, 0, FOR_EVER, &id)) == 0)
    count++;
  CHECK_EQUAL(result, -EAGAIN);
  CHECK(count <= MOST); /* less where the system has no more */
  CHECK_EQUAL(fl_wait_count(), count);
  tear_down(&s);
}

/* The system has no thread more, while this is set. */
static _Atomic bool refuses_threads;
int __real_fl_os_spawn(void *(*run)(void *));
int __wrap_fl_os_spawn(void *(*run)(void *));
int __wrap_fl_os_spawn(void *(*run)(void *)) { return refuses_threads ? -EAGAIN : __real_fl_os_spawn(run); }

/* Each has a thread of its own at first, but where there is none it is the other's that has room. */
static void mappings_share_a_thread_where_no_other_can_be_had(void) {
  struct scene s, other;
  fl_id id;
  set_up(&s);
  set_up(&other);
  UNTIL(fl_wait_thread_count() == 0);
  refuses_threads = true;
  CHECK_EQUAL(start(&s, 0, 0, FOR_EVER, &id), -EAGAIN);
  refuses_threads = false;
  fl_id first = wait_at(&s, 0, 0, FOR_EVER);
  refuses_threads = true;
  CHECK_EQUAL(start(&other, 0, 0, FOR_EVER, &id), is_old_kernel ? -EAGAIN : 0);
  CHECK_EQUAL(fl_wait_thread_count(), 1);
  refuses_threads = false;
  if (!is_old_kernel) { /* where a thread has room for one wait there is none */
    wake(&other, 0, 1);
    CHECK_EQUAL(outcome_of(&other, id), FL_WAIT_OK);
  }
  wake(&s, 0, 1);
  CHECK_EQUAL(outcome_of(&s, first), FL_WAIT_OK);
  tear_down(&s);
  tear_down(&other);
}

/* One thread for each side of a ping-pong; each stores, notifies and waits, and the other must hear of it. */
enum { ROUNDS = 3000 };
struct side {
  struct scene *scene;
  struct fl_inbox *inbox;
  uint32_t parity;
};

static void no_ring(void *unused) { (void)unused; }

static void *play(void *argument) {
  struct side *side = argument;
  _Atomic(uint32_t) *ball = side->scene->words;
  for (uint32_t round = side->parity; round < ROUNDS; round += 2) {
    while (*ball != round) {
      struct fl_wait_request request = {side->scene->info.id, 0, (int32_t)(round - 1), FOR_EVER, false};
      struct fl_wait_result taken;
      fl_id id;
      CHECK_EQUAL(fl_wait(side->inbox, &request, &id), 0);
      UNTIL(fl_inbox_take(side->inbox, &taken, 1) == 1);
      CHECK(taken.wait == id && (taken.result == FL_WAIT_OK || taken.result == FL_WAIT_NOT_EQUAL));
    }
    *ball = round + 1;
    CHECK(fl_notify(side->scene->info.id, 0, 1, false) >= 0);
  }
  return NULL;
}

static void no_wake_up_is_lost(void) {
  struct scene s;
  set_up(&s);
  struct side sides[2];
  pthread_t threads[2];
  for (uint32_t i = 0; i < 2; i++) {
    sides[i] = (struct side){&s, fl_inbox_create(no_ring, NULL), i};
    CHECK_EQUAL(pthread_create(&threads[i], NULL, play, &sides[i]), 0);
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    fl_inbox_close(sides[i].inbox);
  }
  CHECK_EQUAL(s.words[0], ROUNDS);
  tear_down(&s);
}

/* Waits that come, go, time out and are cancelled on the same thread as one that must not miss anything. */
static _Atomic bool over;

static void *disturb(void *argument) {
  struct scene *s = argument;
  struct fl_inbox *inbox = fl_inbox_create(no_ring, NULL);
  struct fl_wait_result taken[16];
  for (uint64_t i = 0; !over; i++) {
    struct fl_wait_request request = {s->info.id, PAGE + i % 64 * 4, 0, i % 3 == 0 ? 0 : FOR_EVER, false};
    fl_id id;
    CHECK_EQUAL(fl_wait(inbox, &request, &id), 0);
    if (i % 3 == 1)
      fl_wait_cancel(id);
    fl_inbox_take(inbox, taken, 16);
    if (i % 64 == 63) {
      fl_inbox_close(inbox);
      inbox = fl_inbox_create(no_ring, NULL);
    }
  }
  fl_inbox_close(inbox);
  return NULL;
}

static void nothing_is_missed_while_others_come_and_go(void) {
  struct scene s;
  set_up(&s);
  pthread_t thread;
  over = false;
  CHECK_EQUAL(pthread_create(&thread, NULL, disturb, &s), 0);
  for (uint32_t i = 0; i < 1000; i++) {
    fl_id id = wait_at(&s, 0, (int32_t)i, FOR_EVER);
    s.words[0] = i + 1;
    CHECK(fl_notify(s.info.id, 0, 1, false) >= 0);
    int result = outcome_of(&s, id);
    CHECK(result == FL_WAIT_OK || result == FL_WAIT_NOT_EQUAL);
  }
  over = true;
  pthread_join(thread, NULL);
  tear_down(&s);
}

static void run_all(void) {
  RUN(a_notification_wakes);
  RUN(an_unequal_word_is_told_at_once);
  RUN(time_runs_out_for_each);
  RUN(as_many_are_woken_as_were_asked_for);
  RUN(a_wait_is_cancelled_once);
  RUN(closing_ends_the_waits_of_its_mapping);
  RUN(an_inbox_that_is_closed_hears_nothing);
  RUN(readers_wait_without_a_copy_of_the_page);
  RUN(a_page_that_is_not_in_memory_is_left_to_others);
  RUN(what_is_cut_off_is_told);
  RUN(bad_words_are_refused);
  RUN(threads_are_few_and_end);
  RUN(threads_are_bounded);
  RUN(mappings_share_a_thread_where_no_other_can_be_had);
  RUN(no_wake_up_is_lost);
  RUN(nothing_is_missed_while_others_come_and_go);
}

static void where_nobody_can_wait_it_is_refused(void) {
  struct scene s;
  set_up(&s);
  fl_id id;
  CHECK_EQUAL(start(&s, 0, 0, FOR_EVER, &id), -ENOTSUP);
  CHECK_EQUAL(fl_notify(s.info.id, 0, 1, true), -ENOTSUP);
  CHECK_EQUAL(fl_wait_count(), 0);
  CHECK_EQUAL(fl_wait_thread_count(), 0);
  tear_down(&s);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (fl_os_can_wait() < 0) {
    RUN(where_nobody_can_wait_it_is_refused);
    return 0;
  }
  is_old_kernel = !fl_os_can_wait_for_many();
  run_all();
  UNTIL(fl_wait_thread_count() == 0); /* a thread does as the kernel did when it was started */
  is_old_kernel = true;
  fl_test_disable_futex_waitv(true);
  printf("-- without futex_waitv\n");
  run_all();
  return 0;
}
