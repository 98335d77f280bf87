/*
 * The limit of what a copy of a few bytes that are in memory can take, made by another thread with nothing else in flight:
 * the system calls of faultless's two threads, without JavaScript. The one sleeps as an event loop does; the other looks
 * for the next request for as long as a pool's thread does by default, and sleeps then.
 *
 *   answer FILE READS LENGTH SEED
 *
 * Prints the figures of figures.h.
 */
#define _GNU_SOURCE
#include "doorbell.h"
#include "figures.h"
#include "random.h"
#include <pthread.h>
#include <sys/uio.h>

enum { SPIN_NS = 20000, MOST_LENGTH = BLOCK };

static struct {
  int fd;
  size_t length;
  uint32_t reads;
  off_t offset; /* of what is asked for */
  struct loop loop;
  _Atomic uint32_t asked, is_asleep;
  unsigned char bytes[MOST_LENGTH];
} shared;

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void wait_for_request(uint32_t answered) {
  for (int64_t end = now_ns() + SPIN_NS; now_ns() < end;)
    if (atomic_load(&shared.asked) != answered)
      return;
  while (atomic_load(&shared.asked) == answered) {
    atomic_store(&shared.is_asleep, 1);
    sleep_while(&shared.asked, answered);
    atomic_store(&shared.is_asleep, 0);
  }
}

/* Out of the page cache, where it is there. */
static ssize_t copy(void) {
  struct iovec part = {shared.bytes, shared.length};
  ssize_t count = preadv2(shared.fd, &part, 1, shared.offset, RWF_NOWAIT);
  return count < 0 ? pread(shared.fd, shared.bytes, shared.length, shared.offset) : count;
}

static void *answer_all(void *unused) {
  for (uint32_t answered = 0; answered < shared.reads; answered++) {
    wait_for_request(answered);
    if (copy() != (ssize_t)shared.length)
      exit(1);
    wake_loop(&shared.loop);
  }
  return unused;
}

static void ask_for_all(uint32_t blocks, uint64_t seed) {
  for (uint32_t i = 0; i < shared.reads; i++) {
    shared.offset = (off_t)(next_word(&seed) % blocks) * BLOCK;
    atomic_store(&shared.asked, i + 1);
    if (atomic_load(&shared.is_asleep))
      wake_sleeper(&shared.asked);
    turn_loop(&shared.loop);
  }
}

int main(int argc, char **argv) {
  struct stat status;
  shared.fd = argc == 5 ? open(argv[1], O_RDONLY) : -1;
  if (shared.fd < 0 || fstat(shared.fd, &status) != 0 || status.st_size < BLOCK)
    return 2;
  shared.reads = (uint32_t)atoi(argv[2]);
  shared.length = (size_t)atoi(argv[3]);
  shared.loop = make_loop();
  pthread_t thread;
  struct figures before = figures_now();
  if (shared.length > MOST_LENGTH || pthread_create(&thread, NULL, answer_all, NULL) != 0)
    return 1;
  ask_for_all((uint32_t)(status.st_size / BLOCK), seed_of(argv[4]));
  if (pthread_join(thread, NULL) != 0)
    return 1;
  print_figures(&before, shared.reads);
  return 0;
}
