/*
 * What all programs here measure, and how they map a file: as native/os_posix.c and os_linux.c do for the flags 'r'.
 */
#ifndef FAULTLESS_BENCH_FIGURES_H
#define FAULTLESS_BENCH_FIGURES_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, POPULATE_READ = 22 };
enum { LISTENER = 3 }; /* the descriptor of an event loop that is told (work/limit.js) */

static inline int tell_listener(void) { return write(LISTENER, "", 1) == 1 ? 0 : -1; }

struct figures {
  double seconds, cpu_seconds;
  long long device_bytes; /* that this process has made the device read; -1: not known */
};

static inline long long device_bytes(void) {
  char line[100];
  long long bytes = -1;
  FILE *io = fopen("/proc/self/io", "r");
  while (io != NULL && fgets(line, sizeof line, io) != NULL)
    sscanf(line, "read_bytes: %lld", &bytes);
  if (io != NULL)
    fclose(io);
  return bytes;
}

static inline double in_seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static inline struct figures figures_now(void) {
  struct timespec time;
  struct rusage usage;
  clock_gettime(CLOCK_MONOTONIC, &time);
  getrusage(RUSAGE_SELF, &usage);
  return (struct figures){(double)time.tv_sec + (double)time.tv_nsec / 1e9,
                          in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime), device_bytes()};
}

/* What came since, as JSON. */
static inline void print_figures(const struct figures *before, unsigned reads) {
  struct figures now = figures_now();
  printf("{\"seconds\": %.6f, \"cpuSeconds\": %.6f, \"reads\": %u, \"deviceBytes\": %lld}\n",
         now.seconds - before->seconds, now.cpu_seconds - before->cpu_seconds, reads,
         before->device_bytes < 0 ? -1 : now.device_bytes - before->device_bytes);
}

/* NULL where the system refuses. */
static inline char *map_for_touches(int fd, size_t size) {
  char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  return base == MAP_FAILED || madvise(base, size, MADV_RANDOM) != 0 ? NULL : base;
}

#endif
