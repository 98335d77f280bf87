/*
 * The fault guard: a page of a mapping that cannot be read, since the file shrank or its device failed, becomes a page
 * of zeros instead of a dead process, and is remembered as damage so that nobody is handed the zeros as data.
 *
 * What runs inside the signal handler takes no lock, allocates nothing and keeps errno.
 */
#include "guard.h"
#include "damage.h"
#include "mapping_table.h"
#include "mirror.h"
#include "os.h"
#include <sched.h>
#include <unistd.h>

static void (*_Atomic damage_hook)(void);

void fl_on_damage(void (*hook)(void)) { atomic_store(&damage_hook, hook); }

void fl_guard_mark(struct fl_mapping *m, size_t first, size_t end) {
  fl_damage_mark(m, first, end);
  fl_mirror_forget(m, first, end - first);
}

/*
 * A page was lost: to the device, or to a file that shrank, and may have grown again since? Who shrinks a file changes
 * it; so only where the file reaches there, did so when it was mapped, and has not been changed since, the device is to
 * blame. Stores through an 'r+' mapping change it too: then a device that failed for a moment is taken for a truncation.
 */
static bool is_of_device(const struct fl_mapping *m, uint64_t file_offset, const struct fl_os_status *status) {
  bool reaches = status->size > file_offset && m->size_then > file_offset;
  return reaches && status->changed_ns == m->changed_ns;
}

bool fl_guard_blames_device(const struct fl_mapping *m, uint64_t file_offset) {
  struct fl_os_status status;
  return fl_os_file_status(m->fd, &status) == 0 && is_of_device(m, file_offset, &status);
}

/* --- in the signal handler, on the thread that faulted ------------------------------------------------------------ */

/*
 * Each page of zeros between two of the file takes two more entries of the process's map, and when that has as many as it may
 * have (vm.max_map_count of proc(5), by default 65,530) the next page cannot be replaced. So of a mapping that has lost so many pages,
 * and of all when all together have lost so many, what lies between is replaced with them.
 */
enum {
  MOST_ALONE = 4096,
  MOST_ALONE_IN_ALL = 3 * MOST_ALONE /* with the half that map_entries.c lets others take, seven eighths of 65,530 */
};

static _Atomic uint64_t alone_in_all; /* the sum of the mappings' `alone` */

void fl_guard_count_alone(struct fl_mapping *m, uint64_t most) {
  uint64_t alone = atomic_load(&m->alone);
  if (alone <= most)
    return;
  atomic_fetch_sub(&m->alone, alone - most);
  atomic_fetch_sub(&alone_in_all, alone - most);
}

static bool may_be_alone(const struct fl_mapping *m) {
  return atomic_load(&m->damaged_pages) < MOST_ALONE && atomic_load(&alone_in_all) < MOST_ALONE_IN_ALL;
}

/* Pages that are replaced at once then: 1 GiB with pages of 4 KiB, of which the bits are set in a millisecond. */
enum { MOST_TOGETHER = 1 << 18 };

/*
 * What is replaced with a page: all up to the next one that is lost, or from behind the one before, so that zeros grow and the
 * map has no more entries. Behind the last one that is lost all else is, past the end of the file.
 */
static struct fl_run lost_with(const struct fl_mapping *m, size_t page, bool is_past_end) {
  size_t pages = atomic_load(&m->span) / fl_os_page_size();
  size_t end = pages - page < MOST_TOGETHER ? pages : page + MOST_TOGETHER;
  size_t least = page < MOST_TOGETHER ? 0 : page - MOST_TOGETHER;
  size_t next = fl_damage_next(m, page + 1, end), first = fl_damage_behind_last(m, least, page);
  if (next < end || is_past_end)
    return (struct fl_run){page, next};
  return (struct fl_run){first > least ? first : page, page + 1};
}

/*
 * The bits go first: whoever sees the zeros must be able to see the damage. Where it fails they go again, or what is replaced
 * next would stop at pages that were not; but not that of the page itself, which others may have replaced.
 */
static bool replace(struct fl_mapping *m, uintptr_t base, struct fl_run lost, size_t page) {
  size_t size = fl_os_page_size();
  bool was_marked = fl_damage_is_marked(m, page);
  fl_guard_mark(m, lost.first, lost.end);
  if (fl_os_map_zeros((void *)(base + lost.first * size), (lost.end - lost.first) * size) == 0)
    return true;
  fl_damage_unmark(m, lost.first, was_marked ? page : page + 1);
  fl_damage_unmark(m, page + 1, lost.end);
  return false;
}

static bool replace_alone(struct fl_mapping *m, uintptr_t base, size_t page) {
  if (!replace(m, base, (struct fl_run){page, page + 1}, page))
    return false;
  atomic_fetch_add(&m->alone, 1);
  atomic_fetch_add(&alone_in_all, 1);
  return true;
}

/*
 * An entry of the map that is there to be given up: where others have taken all, one more than there may be is often the last that the
 * kernel gives, and then it maps nothing at all.
 */
static void *_Atomic spare;

static void keep_spare(void) {
  void *none = NULL, *made = atomic_load(&spare) == NULL ? fl_os_map_spare() : NULL;
  if (made != NULL && !atomic_compare_exchange_strong(&spare, &none, made))
    fl_os_unmap(made, fl_os_page_size());
}

static bool give_spare_up(void) {
  void *given = atomic_exchange(&spare, NULL);
  if (given != NULL)
    fl_os_unmap(given, fl_os_page_size());
  return given != NULL;
}

/* All that lies between lost pages: replacing it cuts no entry of the map in two, so it can be done when that is full. */
static bool replace_widely(struct fl_mapping *m, uintptr_t base, size_t page) {
  size_t pages = atomic_load(&m->span) / fl_os_page_size();
  struct fl_run wide = {fl_damage_behind_last(m, 0, page), fl_damage_next(m, page + 1, pages)};
  bool replaced = replace(m, base, wide, page) || (give_spare_up() && replace(m, base, wide, page));
  keep_spare();
  return replaced;
}

/* `is_past_end`: no byte of the file is on the page, nor behind it. */
static bool replace_page(struct fl_mapping *m, uintptr_t base, size_t page, bool is_past_end) {
  if (may_be_alone(m) && replace_alone(m, base, page))
    return true;
  if (!may_be_alone(m) && replace(m, base, lost_with(m, page, is_past_end), page))
    return true;
  return replace_widely(m, base, page);
}

/*
 * One thread at a time: of two that replace pages beside each other each would take the other's for replaced. It is not waited for
 * for ever; nor at all in a child of fork(2), where it is missing. It asks nothing of the file, whose server may not answer.
 */
static _Atomic int64_t replacing;           /* the process whose thread does; 0 for none */
static const int64_t MOST_WAIT = 100000000; /* ns */

static bool take_turn(void) {
  int64_t me = getpid(), end = fl_os_now() + MOST_WAIT;
  for (;;) {
    int64_t owner = 0;
    if (atomic_compare_exchange_strong(&replacing, &owner, me))
      return true;
    if (owner != me && atomic_compare_exchange_strong(&replacing, &owner, me))
      return true;
    if (fl_os_now() > end)
      return false;
    sched_yield();
  }
}

static bool replace_in_turn(struct fl_mapping *m, uintptr_t base, size_t page) {
  struct fl_os_status status;
  uint64_t offset = m->file_offset + page * fl_os_page_size();
  bool is_known = fl_os_file_status(m->fd, &status) == 0;
  if (is_known && is_of_device(m, offset, &status))
    atomic_store(&m->device_failed, true);
  bool is_mine = take_turn();
  bool replaced = replace_page(m, base, page, is_known && status.size <= offset);
  if (is_mine)
    atomic_store(&replacing, 0);
  return replaced;
}

/*
 * Where a page could not be replaced another thread may have done it before, with what lies around: the load is run again, and
 * comes here again if not. Not for ever.
 */
static _Atomic unsigned failures; /* since the last success, of all threads */
enum { MOST_FAILURES = 1000 };

static bool may_run_again(bool replaced) {
  if (replaced)
    atomic_store(&failures, 0);
  return replaced || atomic_fetch_add(&failures, 1) < MOST_FAILURES;
}

static bool replace_by_zeros(uintptr_t address) {
  struct fl_mapping *m = fl_mapping_at(address);
  if (m == NULL)
    return fl_overlay_has_ended_at(address);
  atomic_fetch_add(&m->handling, 1);
  uintptr_t base = atomic_load(&m->base);
  if (base == 0 || fl_mapping_at(address) != m) {
    /* An overlay that was taken away meanwhile, and waits for nobody who counts from now on: zeros are there by now. */
    atomic_fetch_sub(&m->handling, 1);
    return true;
  }
  atomic_fetch_add(&m->faults, 1);
  bool replaced = replace_in_turn(m, base, (address - base) / fl_os_page_size());
  atomic_fetch_sub(&m->handling, 1);
  void (*hook)(void) = atomic_load(&damage_hook);
  if (hook != NULL)
    hook();
  return may_run_again(replaced);
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* They take microseconds, unless they wait for a server to say how large its file is. */
enum { SOON = 100 };
static const int64_t PAUSE = 1000000; /* ns */

void fl_guard_await_handlers(const struct fl_mapping *m) {
  for (int looks = 0; atomic_load(&m->handling) != 0; looks++) {
    if (looks < SOON)
      sched_yield();
    else
      fl_os_sleep(PAUSE);
  }
}

static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;
static bool is_installed; /* guarded by `installing` */

void fl_prepare(void) { keep_spare(); }

/*
 * Each time, as our handler may have been taken away without our knowing. Not before somebody else who came since: whoever puts
 * back what he found, so that the next fault ends the process, would find us again.
 */
int fl_guard_install(void) {
  pthread_mutex_lock(&installing);
  int result = fl_os_catch_faults(replace_by_zeros, is_installed);
  is_installed |= result == 0;
  pthread_mutex_unlock(&installing);
  return result;
}

int fl_guard_stand_first(void) {
  pthread_mutex_lock(&installing);
  int result = is_installed ? fl_os_catch_faults(replace_by_zeros, false) : 0;
  pthread_mutex_unlock(&installing);
  return result;
}
