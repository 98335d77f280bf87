/* Pages that are lost under a mapping: no crash, zeros for direct loads, an error for every operation. */
#include "check.h"
#include "os.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PAGES = 200 };
#define SIZE (PAGES * PAGE)

static fl_id truncated_file(struct fl_map_info *info, off_t size) {
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, info), 0);
  CHECK_EQUAL(touch(info->id, 0, SIZE), 0);
  CHECK_EQUAL(ftruncate(fd, size), 0);
  close(fd);
  return info->id;
}

static void operations_say_that_the_file_was_truncated(void) {
  struct fl_map_info info;
  fl_id id = truncated_file(&info, 5000);
  unsigned char memory[100];
  fl_id transfer;
  CHECK_EQUAL(fl_transfer_create(memory, sizeof memory, &transfer), 0);
  CHECK_EQUAL(touch(id, 0, 5000), 0);
  CHECK_EQUAL(touch(id, 0, 5001), -FL_TRUNCATED); /* in the last page, where no load would fault */
  CHECK_EQUAL(touch(id, 100000, 1), -FL_TRUNCATED);
  CHECK_EQUAL(fl_flush(id, 100000, 1), -FL_TRUNCATED);
  CHECK_EQUAL(fl_flush(id, 0, 5000), 0);
  CHECK_EQUAL(fl_read(id, 0, 100, transfer, 0), 0);
  CHECK_EQUAL(fl_read(id, 100000, 100, transfer, 0), -FL_TRUNCATED);
  CHECK_EQUAL(fl_read(id, 4950, 100, transfer, 0), -FL_TRUNCATED);
  fl_transfer_end(transfer);
  let_go(id);
}

static void a_direct_load_reads_zeros_and_is_counted(void) {
  struct fl_map_info info;
  fl_id id = truncated_file(&info, 0);
  volatile unsigned char *bytes = info.data;
  errno = 1234;
  CHECK_EQUAL(bytes[70 * PAGE + 3], 0);
  CHECK_EQUAL(errno, 1234);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), PAGE);
  CHECK_EQUAL(bytes[70 * PAGE + 4], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), PAGE);
  for (size_t at = 0; at < SIZE; at += PAGE)
    CHECK_EQUAL(bytes[at], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), SIZE);
  let_go(id);
}

static void damage_is_remembered_when_the_file_grows_again(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[130 * PAGE], 0);
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  close(fd);
  CHECK_EQUAL(touch(info.id, 130 * PAGE, 1), -FL_TRUNCATED);
  CHECK_EQUAL(touch(info.id, 0, SIZE), -FL_TRUNCATED);
  CHECK_EQUAL(touch(info.id, 0, 130 * PAGE), 0);
  CHECK_EQUAL(touch(info.id, 131 * PAGE, SIZE - 131 * PAGE), 0);
  CHECK_EQUAL(fl_is_resident(info.id, 130 * PAGE, 1), 0);
  let_go(info.id);
}

static void *load_every_page(void *bytes) {
  unsigned sum = 0;
  for (size_t at = 0; at < SIZE; at += PAGE)
    sum += ((volatile unsigned char *)bytes)[at];
  CHECK_EQUAL(sum, 0);
  return NULL;
}

static void every_thread_is_guarded_while_mappings_come_and_go(void) {
  for (int round = 0; round < 20; round++) {
    struct fl_map_info info, other;
    fl_id id = truncated_file(&info, 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
      CHECK_EQUAL(pthread_create(&threads[i], NULL, load_every_page, info.data), 0);
    for (int i = 0; i < 20; i++)
      fl_mapping_release(map_and_close(make_file(8192), 0, 8192, &other));
    for (int i = 0; i < 4; i++)
      pthread_join(threads[i], NULL);
    CHECK_EQUAL(fl_mapping_damaged_bytes(id), SIZE);
    let_go(id);
  }
}

static int maps_again(off_t truncated_to, off_t grown_to, uint64_t *damaged) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 100, SIZE - 100, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, truncated_to), 0);
  volatile unsigned char *bytes = (volatile unsigned char *)info.data - 100;
  for (size_t page = 0; page < SIZE / PAGE; page += 3)
    (void)bytes[page * PAGE + 200];
  CHECK_EQUAL(ftruncate(fd, grown_to), 0);
  unsigned char again = 7;
  for (off_t at = truncated_to; at < grown_to; at += PAGE)
    CHECK_EQUAL(pwrite(fd, &again, 1, at), 1);
  close(fd);
  uint64_t size;
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  *damaged = fl_mapping_damaged_bytes(info.id) / PAGE;
  int result = touch(info.id, 0, ((uint64_t)grown_to < SIZE ? (uint64_t)grown_to : SIZE) - 100);
  for (off_t at = truncated_to; result == 0 && at < grown_to; at += PAGE)
    CHECK_EQUAL(bytes[at], 7);
  let_go(info.id);
  return result;
}

static void refreshing_maps_what_the_file_has_again(void) {
  uint64_t damaged;
  CHECK_EQUAL(maps_again(0, SIZE, &damaged), 0);
  CHECK_EQUAL(damaged, 0);
  CHECK_EQUAL(maps_again(PAGE, 90 * PAGE, &damaged), 0);
  CHECK_EQUAL(damaged, 37); /* of the pages that were loaded, 90, 93, … 198 are still wanting */
  CHECK_EQUAL(maps_again(SIZE, SIZE, &damaged), 0);
  CHECK_EQUAL(damaged, 0);
}

static void damage_is_told_once_and_by_ranges(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 100, SIZE - 300, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  close(fd);
  uint64_t offset, length;
  uint64_t *seen = calloc(fl_damage_words(SIZE - 300), sizeof *seen);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 0);
  volatile unsigned char *bytes = (volatile unsigned char *)info.data - 100;
  CHECK_EQUAL(bytes[200] + bytes[70 * PAGE] + bytes[71 * PAGE] + bytes[199 * PAGE], 0);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 1);
  CHECK(offset == 0 && length == PAGE - 100);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 1);
  CHECK(offset == 70 * PAGE - 100 && length == 2 * PAGE);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 1);
  CHECK(offset == 199 * PAGE - 100 && length == PAGE - 200);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 0);
  CHECK_EQUAL(bytes[69 * PAGE], 0);
  CHECK_EQUAL(fl_next_damage(info.id, seen, 0, &offset, &length), 1);
  CHECK(offset == 69 * PAGE - 100 && length == PAGE);
  free(seen);
  let_go(info.id);
}

/* Every second page of a file that is gone, in whatever order: each takes two entries of the process's map, up to a number. */
static void lost_pages_are_never_too_many(size_t (*nth)(size_t i, size_t count)) {
  const size_t pages = 24000, loads = pages / 2, alone = 4096;
  struct fl_map_info info;
  int fd = make_file(0), entries = count_map_entries();
  CHECK_EQUAL(ftruncate(fd, (off_t)(pages * PAGE)), 0);
  struct fl_map_request request = {fd, 0, pages * PAGE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  volatile unsigned char *bytes = info.data;
  for (size_t i = 0; i < alone; i++)
    CHECK_EQUAL(bytes[2 * nth(i, loads) * PAGE], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), alone * PAGE); /* each by itself */
  for (size_t i = alone; i < loads; i++)
    CHECK_EQUAL(bytes[2 * nth(i, loads) * PAGE], 0);
  CHECK(count_map_entries() < entries + 2 * (int)alone + 100);
  CHECK_EQUAL(ftruncate(fd, (off_t)(pages * PAGE)), 0);
  CHECK_EQUAL(pwrite(fd, "x", 1, (off_t)((pages - 1) * PAGE)), 1);
  close(fd);
  uint64_t size;
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  CHECK_EQUAL(bytes[(pages - 1) * PAGE], 'x');
  let_go(info.id);
}

static size_t upwards(size_t i, size_t count) { return i % count; }
static size_t downwards(size_t i, size_t count) { return count - 1 - i; }
static size_t scattered(size_t i, size_t count) { return i * 7919 % count; }

static void lost_pages_upwards_are_never_too_many(void) { lost_pages_are_never_too_many(upwards); }
static void lost_pages_downwards_are_never_too_many(void) { lost_pages_are_never_too_many(downwards); }
static void scattered_lost_pages_are_never_too_many(void) { lost_pages_are_never_too_many(scattered); }

/* Files that each lose fewer pages than one may lose alone: what counts is all of them. */
static void lost_pages_of_many_files_are_never_too_many(void) {
  enum { FILES = 12 };
  const size_t pages = 8000;
  struct fl_map_info info[FILES];
  int entries = count_map_entries();
  for (int i = 0; i < FILES; i++) {
    int fd = make_file(0);
    CHECK_EQUAL(ftruncate(fd, (off_t)(pages * PAGE)), 0);
    struct fl_map_request request = {fd, 0, pages * PAGE, FL_COPY_ON_WRITE, FRESHNESS, false};
    CHECK_EQUAL(fl_mapping_create(&request, &info[i]), 0);
    CHECK_EQUAL(ftruncate(fd, 0), 0);
    close(fd);
    for (size_t page = 0; page < pages; page += 2)
      CHECK_EQUAL(((volatile unsigned char *)info[i].data)[page * PAGE], 0);
  }
  CHECK(count_map_entries() < entries + 2 * 3 * 4096 + 4 * FILES + (sanitizer_needs_map_entries ? 1000 : 0));
  for (int i = 0; i < FILES; i++) {
    CHECK_EQUAL(touch(info[i].id, 0, 1), -FL_TRUNCATED);
    let_go(info[i].id);
  }
  CHECK(sanitizer_needs_map_entries || count_map_entries() < entries + 10);
}

static int fill_map(int fd, void **others, int most, int left) {
  int count = 0;
  for (void *at; count < most; others[count++] = at) /* by turns, or they would be one */
    if ((at = mmap(NULL, PAGE, count % 2 == 0 ? PROT_READ : PROT_NONE, MAP_SHARED, fd, 0)) == MAP_FAILED)
      break;
  if (count == most)
    return 0;                     /* the map has no limit that can be reached */
  for (int i = 0; i <= left; i++) /* the kernel gives one more than there may be, and with that maps no page at all */
    munmap(others[--count], PAGE);
  return count;
}

static pthread_barrier_t is_full;
static volatile unsigned char *in_full_map;

static void *load_in_full_map(void *first) {
  unsigned char sum = in_full_map[(uintptr_t)first * PAGE]; /* code and stack of this are there */
  pthread_barrier_wait(&is_full);
  for (size_t page = (uintptr_t)first; page < SIZE / PAGE; page += 20)
    sum |= in_full_map[page * PAGE];
  return (void *)(uintptr_t)sum;
}

/*
 * Whoever else fills the map leaves no entry for a page of zeros between two of the file, or one, or a few for several threads;
 * or has one more than there may be, which is -1.
 */
static void lost_pages_find_room_with(int left, int threads) {
  enum { MOST = 300000 };
  static void *others[MOST];
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 10 * PAGE), 0);
  in_full_map = info.data;
  pthread_t loading[4];
  CHECK_EQUAL(pthread_barrier_init(&is_full, NULL, (unsigned)threads + 1), 0);
  for (int i = 0; i < threads; i++)
    CHECK_EQUAL(pthread_create(&loading[i], NULL, load_in_full_map, (void *)(uintptr_t)(20 + i)), 0);
  for (uint64_t wanted = (uint64_t)threads * PAGE; fl_mapping_damaged_bytes(info.id) < wanted;)
    sched_yield();
  int count = fill_map(fd, others, MOST, left);
  pthread_barrier_wait(&is_full);
  void *sums[4];
  for (int i = 0; i < threads; i++)
    CHECK_EQUAL(pthread_join(loading[i], &sums[i]), 0);
  bool was_full = count > 0;
  while (count > 0)
    munmap(others[--count], PAGE);
  for (int i = 0; i < threads; i++)
    CHECK(sums[i] == NULL);
  if (was_full)
    CHECK(fl_mapping_damaged_bytes(info.id) > SIZE / 20);
  pthread_barrier_destroy(&is_full);
  close(fd);
  let_go(info.id);
}

static void lost_pages_find_room_in_a_full_map(void) {
  for (int left = -1; left < 4; left++)
    for (int threads = 1; threads <= 4; threads += 3)
      lost_pages_find_room_with(left, threads);
}

/* As a file's pages had it that were not lost: else the map would have entries more. */
static void pages_that_are_mapped_again_are_advised_as_the_others(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE), before = count_map_entries();
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  for (enum fl_advice advice = FL_NORMAL; advice <= FL_SEQUENTIAL; advice++) {
    CHECK_EQUAL(fl_advise(info.id, 0, SIZE, advice), 0);
    int entries = count_map_entries();
    CHECK_EQUAL(ftruncate(fd, 0), 0);
    CHECK_EQUAL(((volatile unsigned char *)info.data)[70 * PAGE], 0);
    CHECK_EQUAL(ftruncate(fd, SIZE), 0);
    uint64_t size;
    CHECK_EQUAL(fl_refresh(info.id, &size), 0);
    CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
    CHECK(sanitizer_needs_map_entries || count_map_entries() == entries);
  }
  close(fd);
  let_go(info.id);
  CHECK(sanitizer_needs_map_entries || count_map_entries() < before + 10);
}

/* In a child: how it dies. */
static int signal_that_ends(void (*act)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    act();
    _exit(0);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void load_outside(void) {
  struct fl_map_info info;
  fl_id id = truncated_file(&info, 0);
  int fd = make_file(PAGE);
  volatile unsigned char *bytes = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[0], 0);
  CHECK(id != 0 && bytes[0] == 0);
}

static void fault_outside(void) {
  signal(SIGBUS, SIG_DFL); /* of a sanitizer: it stands before ours */
  load_outside();
}

/* A page that is there and may not be loaded is no fault of the file's. */
static void fault_that_is_forbidden(void) {
  signal(SIGSEGV, SIG_DFL);
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(PAGE), 0, PAGE, &info);
  CHECK_EQUAL(mprotect(info.data, PAGE, PROT_NONE), 0);
  CHECK(id != 0 && ((volatile unsigned char *)info.data)[0] == 0);
}

/* macOS may say SIGSEGV where others say SIGBUS; here a page that is not mapped makes one. */
static void an_address_that_is_called_invalid_is_a_lost_page(void) {
  struct fl_map_info info;
  fl_id id = map_and_close(make_file(SIZE), 0, SIZE, &info);
  volatile unsigned char *bytes = info.data;
  CHECK_EQUAL(munmap(info.data + 70 * PAGE, PAGE), 0);
  CHECK_EQUAL(bytes[70 * PAGE + 3], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), PAGE);
  CHECK_EQUAL(bytes[71 * PAGE], byte_at(71 * PAGE));
  let_go(id);
}

static void sent_from_elsewhere(void) {
  signal(SIGBUS, SIG_DFL);
  struct fl_map_info info;
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  raise(SIGBUS);
}

static volatile sig_atomic_t passed_on;
static void handler_before(int number, siginfo_t *info, void *context) {
  (void)context;
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  passed_on = number == SIGBUS && info->si_code <= 0 && sigismember(&blocked, SIGUSR1) == 1;
}

static void passes_to_the_handler_before(void) {
  struct sigaction action = {.sa_sigaction = handler_before, .sa_flags = SA_SIGINFO};
  sigaddset(&action.sa_mask, SIGUSR1); /* which the handler relies on not to be interrupted by */
  sigaction(SIGBUS, &action, NULL);
  struct fl_map_info info;
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  raise(SIGBUS);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  if (!passed_on || sigismember(&blocked, SIGUSR1))
    abort();
  struct sigaction ours;
  if (sigaction(SIGBUS, NULL, &ours) != 0 || (ours.sa_flags & SA_RESTART) == 0)
    abort(); /* system calls would end with EINTR */
}

static struct sigaction ours; /* as another copy of the core has found it */
static volatile sig_atomic_t passed_back;
static void handler_of_another_core(int number, siginfo_t *info, void *context) {
  passed_back++;
  if (passed_back > 100)
    _exit(3);
  ours.sa_sigaction(number, info, context);
}

static void stand_by(void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaddset(&action.sa_mask, SIGUSR1);
  CHECK_EQUAL(sigaction(SIGBUS, &action, &ours), 0);
}

static void two_cores_that_stood_before_one_another_pass_on_to_whoever_did_before_both(void) {
  struct fl_map_info info;
  stand_by(handler_before);
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  stand_by(handler_of_another_core); /* which passes on to us … */
  for (int i = 1; i <= 3; i++) {
    CHECK_EQUAL(fl_guard_stand_first(), 0); /* … and we to it */
    passed_on = 0;
    raise(SIGBUS);
    if (passed_on != 1 || passed_back != i)
      _exit(4);
    stand_by(handler_of_another_core);
  }
}

static sigjmp_buf out;
static void handler_that_jumps_out(int number, siginfo_t *info, void *context) {
  (void)number, (void)info, (void)context;
  siglongjmp(out, 1);
}

static void a_handler_that_jumps_out_is_called_each_time(void) {
  static volatile int times;
  struct fl_map_info info;
  stand_by(handler_that_jumps_out);
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  int fd = make_file(PAGE);
  volatile unsigned char *bytes = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  for (times = 0; times < 5; times++)
    if (sigsetjmp(out, 1) == 0)
      _exit(6 + bytes[0]);
}

/* As crash reporters do, so that the same fault ends the process: puts back what it found. */
static void handler_that_goes(int number, siginfo_t *info, void *context) {
  (void)info, (void)context;
  if (++passed_back > 100)
    _exit(7);
  sigaction(number, &ours, NULL);
}

static void a_handler_that_puts_back_what_it_found_does_not_find_us_behind_it(void) {
  struct fl_map_info info;
  signal(SIGBUS, SIG_DFL);
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  stand_by(handler_that_goes);
  load_outside();
}

static void one_that_stood_before_for_once_is_called_once(void) {
  struct sigaction action = {.sa_sigaction = handler_before, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
  CHECK_EQUAL(sigaction(SIGBUS, &action, NULL), 0);
  struct fl_map_info info;
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  raise(SIGBUS);
  raise(SIGBUS);
}

/* A file whose server does not answer fstat(2), for as long as it is held; and how often any thread has let others go first. */
static _Atomic ino_t held;
static _Atomic unsigned asked, yields;

int fstat(int fd, struct stat *status) {
  int result = fstatat(fd, "", status, AT_EMPTY_PATH);
  if (result == 0 && status->st_ino == atomic_load(&held)) {
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&held) != 0)
      usleep(1000);
  }
  return result;
}

int sched_yield(void) {
  atomic_fetch_add(&yields, 1);
  return (int)syscall(SYS_sched_yield);
}

static void *load_a_byte(void *bytes) { return (void *)(uintptr_t) * (volatile unsigned char *)bytes; }

static void a_server_that_does_not_answer_holds_up_its_own_file_alone(void) {
  struct fl_map_info slow, other;
  struct stat status;
  int fd = make_file(SIZE);
  map_and_close(dup(fd), 0, SIZE, &slow);
  CHECK_EQUAL(fstat(fd, &status), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  fl_id id = truncated_file(&other, 0);
  atomic_store(&held, status.st_ino);
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, load_a_byte, slow.data), 0);
  while (atomic_load(&asked) == 0)
    usleep(1000);
  unsigned before = atomic_load(&yields);
  for (int i = 0; i < 20; i++)
    CHECK_EQUAL(((volatile unsigned char *)other.data)[2 * i * PAGE], 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(id), 20 * PAGE);
  CHECK_EQUAL(atomic_load(&yields) - before, 0);
  atomic_store(&held, 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  close(fd);
  let_go(slow.id);
  let_go(id);
}

static void the_guard_is_back_with_the_next_mapping(void) {
  struct fl_map_info info;
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  signal(SIGBUS, SIG_DFL);
  int fd = make_file(PAGE);
  map_and_close(dup(fd), 0, PAGE, &info);
  if (ftruncate(fd, 0) != 0 || ((volatile unsigned char *)info.data)[0] != 0)
    _exit(5);
}

/* As arm64 tells of an atomic access that is not aligned: the page is there, and the load would fault for ever. */
static void a_misaligned_access_is_no_lost_page(void) {
  struct fl_map_info info;
  signal(SIGBUS, SIG_DFL); /* not the sanitizer's */
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  siginfo_t fault = {.si_signo = SIGBUS, .si_code = BUS_ADRALN};
  fault.si_addr = info.data;
  CHECK_EQUAL(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGBUS, &fault), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  CHECK_EQUAL(((volatile unsigned char *)info.data)[1], byte_at(1));
}

/* As of a crash reporter that keeps one handler of those that it found, and passes every signal on to it. */
static void a_signal_that_is_none_of_ours_does_what_it_does_by_default(void) {
  struct fl_map_info info;
  map_and_close(make_file(PAGE), 0, PAGE, &info);
  struct sigaction ours;
  CHECK_EQUAL(sigaction(SIGBUS, NULL, &ours), 0);
  CHECK_EQUAL(sigaction(SIGFPE, &ours, NULL), 0);
  raise(SIGFPE);
}

/* A server that does not answer who faulted, and nobody else. */
static _Thread_local volatile bool is_kept_waiting; /* read in a handler */
static atomic_bool answers;
static atomic_int waiting;

int __real_fl_os_file_status(int fd, struct fl_os_status *status);
int __wrap_fl_os_file_status(int fd, struct fl_os_status *status) {
  if (is_kept_waiting) {
    atomic_fetch_add(&waiting, 1);
    while (!atomic_load(&answers))
      nap();
  }
  return __real_fl_os_file_status(fd, status);
}

static void *load_and_wait(void *address) {
  is_kept_waiting = true;
  (void)*(volatile unsigned char *)address;
  is_kept_waiting = false;
  return NULL;
}

static void *answer_later(void *unused) {
  for (int i = 0; i < 2500; i++) /* half a second and more */
    nap();
  atomic_store(&answers, true);
  return unused;
}

static void waiting_for_a_handler_takes_no_processor(void) {
  struct fl_map_info info;
  int fd = make_file(SIZE);
  struct fl_map_request request = {fd, 0, SIZE, FL_COPY_ON_WRITE, FRESHNESS, false};
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK_EQUAL(ftruncate(fd, 0), 0);
  unsigned char *bytes = info.data;
  CHECK_EQUAL(((volatile unsigned char *)bytes)[0], 0);
  pthread_t loader, server;
  CHECK_EQUAL(pthread_create(&loader, NULL, load_and_wait, bytes + 3 * PAGE), 0);
  while (atomic_load(&waiting) == 0)
    nap();
  CHECK_EQUAL(ftruncate(fd, SIZE), 0);
  CHECK_EQUAL(pthread_create(&server, NULL, answer_later, NULL), 0);
  uint64_t size;
  int64_t before = fl_os_thread_cpu_time();
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  int64_t used = fl_os_thread_cpu_time() - before;
  CHECK(atomic_load(&answers));
  CHECK(used < 100000000); /* ns */
  pthread_join(server, NULL);
  pthread_join(loader, NULL);
  CHECK_EQUAL(fl_refresh(info.id, &size), 0);
  CHECK_EQUAL(fl_mapping_damaged_bytes(info.id), 0);
  close(fd);
  let_go(info.id);
}

int main(void) {
  fl_prepare();
  /* First, while this process has not installed the guard yet. */
  CHECK_EQUAL(signal_that_ends(fault_outside), SIGBUS);
  CHECK_EQUAL(signal_that_ends(fault_that_is_forbidden), SIGSEGV);
  CHECK_EQUAL(signal_that_ends(sent_from_elsewhere), SIGBUS);
  CHECK_EQUAL(signal_that_ends(passes_to_the_handler_before), 0);
  CHECK_EQUAL(signal_that_ends(two_cores_that_stood_before_one_another_pass_on_to_whoever_did_before_both), 0);
  CHECK_EQUAL(signal_that_ends(the_guard_is_back_with_the_next_mapping), 0);
  CHECK_EQUAL(signal_that_ends(a_handler_that_jumps_out_is_called_each_time), 0);
  CHECK_EQUAL(signal_that_ends(a_handler_that_puts_back_what_it_found_does_not_find_us_behind_it), SIGBUS);
  CHECK_EQUAL(signal_that_ends(one_that_stood_before_for_once_is_called_once), SIGBUS);
  CHECK_EQUAL(signal_that_ends(a_misaligned_access_is_no_lost_page), 0);
  CHECK_EQUAL(signal_that_ends(a_signal_that_is_none_of_ours_does_what_it_does_by_default), SIGFPE);
  printf("ok any other SIGBUS goes to whoever stood before\n");
  for (int old_kernel = 0; old_kernel <= 1; old_kernel++) {
    fl_test_disable_populate(old_kernel);
    RUN(operations_say_that_the_file_was_truncated);
    RUN(a_direct_load_reads_zeros_and_is_counted);
    RUN(damage_is_remembered_when_the_file_grows_again);
    RUN(every_thread_is_guarded_while_mappings_come_and_go);
    RUN(refreshing_maps_what_the_file_has_again);
    RUN(damage_is_told_once_and_by_ranges);
  }
  RUN(a_server_that_does_not_answer_holds_up_its_own_file_alone);
  RUN(lost_pages_upwards_are_never_too_many);
  RUN(lost_pages_downwards_are_never_too_many);
  RUN(scattered_lost_pages_are_never_too_many);
  RUN(lost_pages_of_many_files_are_never_too_many);
  if (!sanitizer_needs_map_entries)
    RUN(lost_pages_find_room_in_a_full_map);
  RUN(pages_that_are_mapped_again_are_advised_as_the_others);
  RUN(waiting_for_a_handler_takes_no_processor);
  if (is_portable())
    RUN(an_address_that_is_called_invalid_is_a_lost_page);
  return 0;
}
