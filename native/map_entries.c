/*
 * Keeps room in the process's map. Each place where a mapping changes from what is locked to what is not, or from one advice
 * to another, takes an entry of those that a process may have (vm.max_map_count of proc(5)); when all are taken nobody has
 * memory any more, V8 neither, which ends the process. So what splits mappings may fill the map to one half.
 *
 * The entries are counted where the kernel has them, since others take some as well. Half of what is left may then be taken
 * before they are counted again: sixteen times until nothing is left, whoever asks.
 */
#include "map_entries.h"
#include "os.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static _Atomic int64_t uncounted; /* entries that may be taken before anybody counts */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

static bool take(int64_t more) {
  int64_t left = atomic_load(&uncounted);
  while (left >= more)
    if (atomic_compare_exchange_weak(&uncounted, &left, left - more))
      return true;
  return false;
}

static int count_and_take(int64_t more, uint64_t most) {
  int64_t room = (int64_t)(most / 2) - (int64_t)fl_os_map_entries();
  if (room < more)
    return -ENOMEM;
  atomic_store(&uncounted, room / 2 < more ? 0 : room / 2 - more);
  return 0;
}

int fl_map_entries_claim(uint64_t more) {
  uint64_t most = fl_os_most_map_entries();
  if (most == UINT64_MAX || take((int64_t)more))
    return 0;
  pthread_mutex_lock(&counting);
  int result = take((int64_t)more) ? 0 : count_and_take((int64_t)more, most); /* another may have counted meanwhile */
  pthread_mutex_unlock(&counting);
  return result;
}
