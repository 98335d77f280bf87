/*
 * The limit of what faultless can reach: the system calls of its pool thread, by one thread that does nothing else. Nobody
 * is told of anything, and there is no JavaScript.
 *
 *   touches FILE READS IN_FLIGHT SEED
 *
 * Prints the figures of figures.h. Each block comes once.
 */
#define _GNU_SOURCE
#include "reads.h"

static int touch_all(const struct reads *reads) {
  struct pace pace = {0, 0};
  for (uint32_t asked = 0, done = 0; done < reads->count;) {
    uint32_t before = asked;
    asked = reads->count - done < reads->in_flight ? reads->count : done + reads->in_flight;
    prefetch_blocks(reads, before, asked);
    uint32_t group = group_of(&pace, asked - done);
    if (load_blocks(reads, done, group, &pace) != 0)
      return -1;
    done += group;
  }
  return 0;
}

int main(int argc, char **argv) {
  struct reads reads;
  int unfit = prepare_reads(argc, argv, &reads);
  if (unfit != 0)
    return unfit;
  struct figures before = figures_now();
  if (touch_all(&reads) != 0)
    return 1;
  print_figures(&before, reads.count);
  return 0;
}
