/*
 * What threads of the programs here wake each other by, as libuv and the core do it: an event loop sleeps in epoll_wait(2)
 * until somebody writes to an eventfd, everybody else on a futex.
 */
#ifndef FAULTLESS_BENCH_DOORBELL_H
#define FAULTLESS_BENCH_DOORBELL_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct loop {
  int epoll, eventfd;
};

static inline struct loop make_loop(void) {
  struct loop loop = {epoll_create1(0), eventfd(0, EFD_NONBLOCK)};
  struct epoll_event event = {.events = EPOLLIN};
  if (loop.epoll < 0 || loop.eventfd < 0 || epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.eventfd, &event) != 0)
    exit(1);
  return loop;
}

static inline void wake_loop(const struct loop *loop) {
  uint64_t one = 1;
  if (write(loop->eventfd, &one, sizeof one) != sizeof one)
    exit(1);
}

/* Until it is waked. */
static inline void turn_loop(const struct loop *loop) {
  struct epoll_event event;
  uint64_t count;
  while (epoll_wait(loop->epoll, &event, 1, -1) != 1 || read(loop->eventfd, &count, sizeof count) != sizeof count)
    ;
}

static inline void sleep_while(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static inline void wake_sleeper(_Atomic uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

#endif
