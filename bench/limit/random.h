/* Where reads go: random, by a seed. */
#ifndef FAULTLESS_BENCH_RANDOM_H
#define FAULTLESS_BENCH_RANDOM_H

#include <stdint.h>
#include <stdlib.h>

/* splitmix64: each seed is a place in one long sequence. */
static inline uint64_t next_word(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

static inline uint64_t seed_of(const char *number) { return strtoull(number, NULL, 10) << 32; }

#endif
