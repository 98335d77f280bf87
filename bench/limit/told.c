/*
 * The limit of what faultless can reach with its two threads: one makes pages resident, the other asks for them and loads
 * from them. Their system calls are those of faultless, and there is no JavaScript, no promise and no garbage.
 *
 *   told FILE READS IN_FLIGHT SEED [tell]
 *
 * Prints the figures of figures.h. Each block comes once. With `tell` a byte goes to descriptor 3 whenever the one has
 * told the other, so that an event loop can be woken as often as one that asks itself.
 */
#define _GNU_SOURCE
#include "reads.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

static struct {
  struct reads reads;
  int bell, news; /* eventfds that the one and the other thread sleep on */
  _Atomic uint32_t asked, done;
  _Atomic int is_listening; /* the thread that makes resident sleeps, or is about to */
  _Atomic int failed;
  int tells; /* whether there is a listener */
} shared;

static void ring(int eventfd) {
  uint64_t one = 1;
  if (write(eventfd, &one, sizeof one) != sizeof one)
    _exit(1);
}

static void sleep_on(int eventfd) {
  uint64_t count;
  if (read(eventfd, &count, sizeof count) != sizeof count)
    _exit(1);
}

static uint32_t wait_for_requests(uint32_t done) {
  while (atomic_load(&shared.asked) == done) {
    atomic_store(&shared.is_listening, 1);
    if (atomic_load(&shared.asked) == done)
      sleep_on(shared.bell);
    atomic_store(&shared.is_listening, 0);
  }
  return atomic_load(&shared.asked);
}

/* Returns how many. */
static uint32_t load_group(uint32_t done, uint32_t count, struct pace *pace) {
  uint32_t group = group_of(pace, count);
  if (load_blocks(&shared.reads, done, group, pace) != 0)
    atomic_store(&shared.failed, 1);
  return group;
}

static void *make_resident(void *unused) {
  uint32_t prefetched = 0;
  struct pace pace = {0, 0};
  for (uint32_t done = 0; done < shared.reads.count;) {
    uint32_t asked = wait_for_requests(done);
    prefetch_blocks(&shared.reads, prefetched, asked);
    prefetched = asked;
    done += load_group(done, prefetched - done, &pace);
    atomic_store(&shared.done, done);
    ring(shared.news);
    sched_yield();
  }
  return unused;
}

/* The first and the last word, as readers.js has them checked. */
static uint32_t load_words(uint32_t number) {
  const volatile uint32_t *words =
      (const volatile uint32_t *)(shared.reads.base + (size_t)shared.reads.blocks[number] * BLOCK);
  return words[0] ^ words[BLOCK / sizeof *words - 1];
}

static uint32_t ask_for_all(void) {
  const struct reads *reads = &shared.reads;
  uint32_t loaded = 0, sum = 0, asked = reads->in_flight < reads->count ? reads->in_flight : reads->count;
  atomic_store(&shared.asked, asked);
  while (loaded < reads->count) {
    if (atomic_exchange(&shared.is_listening, 0))
      ring(shared.bell);
    sleep_on(shared.news);
    if (shared.tells && tell_listener() != 0)
      _exit(1);
    for (uint32_t done = atomic_load(&shared.done); loaded < done; loaded++) {
      sum ^= load_words(loaded);
      if (asked < reads->count)
        atomic_store(&shared.asked, ++asked);
    }
  }
  return sum;
}

int main(int argc, char **argv) {
  int unfit = prepare_reads(argc, argv, &shared.reads);
  if (unfit != 0)
    return unfit;
  shared.tells = argc == 6;
  shared.bell = eventfd(0, 0);
  shared.news = eventfd(0, 0);
  pthread_t thread;
  struct figures before = figures_now();
  if (shared.bell < 0 || shared.news < 0 || pthread_create(&thread, NULL, make_resident, NULL) != 0)
    return 1;
  ask_for_all();
  if (pthread_join(thread, NULL) != 0 || atomic_load(&shared.failed))
    return 1;
  print_figures(&before, shared.reads.count);
  return 0;
}
