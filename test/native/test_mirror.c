/* The residency mirror: what touches tell it, what its thread learns, how it forgets, and that it sleeps when unused. */
#include "check.h"
#include <pthread.h>

enum { PAGES = 64 };
#define SIZE (PAGES * PAGE)
/* Far more than is ever looked at. ThreadSanitizer has no addresses for two mappings of a TiB. */
#ifdef __SANITIZE_THREAD__
static const uint64_t GIANT = (uint64_t)1 << 38;
#else
static const uint64_t GIANT = (uint64_t)1 << 40;
#endif
static const int64_t HOUR = 3600000000000; /* as good as for ever: nothing here grows old by itself */

static uint8_t byte_of(const struct fl_map_info *info, size_t at) {
  return __atomic_load_n(&info->mirror[at], __ATOMIC_SEQ_CST);
}
static uint8_t entry(const struct fl_map_info *info, size_t page) { return byte_of(info, FL_MIRROR_PAGES + page); }

/* What a reader makes of an entry. The epoch first: an entry that is written meanwhile then looks old, never young. */
static bool is_known(const struct fl_map_info *info, size_t page) {
  int now = byte_of(info, FL_MIRROR_EPOCH), then = entry(info, page);
  return then != 0 && (unsigned)(now - then + (now < then ? FL_MIRROR_EPOCHS : 0)) < info->mirror_believed;
}

static uint32_t changes(const struct fl_map_info *info) {
  return __atomic_load_n((const uint32_t *)(const void *)&info->mirror[FL_MIRROR_CHANGES], __ATOMIC_SEQ_CST);
}

/* Says, as a reader does, that it looks at a page of a mapping of so many. */
static void use(const struct fl_map_info *info, size_t pages, size_t page) {
  __atomic_store_n(&info->mirror[FL_MIRROR_PAGES + pages + page / FL_MIRROR_BLOCK], FL_MIRROR_USED, __ATOMIC_SEQ_CST);
  if (byte_of(info, FL_MIRROR_AWAKE) == 0)
    fl_mirror_wake(info->id);
}

/* Epochs that have passed since the last call; never more than there were. */
static unsigned passed(const struct fl_map_info *info, uint8_t *last) {
  uint8_t now = byte_of(info, FL_MIRROR_EPOCH);
  unsigned count = (unsigned)(now - *last + (now < *last ? FL_MIRROR_EPOCHS : 0));
  *last = now;
  return count;
}

enum { MORE_THAN_ROUND = 600 }; /* epochs: every entry that nobody clears has looked young again meanwhile */

/* The descriptor stays open, for those who change the file. */
static int map_file(uint64_t size, int64_t freshness_ns, struct fl_map_info *info) {
  int fd = make_file(size);
  fsync(fd);
  struct fl_map_request request = {fd, 0, size, FL_COPY_ON_WRITE, freshness_ns, false};
  CHECK_EQUAL(fl_mapping_create(&request, info), 0);
  return fd;
}

static size_t count_entries(const struct fl_map_info *info, size_t pages) {
  size_t count = 0;
  for (size_t page = 0; page < pages; page++)
    count += entry(info, page) != 0;
  return count;
}

/* Behind the mapping's back: nobody tells the mirror. Mapped pages would stay in the cache, so they are unmapped first. */
static void drop_from_cache(fl_id id, int fd, uint64_t offset, uint64_t length) {
  CHECK_EQUAL(fl_advise(id, offset, length, FL_DONTNEED), 0);
  CHECK_EQUAL(posix_fadvise(fd, (off_t)offset, (off_t)length, POSIX_FADV_DONTNEED), 0);
}

static void starts_with_nothing_known(void) {
  struct fl_map_info info;
  close(map_file(SIZE, HOUR, &info));
  CHECK_EQUAL(count_entries(&info, PAGES), 0);
  CHECK_EQUAL(byte_of(&info, FL_MIRROR_AWAKE), 0);
  CHECK_EQUAL(info.mirror_believed, 4);
  let_go(info.id);
}

static void touching_tells_and_evicting_forgets_at_once(void) {
  struct fl_map_info info;
  close(map_file(SIZE, HOUR, &info));
  CHECK_EQUAL(touch(info.id, 3 * PAGE + 5, PAGE), 0);
  CHECK(is_known(&info, 3) && is_known(&info, 4));
  CHECK_EQUAL(count_entries(&info, PAGES), 2);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  CHECK_EQUAL(count_entries(&info, PAGES), PAGES);
  CHECK_EQUAL(fl_evict(info.id, 10 * PAGE + 1, PAGE), 0);
  CHECK_EQUAL(entry(&info, 10) + entry(&info, 11), 0);
  CHECK_EQUAL(count_entries(&info, PAGES), PAGES - 2);
  CHECK_EQUAL(fl_advise(info.id, 20 * PAGE, 1, FL_PAGEOUT), is_portable() ? -ENOTSUP : 0);
  CHECK_EQUAL(entry(&info, 20), 0);
  CHECK_EQUAL(fl_evict(info.id, 0, SIZE), 0);
  CHECK_EQUAL(count_entries(&info, PAGES), 0);
  let_go(info.id);
}

static void what_the_kernel_says_is_remembered(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, HOUR, &info);
  CHECK_EQUAL(fl_is_resident(info.id, PAGE + 1, 2 * PAGE), 1); /* just written, so in the cache */
  CHECK(is_known(&info, 1) && is_known(&info, 2) && is_known(&info, 3));
  CHECK_EQUAL(count_entries(&info, PAGES), 3);
  drop_from_cache(info.id, fd, 0, SIZE);
  CHECK_EQUAL(fl_is_resident(info.id, 5 * PAGE, PAGE), 0);
  CHECK_EQUAL(entry(&info, 5), 0);
  close(fd);
  let_go(info.id);
}

static void a_failed_touch_tells_nothing(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, HOUR, &info);
  CHECK_EQUAL(ftruncate(fd, 8 * PAGE + 100), 0);
  CHECK_EQUAL(touch(info.id, 0, SIZE), -FL_TRUNCATED);
  CHECK_EQUAL(touch(info.id, 8 * PAGE, 101), -FL_TRUNCATED);
  CHECK_EQUAL(fl_is_resident(info.id, 8 * PAGE, 101), 0);
  CHECK_EQUAL(count_entries(&info, PAGES), 0);
  CHECK_EQUAL(touch(info.id, 8 * PAGE, 100), 0);
  CHECK(is_known(&info, 8));
  close(fd);
  let_go(info.id);
}

static void what_is_in_use_stays_known_without_a_touch(void) {
  struct fl_map_info info;
  close(map_file(SIZE, FRESHNESS, &info));
  CHECK_EQUAL(touch(info.id, 7 * PAGE, PAGE), 0);
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, PAGES, 7);
    nap();
  }
  UNTIL((use(&info, PAGES, 7), is_known(&info, 7)));
  UNTIL((use(&info, PAGES, 7), is_known(&info, 8))); /* of its block; in the cache, since it was just written */
  let_go(info.id);
}

static void an_eviction_by_others_is_noticed_and_so_is_the_return(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, FRESHNESS, &info);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  UNTIL((use(&info, PAGES, 0), is_known(&info, 30)));
  drop_from_cache(info.id, fd, 0, SIZE);
  UNTIL((use(&info, PAGES, 0), count_entries(&info, PAGES) == 0));
  char byte;
  CHECK_EQUAL(pread(fd, &byte, 1, 30 * PAGE), 1);
  UNTIL((use(&info, PAGES, 0), is_known(&info, 30)));
  close(fd);
  let_go(info.id);
}

/* Two blocks: one is used, so that the epochs go on; of the other nobody hears any more. */
static void what_nobody_uses_grows_old_and_stays_so(void) {
  enum { ALL = FL_MIRROR_BLOCK + 1 };
  struct fl_map_info info;
  close(map_file((uint64_t)ALL * PAGE, FRESHNESS, &info));
  CHECK_EQUAL(touch(info.id, 0, PAGE), 0);
  UNTIL((use(&info, ALL, ALL - 1), !is_known(&info, 0)));
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, ALL, ALL - 1);
    CHECK(!is_known(&info, 0));
    nap();
  }
  CHECK_EQUAL(entry(&info, 0), 0);
  let_go(info.id);
}

static void an_unused_mirror_sleeps_and_wakes_with_doubts(void) {
  struct fl_map_info info;
  close(map_file(SIZE, FRESHNESS, &info));
  for (int round = 0; round < 3; round++) {
    CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
    CHECK(fl_mirror_thread_runs());
    use(&info, PAGES, 0);
    UNTIL(!fl_mirror_thread_runs());
    CHECK_EQUAL(byte_of(&info, FL_MIRROR_AWAKE), 0);
    fl_mirror_wake(info.id);
    CHECK_EQUAL(byte_of(&info, FL_MIRROR_AWAKE), 1);
    for (size_t page = 0; page < PAGES; page++)
      CHECK(!is_known(&info, page));
  }
  let_go(info.id);
}

/* A mirror whose next tick is far away must not make one that wakes wait for its first. */
static void one_that_ticks_slowly_holds_no_other_up(void) {
  struct fl_map_info slow, fast;
  close(map_file(SIZE, HOUR, &slow));
  close(map_file(SIZE, FRESHNESS, &fast));
  CHECK_EQUAL(touch(slow.id, 0, SIZE), 0);
  CHECK_EQUAL(touch(fast.id, 0, SIZE), 0);
  UNTIL(!is_known(&fast, 0));
  UNTIL(byte_of(&fast, FL_MIRROR_AWAKE) == 0);
  CHECK(fl_mirror_thread_runs() && is_known(&slow, 0));
  fl_mirror_wake(fast.id);
  UNTIL(byte_of(&fast, FL_MIRROR_AWAKE) == 0);
  let_go(slow.id);
  let_go(fast.id);
}

static void damage_forgets_at_once(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, HOUR, &info);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  CHECK_EQUAL(ftruncate(fd, 8 * PAGE), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[9 * PAGE], 0);
  CHECK_EQUAL(entry(&info, 9), 0);
  CHECK(is_known(&info, 7));
  close(fd);
  let_go(info.id);
}

/* The file is whole again and in the cache; the zeros that the guard has laid over it are not the file. */
static void no_refresh_brings_damaged_pages_back(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, FRESHNESS, &info);
  CHECK_EQUAL(ftruncate(fd, 8 * PAGE), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[9 * PAGE], 0);
  unsigned char again[PAGE]; /* whole pages: where only a block of one was written, mincore(2) calls it absent */
  memset(again, 7, PAGE);
  for (size_t at = 8 * PAGE; at < SIZE; at += PAGE)
    CHECK_EQUAL(pwrite(fd, again, PAGE, (off_t)at), PAGE);
  UNTIL((use(&info, PAGES, 0), is_known(&info, 10)));
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, PAGES, 0);
    CHECK_EQUAL(entry(&info, 9), 0);
  }
  uint64_t size;
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  CHECK_EQUAL(touch(info.id, 9 * PAGE, PAGE), 0);
  UNTIL((use(&info, PAGES, 0), is_known(&info, 9)));
  close(fd);
  let_go(info.id);
}

/* The page that holds the new end stays in memory, with zeros from there on. */
static void what_is_cut_off_is_forgotten_and_stays_so(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, FRESHNESS, &info);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  UNTIL((use(&info, PAGES, 0), is_known(&info, PAGES - 1)));
  CHECK_EQUAL(ftruncate(fd, 8 * PAGE + 100), 0);
  UNTIL((use(&info, PAGES, 0), entry(&info, 8) == 0 && entry(&info, 9) == 0 && entry(&info, PAGES - 1) == 0));
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, PAGES, 0);
    CHECK_EQUAL(entry(&info, 8) + entry(&info, 9) + entry(&info, PAGES - 1), 0);
  }
  UNTIL((use(&info, PAGES, 0), is_known(&info, 7)));
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  UNTIL((use(&info, PAGES, 0), is_known(&info, 8) && is_known(&info, PAGES - 1)));
  close(fd);
  let_go(info.id);
}

static void changes_of_the_file_are_counted(void) {
  struct fl_map_info info;
  int fd = map_file(SIZE, FRESHNESS, &info);
  use(&info, PAGES, 0);
  uint32_t before = changes(&info);
  CHECK(before > 0); /* whoever remembers that it saw 0 has seen nothing */
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < 20; epochs += passed(&info, &last))
    use(&info, PAGES, 0);
  CHECK_EQUAL(changes(&info), before);
  CHECK_EQUAL(pwrite(fd, "changed", 7, 0), 7);
  UNTIL((use(&info, PAGES, 0), changes(&info) != before));
  before = changes(&info);
  CHECK_EQUAL(ftruncate(fd, SIZE - 1), 0);
  UNTIL((use(&info, PAGES, 0), changes(&info) != before));
  /* Also while it slept: known when it wakes, and not a tick later. */
  UNTIL(byte_of(&info, FL_MIRROR_AWAKE) == 0);
  before = changes(&info);
  CHECK_EQUAL(ftruncate(fd, SIZE - 2), 0);
  fl_mirror_wake(info.id);
  CHECK(changes(&info) != before);
  close(fd);
  let_go(info.id);
}

static void freshness_is_what_was_asked_for(void) {
  static const struct {
    int64_t freshness_ns;
    unsigned believed; /* 0: nothing is, but pins */
  } cases[] = {{0, 0}, {999999, 0}, {1000000, 1}, {3999999, 3}, {4000000, 4}, {250000000, 4}, {INT64_MAX, 4}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fl_map_info info;
    close(map_file(SIZE, cases[i].freshness_ns, &info));
    CHECK_EQUAL(info.mirror_believed, cases[i].believed);
    CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
    CHECK_EQUAL(fl_is_resident(info.id, 0, SIZE), 1);
    CHECK_EQUAL(entry(&info, 0) != 0, cases[i].believed != 0);
    CHECK_EQUAL(fl_evict(info.id, 0, SIZE), 0);
    fl_mirror_wake(info.id);
    CHECK_EQUAL(byte_of(&info, FL_MIRROR_AWAKE), cases[i].believed != 0);
    let_go(info.id);
  }
}

/* While another mirror's epochs go round, and behind its back, since nothing else shows that nobody looks. */
static void what_is_believed_for_ever_is_never_asked(void) {
  struct fl_map_info ever, fast;
  int fd = map_file(SIZE, INT64_MAX, &ever);
  close(map_file(SIZE, FRESHNESS, &fast));
  CHECK_EQUAL(touch(ever.id, 0, SIZE), 0);
  use(&ever, PAGES, 0);
  uint8_t epoch = byte_of(&ever, FL_MIRROR_EPOCH), last = byte_of(&fast, FL_MIRROR_EPOCH);
  drop_from_cache(ever.id, fd, 0, SIZE);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&fast, &last)) {
    use(&fast, PAGES, 0);
    nap();
  }
  for (size_t page = 0; page < PAGES; page++)
    CHECK(is_known(&ever, page));
  CHECK_EQUAL(byte_of(&ever, FL_MIRROR_EPOCH), epoch);
  CHECK_EQUAL(byte_of(&ever, FL_MIRROR_AWAKE), 1);
  CHECK_EQUAL(byte_of(&ever, FL_MIRROR_PAGES + PAGES), FL_MIRROR_USED); /* no sweep has counted it down */
  close(fd);
  let_go(fast.id);
  let_go(ever.id);
  UNTIL(!fl_mirror_thread_runs());
}

static long resident_bytes(void) {
  long total, resident;
  FILE *statm = fopen("/proc/self/statm", "r");
  CHECK_EQUAL(fscanf(statm, "%ld %ld", &total, &resident), 2);
  fclose(statm);
  return resident * PAGE;
}

/*
 * Its mirror has a byte for each page. It is aged and swept many times over here, which would take minutes entry by
 * entry.
 */
static void a_sparse_giant_costs_no_memory(void) {
  const uint64_t size = GIANT;
  const size_t pages = size / PAGE;
  int fd = make_file(0);
  CHECK_EQUAL(ftruncate(fd, (off_t)size), 0);
  long before = resident_bytes();
  struct fl_map_info info;
  map_and_close(fd, 0, size, &info);
  for (uint64_t at = 0; at < size; at += size / 16)
    CHECK_EQUAL(touch(info.id, at, 1), 0);
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, pages, pages - 1);
    nap();
  }
  for (uint64_t at = 0; at < size; at += size / 16)
    CHECK_EQUAL(entry(&info, at / PAGE), 0);
  UNTIL(!fl_mirror_thread_runs());
  CHECK(resident_bytes() - before < (long)(pages / 4));
  let_go(info.id);
}

/* Whether no huge page may be there: what /proc/self/smaps says in the flags of the memory at an address (proc(5)). */
static bool may_not_be_huge(const void *address) {
  char line[512];
  unsigned long from = 0, to = 0;
  bool is_here = false, may_not = false;
  FILE *smaps = fopen("/proc/self/smaps", "r");
  CHECK(smaps != NULL);
  while (fgets(line, sizeof line, smaps) != NULL) {
    if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
      is_here = (uintptr_t)address >= from && (uintptr_t)address < to;
    else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
      may_not = strstr(line, " nh") != NULL;
  }
  fclose(smaps);
  return may_not;
}

/* A few bytes of it are stored to, wide apart: were pages huge wherever they can be, each would take 2 MiB. */
static void no_page_of_it_is_huge(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGE), 0, PAGE, &info);
  if (fl_os_block_size() > 0) /* the kernel has huge pages */
    CHECK(may_not_be_huge(info.mirror));
  let_go(id);
}

static void a_giant_that_reaches_past_its_file_is_no_burden(void) {
  const uint64_t size = GIANT;
  const size_t pages = size / PAGE;
  struct fl_map_info info;
  map_and_close(make_file(SIZE), 0, size, &info);
  CHECK_EQUAL(touch(info.id, 0, SIZE), 0);
  uint8_t last = byte_of(&info, FL_MIRROR_EPOCH);
  for (unsigned epochs = 0; epochs < MORE_THAN_ROUND; epochs += passed(&info, &last)) {
    use(&info, pages, 0);
    nap();
  }
  UNTIL((use(&info, pages, 0), is_known(&info, 0)));
  let_go(info.id);
}

static void use_and_give_up(unsigned round) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(4 * PAGE), 0, 4 * PAGE, &info);
  CHECK_EQUAL(touch(id, 0, 4 * PAGE), 0);
  use(&info, 4, 0);
  CHECK_EQUAL(fl_is_resident(id, 0, 1), 1);
  if (round % 3 == 0)
    nap();
  if (round % 2 == 0)
    CHECK_EQUAL(fl_evict(id, 0, PAGE), 0);
  if (round % 4 == 0)
    CHECK_EQUAL(fl_mapping_close(id), 0);
  fl_mirror_wake(id);
  fl_mapping_release(id);
  fl_mirror_wake(id); /* gone */
}

static void *use_many(void *unused) {
  for (unsigned round = 0; round < 300; round++)
    use_and_give_up(round);
  return unused;
}

static void mappings_come_and_go_under_the_thread(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    CHECK_EQUAL(pthread_create(&threads[i], NULL, use_many, NULL), 0);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  CHECK_EQUAL(fl_mapping_count(), 0);
  UNTIL(!fl_mirror_thread_runs());
}

static _Atomic bool over;

static void *evict_and_touch(void *id) {
  while (!over) {
    CHECK_EQUAL(fl_evict(*(fl_id *)id, 0, SIZE), 0);
    CHECK_EQUAL(touch(*(fl_id *)id, 0, SIZE), 0);
  }
  return NULL;
}

/* Falling asleep and waking, while others tell and forget. */
static void sleeps_and_wakes_under_way(void) {
  struct fl_map_info info;
  close(map_file(SIZE, 1000000, &info));
  pthread_t thread;
  over = false;
  CHECK_EQUAL(pthread_create(&thread, NULL, evict_and_touch, &info.id), 0);
  for (int i = 0; i < 500; i++) {
    use(&info, PAGES, 0);
    nap();
  }
  over = true;
  pthread_join(thread, NULL);
  for (int i = 0; i < 20; i++) {
    UNTIL(byte_of(&info, FL_MIRROR_AWAKE) == 0);
    fl_mirror_wake(info.id); /* the thread may be about to end */
  }
  UNTIL(!fl_mirror_thread_runs());
  let_go(info.id);
}

int main(void) {
  RUN(starts_with_nothing_known);
  RUN(touching_tells_and_evicting_forgets_at_once);
  RUN(what_the_kernel_says_is_remembered);
  RUN(a_failed_touch_tells_nothing);
  RUN(what_is_in_use_stays_known_without_a_touch);
  RUN(an_eviction_by_others_is_noticed_and_so_is_the_return);
  RUN(what_nobody_uses_grows_old_and_stays_so);
  RUN(an_unused_mirror_sleeps_and_wakes_with_doubts);
  RUN(one_that_ticks_slowly_holds_no_other_up);
  RUN(damage_forgets_at_once);
  RUN(no_refresh_brings_damaged_pages_back);
  RUN(what_is_cut_off_is_forgotten_and_stays_so);
  RUN(changes_of_the_file_are_counted);
  RUN(freshness_is_what_was_asked_for);
  RUN(what_is_believed_for_ever_is_never_asked);
  RUN(a_sparse_giant_costs_no_memory);
  RUN(no_page_of_it_is_huge);
  RUN(a_giant_that_reaches_past_its_file_is_no_burden);
  RUN(mappings_come_and_go_under_the_thread);
  RUN(sleeps_and_wakes_under_way);
  return 0;
}
