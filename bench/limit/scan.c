/*
 * The limit of what chunks() can reach: the system calls that it makes for a cold file, and a load of one word of each
 * block, by one thread that does nothing else. There is no JavaScript.
 *
 *   scan FILE CHUNK_BYTES READ_AHEAD_BYTES [tell]
 *
 * Prints the figures of figures.h. With `tell` a byte goes to descriptor 3 for each chunk that is resident, so that an event
 * loop can be woken as often as one that scans.
 */
#define _GNU_SOURCE
#include "figures.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static volatile uint64_t seen; /* so that the loads are not left out */

static int scan(int fd, char *base, size_t size, size_t chunk, size_t ahead, bool tells) {
  uint64_t sum = 0;
  for (size_t at = 0, asked = 0; at < size; at += chunk) {
    for (; asked < size && asked - at < ahead; asked += chunk)
      posix_fadvise(fd, (off_t)asked, (off_t)chunk, POSIX_FADV_WILLNEED);
    size_t end = at + chunk < size ? at + chunk : size;
    if (madvise(base + at, end - at, POPULATE_READ) != 0)
      return -1;
    if (tells && tell_listener() != 0)
      return -1;
    for (size_t i = at; i + sizeof sum <= end; i += BLOCK)
      sum += *(uint64_t *)(base + i);
  }
  seen = sum;
  return 0;
}

int main(int argc, char **argv) {
  struct stat status;
  int fd = argc == 4 || argc == 5 ? open(argv[1], O_RDONLY) : -1;
  if (fd < 0 || fstat(fd, &status) != 0)
    return 2;
  size_t size = (size_t)status.st_size;
  char *base = map_for_touches(fd, size);
  if (base == NULL)
    return 1;
  struct figures before = figures_now();
  if (scan(fd, base, size, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argc == 5) != 0)
    return 1;
  print_figures(&before, (unsigned)(size / BLOCK));
  return 0;
}
