/*
 * Keeps room in the process's map. Each place where a mapping changes from what is locked to what is not, or from one advice
 * to another, takes an entry of those that a process may have (vm.max_map_count of proc(5)); when all are taken nobody has
 * memory any more, V8 neither, which ends the process. So what splits mappings may fill the map to one half.
 *
 * The entries are counted where the kernel has them, since others take some as well. Some of what is left may then be taken
 * before they are counted again.
 */
#include "map_entries.h"
#include "os.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static const int64_t MOST_UNCOUNTED = 1024;
static const int64_t REFUSAL = 100000000; /* ns for which one holds */

static _Atomic int64_t uncounted;     /* entries that may be taken before anybody counts */
static _Atomic int64_t refused_until; /* fl_os_now() */
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;

static bool take(int64_t more) {
  int64_t left = atomic_load(&uncounted);
  while (left >= more)
    if (atomic_compare_exchange_weak(&uncounted, &left, left - more))
      return true;
  return false;
}

static int count_and_take(int64_t more, int64_t most) {
  int64_t entries = fl_os_map_entries();
  /*
   * Nobody tells: there is no /proc, or no descriptor. How much of what was claimed is still taken is not known then, and who
   * takes all of it for taken refuses for ever after so many pins and releases of one page. So the kernel alone sets a limit.
   */
  if (entries < 0)
    return 0;
  int64_t room = most / 2 - entries;
  if (room < more) {
    atomic_store(&refused_until, fl_os_now() + REFUSAL);
    return -ENOMEM;
  }
  int64_t some = room / 2 < MOST_UNCOUNTED ? room / 2 : MOST_UNCOUNTED;
  some = some < more ? more : some;
  atomic_store(&uncounted, some - more);
  return 0;
}

int fl_map_entries_claim(uint64_t more) {
  uint64_t most = fl_os_most_map_entries();
  if (most == UINT64_MAX || take((int64_t)more))
    return 0;
  pthread_mutex_lock(&counting);
  /* Another may have counted meanwhile. */
  int result = take((int64_t)more) ? 0 : count_and_take((int64_t)more, (int64_t)most);
  pthread_mutex_unlock(&counting);
  return result;
}

int fl_map_entries_claim_again(uint64_t more) {
  return fl_os_now() < atomic_load(&refused_until) ? -ENOMEM : fl_map_entries_claim(more);
}
