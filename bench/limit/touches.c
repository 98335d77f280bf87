/*
 * The limit of what faultless can reach: the system calls of its pool thread, by one thread that does nothing else. Nobody
 * is told of anything, and there is no JavaScript.
 *
 *   touches FILE READS IN_FLIGHT SEED
 *
 * Prints the figures of figures.h. Each block comes once.
 */
#define _GNU_SOURCE
#include "figures.h"
#include <stdint.h>
#include <stdlib.h>

enum { GROUP = 8 };

/* splitmix64: each seed is a place in one long sequence. */
static uint64_t state;

static uint64_t next_word(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/* `count` of all blocks, in random order, each once: the start of a shuffle. */
static uint32_t *choose(uint32_t count, uint32_t blocks) {
  uint32_t *all = malloc(blocks * sizeof *all);
  if (all == NULL)
    exit(1);
  for (uint32_t i = 0; i < blocks; i++)
    all[i] = i;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t j = i + (uint32_t)(next_word() % (blocks - i)), block = all[j];
    all[j] = all[i];
    all[i] = block;
  }
  return all;
}

static int touch_all(int fd, char *base, const uint32_t *blocks, uint32_t count, uint32_t in_flight) {
  for (uint32_t asked = 0, done = 0; done < count;) {
    for (; asked < count && asked - done < in_flight; asked++)
      posix_fadvise(fd, (off_t)blocks[asked] * BLOCK, BLOCK, POSIX_FADV_WILLNEED);
    uint32_t group = asked - done < GROUP ? asked - done : GROUP;
    for (uint32_t i = group; i-- > 0;)
      if (madvise(base + (size_t)blocks[done + i] * BLOCK, BLOCK, POPULATE_READ) != 0)
        return -1;
    done += group;
  }
  return 0;
}

int main(int argc, char **argv) {
  struct stat status;
  int fd = argc == 5 ? open(argv[1], O_RDONLY) : -1;
  if (fd < 0 || fstat(fd, &status) != 0)
    return 2;
  state = strtoull(argv[4], NULL, 10) << 32;
  uint32_t count = (uint32_t)atoi(argv[2]);
  uint32_t *blocks = choose(count, (uint32_t)(status.st_size / BLOCK));
  char *base = map_for_touches(fd, (size_t)status.st_size);
  if (base == NULL)
    return 1;
  struct figures before = figures_now();
  if (touch_all(fd, base, blocks, count, (uint32_t)atoi(argv[3])) != 0)
    return 1;
  print_figures(&before, count);
  return 0;
}
