/*
 * What both programs for random reads are told, and which blocks they touch: some of a file's, in random order, each once.
 */
#ifndef FAULTLESS_BENCH_READS_H
#define FAULTLESS_BENCH_READS_H

#include "figures.h"
#include "random.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct reads {
  int fd;
  char *base; /* of the file, mapped */
  uint32_t *blocks, count, in_flight;
};

/* `count` of all blocks, in random order, each once: the start of a shuffle. */
static inline uint32_t *choose_blocks(uint32_t count, uint32_t blocks, const char *seed) {
  uint64_t state = seed_of(seed);
  uint32_t *all = malloc(blocks * sizeof *all);
  if (all == NULL)
    exit(1);
  for (uint32_t i = 0; i < blocks; i++)
    all[i] = i;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t j = i + (uint32_t)(next_word(&state) % (blocks - i)), block = all[j];
    all[j] = all[i];
    all[i] = block;
  }
  return all;
}

/* From the first arguments, FILE READS IN_FLIGHT SEED; returns what the process is to end with where they will not do. */
static inline int prepare_reads(int argc, char **argv, struct reads *reads) {
  struct stat status;
  reads->fd = argc >= 5 ? open(argv[1], O_RDONLY) : -1;
  if (reads->fd < 0 || fstat(reads->fd, &status) != 0)
    return 2;
  reads->count = (uint32_t)atoi(argv[2]);
  reads->in_flight = (uint32_t)atoi(argv[3]);
  reads->blocks = choose_blocks(reads->count, (uint32_t)(status.st_size / BLOCK), argv[4]);
  reads->base = map_for_touches(reads->fd, (size_t)status.st_size);
  return reads->base == NULL ? 1 : 0;
}

enum { MOST_TOGETHER = 16 }; /* ranges that go by one system call */

/* Of several ranges at once (os_linux_ranges.c); returns how many of them, which are none where the kernel cannot. */
static inline uint32_t advise_together(const struct reads *reads, const uint32_t *numbers, uint32_t count, int advice) {
  enum { SELF = -10000, PROCESS_MADVISE = 440 };
  struct iovec parts[MOST_TOGETHER];
  for (uint32_t i = 0; i < count; i++)
    parts[i] = (struct iovec){reads->base + (size_t)reads->blocks[numbers[i]] * BLOCK, BLOCK};
  long bytes = count > 1 ? syscall(PROCESS_MADVISE, SELF, parts, (size_t)count, advice, 0UL) : -1;
  return bytes > 0 ? (uint32_t)(bytes / BLOCK) : 0;
}

static inline void prefetch_blocks(const struct reads *reads, uint32_t from, uint32_t to) {
  while (from < to) {
    uint32_t numbers[MOST_TOGETHER], count = 0;
    for (; count < MOST_TOGETHER && from + count < to; count++)
      numbers[count] = from + count;
    uint32_t done = advise_together(reads, numbers, count, MADV_WILLNEED);
    if (done == 0) {
      posix_fadvise(reads->fd, (off_t)reads->blocks[from] * BLOCK, BLOCK, POSIX_FADV_WILLNEED);
      done = 1;
    }
    from += done;
  }
}

static inline int load_block(const struct reads *reads, uint32_t number) {
  return madvise(reads->base + (size_t)reads->blocks[number] * BLOCK, BLOCK, POPULATE_READ);
}

/* How far the device is ahead of who asks it: worker/group.js. */
struct pace {
  unsigned unawaited; /* parts in a row without a sleep */
  long sleeps;
};

enum { MOST_AWAITED = 8, FEW = 4, AHEAD_AFTER = 4 };

static inline int is_ahead(const struct pace *pace) { return pace->unawaited >= AHEAD_AFTER; }

static inline uint32_t group_of(const struct pace *pace, uint32_t waiting) {
  uint32_t most = is_ahead(pace) ? MOST_TOGETHER : MOST_AWAITED;
  return waiting < most ? waiting : most;
}

static inline void note_pace(struct pace *pace) {
  struct rusage used;
  getrusage(RUSAGE_THREAD, &used);
  pace->unawaited = used.ru_nvcsw == pace->sleeps ? pace->unawaited + 1 : 0;
  pace->sleeps = used.ru_nvcsw;
}

/* `count` blocks from `first` on, the youngest first. */
static inline int load_blocks(const struct reads *reads, uint32_t first, uint32_t count, struct pace *pace) {
  while (count > 0) {
    uint32_t numbers[MOST_TOGETHER], part = is_ahead(pace) || count < FEW ? count : FEW;
    for (uint32_t i = 0; i < part; i++)
      numbers[i] = first + count - 1 - i;
    uint32_t done = is_ahead(pace) ? advise_together(reads, numbers, part, POPULATE_READ) : 0;
    for (; done < part; done++)
      if (load_block(reads, numbers[done]) != 0)
        return -1;
    note_pace(pace);
    count -= part;
  }
  return 0;
}

#endif
