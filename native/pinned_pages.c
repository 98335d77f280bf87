/* Which pages of a mapping are locked: the first pin that holds a page has it locked, and the last unlocks it. */
#include "map_entries.h"
#include "mirror.h"
#include "os.h"
#include "pins.h"
#include <errno.h>

static _Atomic uint64_t pinned_pages; /* of all mappings */

/* The count of a page that is locked and held by no pin: to unlock it would have split the mapping. */
static const uint32_t KEPT = (uint32_t)1 << 31;

/*
 * Where locking loads pages it would copy those of a copy-on-write mapping. So a second look at the same pages of the file
 * is locked there: they stay in memory, whoever maps them.
 */
int fl_pinned_open_window(struct fl_mapping *m) {
  if (m->pins.window != NULL || !m->copy_on_write || !fl_os_lock_loads())
    return 0;
  void *window;
  int result = fl_os_map_window(m->fd, m->file_offset, atomic_load(&m->span), &window);
  if (result == 0)
    m->pins.window = window;
  return result;
}

void fl_pinned_close_window(struct fl_mapping *m) {
  if (m->pins.window != NULL)
    fl_os_unmap_window(m->pins.window, atomic_load(&m->span));
  m->pins.window = NULL;
}

static void *locked_address_of(const struct fl_mapping *m, size_t page) {
  return m->pins.window == NULL ? fl_page_address(m, page) : (char *)m->pins.window + page * fl_os_page_size();
}

static void unlock(const struct fl_mapping *m, size_t first, size_t end) {
  if (first < end)
    fl_os_unlock(locked_address_of(m, first), (end - first) * fl_os_page_size());
}

/* Locks pages, or none that were not locked before. What else is locked of them the kernel passes over. */
static int try_to_lock(const struct fl_mapping *m, size_t first, size_t end) {
  int result = fl_os_lock(locked_address_of(m, first), (end - first) * fl_os_page_size());
  if (result == 0)
    return 0;
  size_t unheld = 0;
  for (struct fl_run run = {first, first}; fl_pins_next_run(m, run.end, end, false, &run);) {
    unlock(m, run.first, run.end);
    unheld += run.end - run.first;
  }
  size_t news = unheld == 0 ? end - first : unheld; /* none: they were mapped anew */
  bool may_be_limit = result == -ENOMEM || result == -EPERM;
  return may_be_limit && !fl_os_may_lock(news * fl_os_page_size()) ? -FL_PIN_LIMIT : result;
}

/* Others may have unlocked pages since the limit was in the way: then there is no telling that it was, and room. */
static int lock(const struct fl_mapping *m, size_t first, size_t end) {
  int result = try_to_lock(m, first, end);
  return result == -ENOMEM ? try_to_lock(m, first, end) : result;
}

/*
 * Where pages that are locked begin or end within a mapping it has one entry more in the process's map; not at its borders, where
 * an entry ends anyway, or did until the kernel joined it with that of a neighbour.
 */
static int64_t edge_at(const struct fl_mapping *m, size_t neighbour) {
  if (neighbour >= atomic_load(&m->span) / fl_os_page_size()) /* also what lies before the first page */
    return 0;
  return fl_pins_hold(m, neighbour) ? -1 : 1;
}

static int64_t edges_of(const struct fl_mapping *m, size_t first, size_t end) {
  return edge_at(m, first - 1) + edge_at(m, end);
}

static int claim_entries(const struct fl_mapping *m, size_t first, size_t end) {
  int64_t more = 0;
  for (struct fl_run run = {first, first}; fl_pins_next_run(m, run.end, end, false, &run);)
    more += edges_of(m, run.first, run.end);
  return more <= 0 ? 0 : fl_map_entries_claim((uint64_t)more);
}

static void count_held(struct fl_mapping *m, size_t more, size_t less) {
  m->pins.held += more - less;
  atomic_fetch_add(&pinned_pages, more - less);
}

static _Atomic(uint32_t) *count_of(const struct fl_mapping *m, size_t page) {
  return &atomic_load(&m->pins.counts)[page];
}

int fl_pinned_hold(struct fl_mapping *m, size_t first, size_t end) {
  bool all_held = fl_pins_next(m, first, end, false) == end;
  int result = claim_entries(m, first, end);
  if (result == 0 && !all_held)
    result = lock(m, first, end);
  if (result < 0)
    return result;
  size_t news = 0;
  for (size_t page = first; page < end; page++) {
    uint32_t before = atomic_fetch_add(count_of(m, page), 1);
    news += before == 0 || before == KEPT;
    if (before == KEPT)
      atomic_store(count_of(m, page), 1);
  }
  count_held(m, news, 0);
  m->pins.low = first < m->pins.low ? first : m->pins.low;
  m->pins.high = end > m->pins.high ? end : m->pins.high;
  return 0;
}

/* Pages that are KEPT beside some that are unlocked: these take no entry of the map more. */
static void unlock_with_kept(struct fl_mapping *m, size_t first, size_t end) {
  for (; first > m->pins.low && atomic_load(count_of(m, first - 1)) == KEPT; first--)
    atomic_store(count_of(m, first - 1), 0);
  for (; end < m->pins.high && atomic_load(count_of(m, end)) == KEPT; end++)
    atomic_store(count_of(m, end), 0);
  fl_mirror_unpin(m, first, end - first);
  unlock(m, first, end);
}

static void keep(struct fl_mapping *m, size_t first, size_t end) {
  for (size_t page = first; page < end; page++)
    atomic_store(count_of(m, page), KEPT);
}

/*
 * No pin holds these pages any more. Between two that are locked they would take two entries of the map, or one between such
 * a page and the mapping's border; and where that has none for them they stay locked, until what is beside them is unlocked. At
 * the end of what is locked that is always so, and where no pin holds any page, as all goes then.
 */
static void unlock_or_keep(struct fl_mapping *m, size_t first, size_t end) {
  if (first == end)
    return;
  int64_t more = -edges_of(m, first, end);
  if (m->pins.held > 0 && more > 0 && fl_map_entries_claim_again((uint64_t)more) < 0)
    keep(m, first, end);
  else
    unlock_with_kept(m, first, end);
}

static void let_go(struct fl_mapping *m, size_t first, size_t end) {
  count_held(m, 0, end - first);
  unlock_or_keep(m, first, end);
}

void fl_pinned_drop(struct fl_mapping *m, size_t first, size_t end) {
  size_t start = first;
  for (size_t page = first; page < end; page++) {
    if (atomic_fetch_sub(count_of(m, page), 1) == 1)
      continue;
    let_go(m, start, page);
    start = page + 1;
  }
  let_go(m, start, end);
}

/* What is KEPT of these pages, as the map may have room by now. */
static void let_kept_go(struct fl_mapping *m, size_t first, size_t end) {
  size_t start = first;
  for (size_t page = first; page < end; page++) {
    if (atomic_load(count_of(m, page)) == KEPT) {
      atomic_store(count_of(m, page), 0);
      continue;
    }
    unlock_or_keep(m, start, page);
    start = page + 1;
  }
  unlock_or_keep(m, start, end);
}

static void load_held(const struct fl_mapping *m, size_t first, size_t end) {
  for (struct fl_run run = {first, first}; fl_pins_next_run(m, run.end, end, true, &run);)
    fl_os_populate(fl_page_address(m, run.first), (run.end - run.first) * fl_os_page_size(), false);
}

/*
 * What is KEPT is locked as well, and then let go of where the map has room: not to lock it would take entries of that between
 * others that are.
 */
int fl_pins_lock_again(struct fl_mapping *m, size_t first, size_t end) {
  int result = 0;
  for (struct fl_run run = {first, first}; fl_pins_next_run(m, run.end, end, true, &run);) {
    pthread_mutex_lock(&m->pins.lock);
    /* Some may have been let go of meanwhile, and others of the range pinned, which locked them itself. */
    size_t held = fl_pins_next(m, run.first, run.end, false);
    int locked = held == run.first ? 0 : lock(m, run.first, held);
    let_kept_go(m, run.first, held);
    pthread_mutex_unlock(&m->pins.lock);
    result = result < 0 ? result : locked;
    if (locked == 0) /* what cannot be had is told by touches */
      load_held(m, run.first, held);
    run.end = held > run.first ? held : run.end;
  }
  return result;
}

void fl_pinned_forget_range(struct fl_mapping *m, size_t first, size_t end) {
  _Atomic(uint32_t) *counts = atomic_load(&m->pins.counts);
  for (size_t page = first; page < end; page++)
    atomic_store(&counts[page], 0);
  fl_mirror_forget(m, first, end - first);
}

void fl_pinned_count_none(struct fl_mapping *m) { count_held(m, 0, m->pins.held); }

void fl_pinned_unlock_all(struct fl_mapping *m) {
  if (m->pins.low < m->pins.high)
    unlock(m, m->pins.low, m->pins.high);
}

uint64_t fl_pinned_bytes(void) { return atomic_load(&pinned_pages) * fl_os_page_size(); }
