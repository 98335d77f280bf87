/* Pins: what is locked, as the kernel counts it; overlaps, limits, damage, ends; nothing stays locked behind. */
#include "check.h"
#include "map_entries.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#ifdef __SANITIZE_ADDRESS__
static const bool has_address_sanitizer = true;
#else
static const bool has_address_sanitizer = false;
#endif

enum { PAGES = 64 };
#define SIZE (PAGES * PAGE)

static uint64_t usage_locked(void) {
  struct fl_pin_usage usage;
  fl_get_pin_usage(&usage);
  return usage.locked;
}

/* As the kernel counts. */
static uint64_t locked_pages(void) {
  char line[128];
  unsigned long long kib = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status) != NULL && sscanf(line, "VmLck: %llu", &kib) != 1)
    ;
  fclose(status);
  return kib * 1024 / PAGE;
}

static uint64_t pinned_pages(void) {
  struct fl_pin_usage usage;
  fl_get_pin_usage(&usage);
  return usage.pinned / PAGE;
}

static void check_locked(uint64_t pages) {
  CHECK_EQUAL(locked_pages(), pages);
  CHECK_EQUAL(pinned_pages(), pages);
  CHECK_EQUAL(usage_locked(), pages * PAGE);
}

static fl_id create(fl_id id, uint64_t offset, uint64_t length) {
  fl_id pin;
  CHECK_EQUAL(fl_pin_create(id, offset, length, &pin), 0);
  return pin;
}

static fl_id pin_range(fl_id id, uint64_t offset, uint64_t length) {
  fl_id pin = create(id, offset, length);
  CHECK_EQUAL(fl_pin_lock(pin, 0, length), 0);
  return pin;
}

/* As another thread writes to it. */
static uint8_t mirror_at(const struct fl_map_info *info, size_t at) {
  return atomic_load((_Atomic(uint8_t) *)&info->mirror[at]);
}

static uint8_t entry(const struct fl_map_info *info, size_t page) { return mirror_at(info, FL_MIRROR_PAGES + page); }

/* Map entries of a file mapping at an address: those that lie within its span. */
static int count_entries(const struct fl_map_info *info, uint64_t span) {
  uintptr_t base = (uintptr_t)info->data & ~(uintptr_t)(PAGE - 1);
  unsigned long from, to;
  int count = 0;
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL)
    count += sscanf(line, "%lx-%lx", &from, &to) == 2 && from >= base && from < base + span;
  fclose(maps);
  return count;
}

static void a_pin_locks_exactly_its_pages_until_it_is_dropped(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 100, SIZE - 100, &info);
  fl_id pin = pin_range(id, PAGE - 101, 2); /* the last byte of one page and the first of the next */
  check_locked(2);
  CHECK_EQUAL(fl_pin_lock(pin, 0, 2), 0); /* again: the thread that ran it died */
  check_locked(2);
  CHECK_EQUAL(fl_pin_drop(pin, 2), 0);
  check_locked(0);
  CHECK_EQUAL(fl_pin_drop(pin, 2), 0);
  CHECK_EQUAL(fl_pin_lock(pin, 0, 2), -FL_CLOSED);
  CHECK_EQUAL(fl_pin_count(), 0);
  let_go(id);
}

static void a_pin_comes_and_goes_in_parts(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  fl_id pin = create(id, 10, SIZE - 10);
  CHECK_EQUAL(fl_pin_lock(pin, 0, 4 * PAGE - 10), 0);
  check_locked(4);
  CHECK_EQUAL(fl_pin_lock(pin, 4 * PAGE - 10, 4 * PAGE), 0);
  CHECK_EQUAL(fl_pin_lock(pin, 4 * PAGE - 10, 4 * PAGE), 0);
  check_locked(8);
  CHECK_EQUAL(fl_pin_drop(pin, 2 * PAGE - 10), 0);
  CHECK_EQUAL(fl_pin_drop(pin, 2 * PAGE - 10), 0);
  check_locked(6);
  CHECK_EQUAL(fl_pin_lock(pin, 8 * PAGE - 10, PAGE), -FL_CLOSED); /* it is being let go */
  CHECK_EQUAL(fl_pin_drop(pin, SIZE - 10), 0);
  check_locked(0);
  fl_id never = create(id, 0, SIZE);
  CHECK_EQUAL(fl_pin_drop(never, PAGE), 0);
  CHECK_EQUAL(fl_pin_lock(never, 0, SIZE), -FL_CLOSED);
  CHECK_EQUAL(fl_pin_count(), 0);
  let_go(id);
}

/* Against a count that is kept here, page by page. */
static void overlaps_are_counted(void) {
  enum { PINS = 40, ROUNDS = 2000 };
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  fl_id held[PINS] = {0};
  unsigned first[PINS], count[PINS], counts[PAGES] = {0};
  srand(7);
  for (int round = 0; round < ROUNDS; round++) {
    int i = rand() % PINS;
    if (held[i] == 0) {
      first[i] = (unsigned)rand() % PAGES;
      count[i] = 1 + (unsigned)rand() % (PAGES - first[i]);
      held[i] = pin_range(id, first[i] * PAGE, count[i] * PAGE);
    } else {
      CHECK_EQUAL(fl_pin_drop(held[i], count[i] * PAGE), 0);
      held[i] = 0;
    }
    for (unsigned page = first[i]; page < first[i] + count[i]; page++)
      counts[page] += held[i] == 0 ? -1u : 1;
    unsigned expected = 0, runs = 1;
    for (unsigned page = 0; page < PAGES; page++) {
      expected += counts[page] > 0;
      runs += page > 0 && (counts[page] > 0) != (counts[page - 1] > 0);
    }
    check_locked(expected);
    if (!is_portable()) /* whose locked pages are another look at the file */
      CHECK_EQUAL(count_entries(&info, SIZE), runs);
  }
  for (int i = 0; i < PINS; i++)
    if (held[i] != 0)
      fl_pin_drop(held[i], UINT64_MAX);
  check_locked(0);
  CHECK_EQUAL(count_entries(&info, SIZE), 1);
  let_go(id);
}

static void what_is_pinned_stays_when_all_is_evicted(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  uint8_t vector[PAGES];
  uint64_t resident;
  fl_id pin = pin_range(id, 10 * PAGE, 3 * PAGE);
  CHECK_EQUAL(fl_evict(id, 0, SIZE), 0);
  CHECK_EQUAL(fl_residency(id, 10 * PAGE, 3 * PAGE, vector, &resident), 0);
  CHECK_EQUAL(resident, 3);
  CHECK_EQUAL(entry(&info, 10), FL_MIRROR_PINNED);
  CHECK_EQUAL(entry(&info, 13), 0);
  CHECK_EQUAL(fl_advise(id, 0, SIZE, FL_DONTNEED), -EINVAL);
  CHECK_EQUAL(fl_advise(id, 12 * PAGE, PAGE, FL_COLD), -EINVAL);
  CHECK_EQUAL(fl_advise(id, 12 * PAGE, PAGE, FL_PAGEOUT), -EINVAL);
  CHECK_EQUAL(fl_advise(id, 12 * PAGE, PAGE, FL_WILLNEED), 0);
  CHECK_EQUAL(fl_advise(id, 13 * PAGE, PAGE, FL_DONTNEED), 0);
  check_locked(3);
  fl_pin_drop(pin, UINT64_MAX);
  CHECK(entry(&info, 10) != FL_MIRROR_PINNED);
  CHECK_EQUAL(fl_advise(id, 0, SIZE, FL_DONTNEED), 0);
  let_go(id);
}

/* The mirror's thread and touches go on over pinned pages, which never grow old meanwhile. */
static void the_mirror_knows_pins_for_ever(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  fl_id pin = pin_range(id, 0, 8 * PAGE);
  uint8_t epoch = mirror_at(&info, FL_MIRROR_EPOCH);
  for (unsigned rounds = 0; rounds < 2;) { /* twice through all epochs, so that all is aged */
    atomic_store((_Atomic(uint8_t) *)&info.mirror[FL_MIRROR_PAGES + PAGES], FL_MIRROR_USED);
    CHECK_EQUAL(touch(id, 4 * PAGE, 8 * PAGE), 0);
    for (int page = 0; page < 8; page++)
      CHECK_EQUAL(entry(&info, page), FL_MIRROR_PINNED);
    CHECK(entry(&info, 8) != FL_MIRROR_PINNED);
    uint8_t now = mirror_at(&info, FL_MIRROR_EPOCH);
    CHECK(now >= 1 && now <= FL_MIRROR_EPOCHS);
    rounds += now < epoch;
    epoch = now;
    usleep(500);
  }
  CHECK_EQUAL(fl_mapping_close(id), 0);
  for (int page = 0; page < 8; page++)
    CHECK_EQUAL(entry(&info, page), 0);
  fl_pin_drop(pin, UINT64_MAX);
  let_go(id);
}

static void closing_and_forgetting_end_pins(void) {
  struct fl_map_info info;
  for (int way = 0; way < 3; way++) {
    fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
    fl_id pins[3] = {pin_range(id, 0, SIZE), pin_range(id, PAGE, PAGE), create(id, 0, PAGE)};
    check_locked(PAGES);
    if (way == 0) {
      CHECK_EQUAL(fl_mapping_close(id), 0);
      check_locked(0);
      CHECK_EQUAL(fl_pin_lock(pins[2], 0, PAGE), -FL_CLOSED);
    }
    if (way == 1)
      for (int i = 0; i < 3; i++)
        fl_pin_abandon(pins[i]);
    if (way == 1)
      fl_test_drain_reaper();
    if (way < 2)
      check_locked(0);
    let_go(id);
    check_locked(0);
    for (int i = 0; i < 3; i++)
      fl_pin_drop(pins[i], UINT64_MAX);
    CHECK_EQUAL(fl_pin_count(), 0);
  }
}

static void ranges_that_leave_the_mapping_are_refused(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info), pin;
  CHECK_EQUAL(fl_pin_create(id, 1, SIZE, &pin), -ERANGE);
  CHECK_EQUAL(fl_pin_create(id, UINT64_MAX, 2, &pin), -ERANGE);
  fl_id empty = pin_range(id, SIZE, 0);
  check_locked(0);
  fl_pin_drop(empty, 0);
  CHECK_EQUAL(fl_pin_count(), 0);
  let_go(id);
  CHECK_EQUAL(fl_pin_create(id, 0, 1, &pin), -FL_CLOSED);
}

static void a_file_that_shrank_is_refused_and_lost_pages_are_pinned_again(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  fl_id pin = pin_range(info.id, 8 * PAGE, 8 * PAGE);
  CHECK_EQUAL(ftruncate(fd, 10 * PAGE), 0);
  fl_id refused = create(info.id, 9 * PAGE, 3 * PAGE);
  CHECK_EQUAL(fl_pin_lock(refused, 0, 3 * PAGE), -FL_TRUNCATED);
  fl_pin_drop(refused, UINT64_MAX);
  volatile unsigned char *bytes = info.data;
  CHECK_EQUAL(bytes[12 * PAGE], 0);
  CHECK_EQUAL(bytes[15 * PAGE], 0);
  CHECK_EQUAL(entry(&info, 12), 0);
  CHECK_EQUAL(locked_pages(), is_portable() ? 8 : 6); /* the guard's two pages are not */
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  CHECK_EQUAL(fl_refresh(info.id, &(uint64_t){0}), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  check_locked(8);
  CHECK_EQUAL(touch(info.id, 8 * PAGE, 8 * PAGE), 0);
  CHECK_EQUAL(entry(&info, 12), FL_MIRROR_PINNED);
  fl_pin_drop(pin, UINT64_MAX);
  check_locked(0);
  close(fd);
  let_go(info.id);
}

static void what_was_lost_unseen_is_there_again_after_refresh(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  uint8_t vector[8];
  uint64_t size, resident;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  fl_id pin = pin_range(info.id, 8 * PAGE, 8 * PAGE);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  CHECK_EQUAL(fl_residency(info.id, 8 * PAGE, 8 * PAGE, vector, &resident), 0);
  CHECK_EQUAL(resident, 0);
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  CHECK_EQUAL(fl_residency(info.id, 8 * PAGE, 8 * PAGE, vector, &resident), 0);
  CHECK_EQUAL(resident, 8);
  check_locked(8);
  fl_pin_drop(pin, UINT64_MAX);
  check_locked(0);
  close(fd);
  let_go(info.id);
}

/* In a process of its own, as the limit counts for a process, and not for root. */
static int under_a_limit(void) {
  struct rlimit limit = {8 * PAGE, 8 * PAGE};
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  CHECK_EQUAL(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  if (getuid() == 0)
    CHECK_EQUAL(setuid(65534), 0);
  fl_id pin = pin_range(id, 4 * PAGE, 6 * PAGE);
  fl_id more = create(id, 0, 16 * PAGE); /* of which 10 are new */
  CHECK_EQUAL(fl_pin_lock(more, 0, 16 * PAGE), -FL_PIN_LIMIT);
  check_locked(6);
  fl_pin_drop(more, UINT64_MAX);
  check_locked(6);
  fl_id fits = pin_range(id, 3 * PAGE, 8 * PAGE); /* of which two are */
  check_locked(8);
  fl_pin_drop(fits, UINT64_MAX);
  fl_pin_drop(pin, UINT64_MAX);
  check_locked(0);
  limit = (struct rlimit){0, 0};
  CHECK_EQUAL(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  fl_id none = create(id, 0, PAGE);
  CHECK_EQUAL(fl_pin_lock(none, 0, PAGE), -FL_PIN_LIMIT);
  fl_pin_drop(none, UINT64_MAX);
  let_go(id);
  return 0;
}

static void the_limit_is_told_and_nothing_more_is_locked(void) {
  int status;
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    execl("/proc/self/exe", "test_pins", "limited", NULL);
    _exit(127);
  }
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

/*
 * Every pin between pages that are none takes two map entries more. That half of them are taken is not the limit of locked
 * memory, and leaves the others for whoever needs some.
 */
static void too_many_map_entries_are_told_apart_from_the_limit(void) {
  enum { MOST = 40000 }; /* pins */
  if (is_portable() || sanitizer_needs_map_entries || most_map_entries() > 2 * MOST - 1000 ||
      !fl_os_may_lock((size_t)MOST * PAGE))
    return;
  int fd = make_file(0), result = 0;
  CHECK_EQUAL(ftruncate(fd, 2l * MOST * PAGE), 0);
  struct fl_map_info info;
  fl_id id = map_and_close(fd, 0, 2l * MOST * PAGE, &info), pin;
  fl_id *held = calloc(MOST, sizeof *held);
  uint64_t count = 0;
  for (; result == 0 && count < MOST; count++) {
    held[count] = create(id, 2 * count * PAGE, PAGE);
    result = fl_pin_lock(held[count], 0, PAGE);
  }
  CHECK_EQUAL(result, -ENOMEM);
  check_locked(count - 1);
  int entries = count_map_entries(), half = (int)most_map_entries() / 2;
  CHECK(entries == half || entries == half - 1);
  CHECK_EQUAL(fl_advise(id, 2 * MOST * PAGE - PAGE, PAGE, FL_NORMAL), -ENOMEM); /* which would split as well */
  CHECK_EQUAL(fl_advise(id, 0, 2l * MOST * PAGE, FL_SEQUENTIAL), 0);
  CHECK_EQUAL(fl_pin_create(id, 0, 2 * PAGE, &pin), 0);
  CHECK_EQUAL(fl_pin_lock(pin, 0, 2 * PAGE), 0); /* which takes none */
  fl_pin_drop(pin, UINT64_MAX);
  CHECK_EQUAL(pinned_pages(), count - 1);
  for (uint64_t i = 0; i < count; i++)
    fl_pin_drop(held[i], UINT64_MAX);
  free(held);
  CHECK_EQUAL(pinned_pages(), 0);
  CHECK(count_entries(&info, 2l * MOST * PAGE) <= 3);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  check_locked(0);
  let_go(id);
}

/* Small pins under a large one take no entry; they would when that goes, if all between them were unlocked. */
static void a_large_pin_over_small_ones_leaves_map_entries_for_others(void) {
  enum { MOST = 17000 };
  if (is_portable() || sanitizer_needs_map_entries || most_map_entries() > 4 * MOST - 1000 ||
      !fl_os_may_lock(2l * MOST * PAGE))
    return;
  int fd = make_file(0);
  CHECK_EQUAL(ftruncate(fd, 2l * MOST * PAGE), 0);
  struct fl_map_info info;
  fl_id id = map_and_close(fd, 0, 2l * MOST * PAGE, &info), large = pin_range(id, 0, 2l * MOST * PAGE);
  static fl_id small[MOST];
  for (uint64_t i = 0; i < MOST; i++)
    small[i] = pin_range(id, 2 * (i * 7919 % MOST) * PAGE, PAGE);
  CHECK(count_map_entries() < 200);
  fl_pin_drop(large, UINT64_MAX);
  CHECK(count_map_entries() <= (int)most_map_entries() / 2 + 2);
  CHECK_EQUAL(pinned_pages(), MOST);
  for (uint64_t i = 0; i < MOST; i++) {
    fl_pin_drop(small[i], UINT64_MAX);
    if (i % 1000 == 0)
      CHECK(count_map_entries() <= (int)most_map_entries() / 2 + 2);
  }
  check_locked(0);
  CHECK(count_entries(&info, 2l * MOST * PAGE) <= 3);
  let_go(id);
}

static bool is_half_full; /* what the core takes the map for */
uint64_t __real_fl_os_most_map_entries(void);
uint64_t __wrap_fl_os_most_map_entries(void);
uint64_t __wrap_fl_os_most_map_entries(void) { return is_half_full ? 2 : __real_fl_os_most_map_entries(); }

static int refusals; /* of locking, to come */
int __real_fl_os_lock(void *base, size_t span);
int __wrap_fl_os_lock(void *base, size_t span);
int __wrap_fl_os_lock(void *base, size_t span) { return refusals-- > 0 ? -ENOMEM : __real_fl_os_lock(base, span); }

/* A refusal for which there is no reason any more is none; and one that stays is told of. */
static void what_was_refused_is_tried_once_more(void) {
  if (is_portable()) /* where any refusal is thought to be for the limit */
    return;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &(struct fl_map_info){0});
  refusals = 1;
  fl_id pin = pin_range(id, 0, PAGE);
  check_locked(1);
  fl_pin_drop(pin, UINT64_MAX);
  pin = create(id, 0, PAGE);
  refusals = 2;
  CHECK_EQUAL(fl_pin_lock(pin, 0, PAGE), -ENOMEM);
  refusals = 0;
  fl_pin_drop(pin, UINT64_MAX);
  check_locked(0);
  let_go(id);
}

static void fill_half(void) {
  is_half_full = true;
  while (fl_map_entries_claim(1) == 0) /* what may still be taken before they are counted again */
    ;
}

static void empty_half(void) {
  is_half_full = false;
  UNTIL(fl_map_entries_claim_again(1) == 0); /* a refusal holds for a while */
}

/* Where the mapping ends an entry of the map does anyway. */
static void borders_of_a_mapping_take_no_map_entries(void) {
  if (is_portable()) /* where nobody can count, and so refuse */
    return;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &(struct fl_map_info){0});
  fill_half();
  fl_id all = pin_range(id, 0, SIZE);
  check_locked(PAGES);
  fl_pin_drop(all, UINT64_MAX);
  check_locked(0);
  fl_id part = create(id, 0, PAGE);
  CHECK_EQUAL(fl_pin_lock(part, 0, PAGE), -ENOMEM);
  fl_pin_drop(part, UINT64_MAX);
  check_locked(0);
  empty_half();
  let_go(id);
}

/* In whatever order: unlocking a part of what is locked from border to border splits it. */
static void what_is_kept_up_to_a_border_goes_with_the_last_pin(void) {
  static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  if (is_portable())
    return;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &(struct fl_map_info){0}), parts[3];
  for (int order = 0; order < 6; order++) {
    fill_half();
    fl_id all = pin_range(id, 0, SIZE);
    for (uint64_t i = 0; i < 3; i++)
      parts[i] = pin_range(id, i * 20 * PAGE, i < 2 ? 20 * PAGE : SIZE - 40 * PAGE);
    fl_pin_drop(all, UINT64_MAX);
    for (int i = 0; i < 3; i++) {
      CHECK_EQUAL(locked_pages(), PAGES);
      fl_pin_drop(parts[orders[order][i]], UINT64_MAX);
    }
    check_locked(0);
    empty_half();
  }
  let_go(id);
}

/* Page 10 and page 20 are pinned, what lies between is kept, and of that two pages are lost and come back. */
static void lose_and_refresh_what_is_kept(struct fl_map_info *info, fl_id ends[2], bool has_room_by_then) {
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, info), 0);
  fl_id between = pin_range(info->id, 11 * PAGE, 9 * PAGE);
  for (uint64_t i = 0; i < 2; i++)
    ends[i] = pin_range(info->id, (i + 1) * 10 * PAGE, PAGE);
  fill_half();
  fl_pin_drop(between, UINT64_MAX);
  CHECK_EQUAL(locked_pages(), 11);
  CHECK_EQUAL(pinned_pages(), 2);
  volatile unsigned char *bytes = info->data;
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  CHECK_EQUAL(bytes[13 * PAGE] + bytes[17 * PAGE], 0);
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  close(fd);
  CHECK_EQUAL(locked_pages(), 9);
  if (has_room_by_then)
    empty_half();
  CHECK_EQUAL(fl_refresh(info->id, &(uint64_t){0}), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info->id), 0);
}

static void what_is_kept_and_mapped_anew_is_let_go_of(void) {
  struct fl_map_info info;
  fl_id ends[2];
  if (is_portable())
    return;
  lose_and_refresh_what_is_kept(&info, ends, true);
  check_locked(2);
  CHECK_EQUAL(count_entries(&info, SIZE), 5);
  for (int i = 0; i < 2; i++)
    fl_pin_drop(ends[i], UINT64_MAX);
  check_locked(0);
  CHECK_EQUAL(fl_advise(info.id, 0, SIZE, FL_DONTNEED), 0);
  let_go(info.id);
}

static void what_is_kept_and_mapped_anew_splits_nothing(void) {
  struct fl_map_info info;
  fl_id ends[2];
  if (is_portable())
    return;
  for (int last = 0; last < 2; last++) {
    lose_and_refresh_what_is_kept(&info, ends, false);
    CHECK_EQUAL(locked_pages(), 11);
    CHECK_EQUAL(count_entries(&info, SIZE), 3);
    fl_pin_drop(ends[1 - last], UINT64_MAX);
    check_locked(1);
    fl_pin_drop(ends[last], UINT64_MAX);
    check_locked(0);
    CHECK_EQUAL(count_entries(&info, SIZE), 1);
    empty_half();
    let_go(info.id);
  }
}

/* Many pins of the same pages are one to whoever closes the file or looks whether it has them again. */
static void pins_of_the_same_pages_are_looked_at_once(void) {
  enum { PINS = 2000 };
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &(struct fl_map_info){0}), held[PINS];
  for (int i = 0; i < PINS; i++)
    held[i] = pin_range(id, (uint64_t)(i % 3) * PAGE, SIZE - 3 * PAGE);
  uint64_t size;
  CHECK_EQUAL(fl_refresh(id, &size), 0);
  check_locked(SIZE / PAGE - 1);
  fl_pin_drop(held[0], UINT64_MAX);
  check_locked(SIZE / PAGE - 1);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  check_locked(0);
  let_go(id);
}

static uint64_t resident_bytes(void) {
  unsigned long long size, resident;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK_EQUAL(fscanf(file, "%llu %llu", &size, &resident), 2);
  fclose(file);
  return resident * PAGE;
}

/* What lies between two pins is nobody's to look at: of a large file that would be GiB of counts. */
static void what_lies_between_pins_costs_nothing(void) {
  const uint64_t size = (uint64_t)256 << 30;
  int fd = make_file(0);
  CHECK_EQUAL(ftruncate(fd, (off_t)size), 0);
  struct fl_map_info info;
  fl_id id = map_and_close(fd, 0, size, &info);
  uint64_t before = resident_bytes(), found;
  fl_id first = pin_range(id, 0, PAGE), last = pin_range(id, size - PAGE, PAGE);
  CHECK_EQUAL(fl_refresh(id, &found), 0);
  CHECK_EQUAL(pinned_pages(), 2);
  CHECK_EQUAL(fl_mapping_close(id), 0);
  CHECK(resident_bytes() < before + (16 << 20));
  check_locked(0);
  fl_pin_drop(first, UINT64_MAX);
  fl_pin_drop(last, UINT64_MAX);
  let_go(id);
}

static fl_id shared;

static void *pin_and_drop(void *seed) {
  unsigned state = (unsigned)(uintptr_t)seed;
  for (int round = 0; round < 2000; round++) {
    unsigned first = (unsigned)rand_r(&state) % PAGES, count = 1 + (unsigned)rand_r(&state) % (PAGES - first);
    fl_id pin;
    if (fl_pin_create(shared, first * PAGE, count * PAGE, &pin) < 0)
      break;
    int result = fl_pin_lock(pin, 0, count * PAGE);
    CHECK(result == 0 || result == -FL_CLOSED);
    if (round % 2 == 0)
      fl_pin_abandon(pin);
    else
      fl_pin_drop(pin, count * PAGE);
  }
  return NULL;
}

static void threads_share_pages_and_leave_none_locked(void) {
  for (int closes = 0; closes < 2; closes++) {
    struct fl_map_info info;
    pthread_t threads[4];
    shared = map_and_close(make_file(SIZE), 0, SIZE, &info);
    fl_id kept = pin_range(shared, 20 * PAGE, PAGE);
    for (uintptr_t i = 0; i < 4; i++)
      CHECK_EQUAL(pthread_create(&threads[i], NULL, pin_and_drop, (void *)(i + 1)), 0);
    if (closes)
      CHECK_EQUAL(fl_mapping_close(shared), 0);
    for (int i = 0; i < 4; i++)
      pthread_join(threads[i], NULL);
    fl_test_drain_reaper();
    check_locked(closes ? 0 : 1);
    fl_pin_drop(kept, UINT64_MAX);
    for (int page = 0; page < PAGES; page++)
      CHECK(entry(&info, page) != FL_MIRROR_PINNED);
    let_go(shared);
    check_locked(0);
    CHECK_EQUAL(fl_pin_count(), 0);
  }
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "limited") == 0)
    return under_a_limit();
  if (is_portable() && has_address_sanitizer) {
    printf("skipped: AddressSanitizer makes mlock(2), by which the portable code pins, do nothing\n");
    return 0;
  }
  RUN(a_pin_locks_exactly_its_pages_until_it_is_dropped);
  RUN(a_pin_comes_and_goes_in_parts);
  RUN(overlaps_are_counted);
  RUN(what_is_pinned_stays_when_all_is_evicted);
  RUN(the_mirror_knows_pins_for_ever);
  RUN(closing_and_forgetting_end_pins);
  RUN(ranges_that_leave_the_mapping_are_refused);
  RUN(a_file_that_shrank_is_refused_and_lost_pages_are_pinned_again);
  RUN(what_was_lost_unseen_is_there_again_after_refresh);
  RUN(the_limit_is_told_and_nothing_more_is_locked);
  RUN(too_many_map_entries_are_told_apart_from_the_limit);
  RUN(a_large_pin_over_small_ones_leaves_map_entries_for_others);
  RUN(what_was_refused_is_tried_once_more);
  RUN(borders_of_a_mapping_take_no_map_entries);
  RUN(what_is_kept_up_to_a_border_goes_with_the_last_pin);
  RUN(what_is_kept_and_mapped_anew_is_let_go_of);
  RUN(what_is_kept_and_mapped_anew_splits_nothing);
  RUN(pins_of_the_same_pages_are_looked_at_once);
  if (!is_portable() && !sanitizer_needs_map_entries)
    RUN(what_lies_between_pins_costs_nothing);
  RUN(threads_share_pages_and_leave_none_locked);
  return 0;
}
