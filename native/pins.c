/*
 * Pins: ranges that the kernel may not evict. How many pins hold a page is counted; the first has it locked, and the last
 * unlocks it.
 *
 * A count for every page rather than a tree of intervals: a thousandth of what is pinned, and no limit to how pins
 * overlap. The memory is reserved with the first pin, and taken where it is written to.
 */
#include "mapping.h"
#include "os.h"
#include <errno.h>
#include <stdlib.h>

enum state {
  FRESH,  /* it holds nothing, and its mapping knows nothing of it */
  LISTED, /* its mapping has it in its list, and ends it when it ends itself */
  ENDED
};

struct fl_pin {
  struct fl_entry entry;
  fl_id mapping;
  uint64_t offset, length; /* bytes of the mapping */
  _Atomic int state;
  /* Guarded by the lock of the mapping's pins: */
  bool dropping;     /* somebody lets go of it */
  size_t first, end; /* pages of the mapping that it holds */
  struct fl_pin *previous, *next;
};

static struct fl_table pins = FL_TABLE_INIT(struct fl_pin);
static _Atomic uint64_t pinned_pages; /* of all mappings */

/*
 * Where pinned pages begin or end within a mapping the process's map has one entry more, and when it is full no memory can be
 * had, for whatever. So pins may take half of it.
 */
static _Atomic int64_t edges; /* of all mappings */

/* How many more there are when pages that were not held are, or how many fewer when they no longer are. */
static int64_t edges_of(const struct fl_mapping *m, size_t first, size_t end) {
  bool joins = first > 0 && fl_pins_hold(m, first - 1);
  bool is_joined = end < atomic_load(&m->span) / fl_os_page_size() && fl_pins_hold(m, end);
  return 2 * (1 - (int)joins - (int)is_joined);
}

static void count_edges(struct fl_mapping *m, int64_t more) {
  m->pins.edges += more;
  atomic_fetch_add(&edges, more);
}

/* Of a range that is about to be held. */
static int64_t edges_to_come(const struct fl_mapping *m, size_t first, size_t end) {
  int64_t sum = 0;
  for (size_t start = first, stop; (start = fl_pins_next(m, start, end, false)) < end; start = stop) {
    stop = fl_pins_next(m, start, end, true);
    sum += edges_of(m, start, stop);
  }
  return sum;
}

void fl_pins_init(struct fl_pins *of_mapping) {
  pthread_mutex_init(&of_mapping->lock, NULL);
  atomic_store(&of_mapping->counts, NULL);
  of_mapping->low = SIZE_MAX;
  of_mapping->high = 0;
  of_mapping->held = 0;
  of_mapping->edges = 0;
  of_mapping->first = NULL;
  of_mapping->window = NULL;
}

size_t fl_pins_span(size_t span) {
  size_t bytes = span / fl_os_page_size() * sizeof(uint32_t) + fl_os_page_size() - 1;
  return bytes - bytes % fl_os_page_size();
}

bool fl_pins_hold(const struct fl_mapping *m, size_t page) {
  const _Atomic(uint32_t) *counts = atomic_load(&m->pins.counts);
  return counts != NULL && atomic_load(&counts[page]) > 0;
}

size_t fl_pins_next(const struct fl_mapping *m, size_t page, size_t end, bool held) {
  if (atomic_load(&m->pins.counts) == NULL)
    return held ? end : page;
  while (page < end && fl_pins_hold(m, page) != held)
    page++;
  return page;
}

static void *address_of(const struct fl_mapping *m, size_t page) {
  return (void *)(atomic_load(&m->base) + page * fl_os_page_size());
}

static size_t first_page(const struct fl_operation *op) {
  return ((uintptr_t)op->base - atomic_load(&op->mapping->base)) / fl_os_page_size();
}

/* --- counting and locking: with the lock of the mapping's pins held ------------------------------------------ */

/*
 * Where locking loads pages it would copy those of a copy-on-write mapping. So a second look at the same pages of the file
 * is locked there: they stay in memory, whoever maps them.
 */
static int open_window(struct fl_mapping *m) {
  if (m->pins.window != NULL || !m->copy_on_write || !fl_os_lock_loads())
    return 0;
  void *window;
  int result = fl_os_map_window(m->fd, m->file_offset, atomic_load(&m->span), &window);
  if (result == 0)
    m->pins.window = window;
  return result;
}

static void close_window(struct fl_mapping *m) {
  if (m->pins.window != NULL)
    fl_os_unmap_window(m->pins.window, atomic_load(&m->span));
  m->pins.window = NULL;
}

static void *locked_address_of(const struct fl_mapping *m, size_t page) {
  return m->pins.window == NULL ? address_of(m, page) : (char *)m->pins.window + page * fl_os_page_size();
}

static void unlock(const struct fl_mapping *m, size_t first, size_t end) {
  if (first < end)
    fl_os_unlock(locked_address_of(m, first), (end - first) * fl_os_page_size());
}

/* Locks pages, or none that were not locked before. What else is locked of them the kernel passes over. */
static int lock(const struct fl_mapping *m, size_t first, size_t end) {
  int result = fl_os_lock(locked_address_of(m, first), (end - first) * fl_os_page_size());
  if (result == 0)
    return 0;
  size_t unheld = 0;
  for (size_t start = first, stop; (start = fl_pins_next(m, start, end, false)) < end; start = stop) {
    stop = fl_pins_next(m, start, end, true);
    unlock(m, start, stop);
    unheld += stop - start;
  }
  size_t news = unheld == 0 ? end - first : unheld; /* none: they were mapped anew */
  bool may_be_limit = result == -ENOMEM || result == -EPERM;
  return may_be_limit && !fl_os_may_lock(news * fl_os_page_size()) ? -FL_PIN_LIMIT : result;
}

static void count_held(struct fl_mapping *m, size_t more, size_t less) {
  m->pins.held += more - less;
  atomic_fetch_add(&pinned_pages, more - less);
}

static int hold(struct fl_mapping *m, size_t first, size_t end) {
  bool all_held = fl_pins_next(m, first, end, false) == end;
  int64_t more = edges_to_come(m, first, end);
  if (more > 0 && (uint64_t)(atomic_load(&edges) + more) > fl_os_most_map_entries() / 2)
    return -ENOMEM;
  int result = all_held ? 0 : lock(m, first, end);
  if (result < 0)
    return result;
  count_edges(m, more);
  _Atomic(uint32_t) *counts = atomic_load(&m->pins.counts);
  size_t news = 0;
  for (size_t page = first; page < end; page++)
    news += atomic_fetch_add(&counts[page], 1) == 0;
  count_held(m, news, 0);
  m->pins.low = first < m->pins.low ? first : m->pins.low;
  m->pins.high = end > m->pins.high ? end : m->pins.high;
  return 0;
}

/* No pin holds these pages any more. */
static void let_go(struct fl_mapping *m, size_t first, size_t end) {
  if (first == end)
    return;
  count_edges(m, -edges_of(m, first, end));
  count_held(m, 0, end - first);
  fl_mirror_unpin(m, first, end - first);
  unlock(m, first, end);
}

static void drop(struct fl_mapping *m, size_t first, size_t end) {
  _Atomic(uint32_t) *counts = atomic_load(&m->pins.counts);
  size_t start = first;
  for (size_t page = first; page < end; page++) {
    if (atomic_fetch_sub(&counts[page], 1) == 1)
      continue;
    let_go(m, start, page);
    start = page + 1;
  }
  let_go(m, start, end);
}

/* --- the life of a pin ----------------------------------------------------------------------------------------- */

static void put(struct fl_pin *pin) {
  if (fl_table_release(&pins, pin))
    fl_table_remove(&pins, pin);
}

int fl_pin_create(fl_id id, uint64_t offset, uint64_t length, fl_id *pin_id) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  struct fl_pin *pin = fl_table_insert(&pins);
  if (pin == NULL)
    return fl_operation_end(&op, -ENOMEM);
  pin->mapping = id;
  pin->offset = offset;
  pin->length = length;
  pin->dropping = false;
  pin->first = pin->end = first_page(&op);
  atomic_store(&pin->state, FRESH);
  *pin_id = pin->entry.id;
  result = fl_operation_end(&op, 0);
  if (result < 0)
    put(pin);
  return result;
}

/* The mapping has the pin in its list from now on, unless somebody has let go of it. */
static int enlist(struct fl_mapping *m, struct fl_pin *pin) {
  if (atomic_load(&m->pins.counts) == NULL) {
    void *counts = fl_os_reserve_zeroed(fl_pins_span(atomic_load(&m->span)));
    if (counts == NULL)
      return -ENOMEM;
    atomic_store(&m->pins.counts, counts);
  }
  int result = open_window(m);
  if (result < 0)
    return result;
  int state = FRESH;
  if (!atomic_compare_exchange_strong(&pin->state, &state, LISTED))
    return state == LISTED && !pin->dropping ? 0 : -FL_CLOSED;
  pin->previous = NULL;
  pin->next = m->pins.first;
  if (pin->next != NULL)
    pin->next->previous = pin;
  m->pins.first = pin;
  return 0;
}

static void unlist(struct fl_mapping *m, struct fl_pin *pin) {
  if (pin->next != NULL)
    pin->next->previous = pin->previous;
  if (pin->previous != NULL)
    pin->previous->next = pin->next;
  else
    m->pins.first = pin->next;
}

/* What was held by an earlier run of the same part is not held twice. */
static int hold_part(struct fl_pin *pin, const struct fl_operation *op) {
  struct fl_mapping *m = op->mapping;
  if (op->span == 0)
    return 0;
  size_t end = first_page(op) + op->span / fl_os_page_size();
  pthread_mutex_lock(&m->pins.lock);
  int result = enlist(m, pin);
  if (result == 0 && pin->end < end) {
    result = hold(m, pin->end, end);
    if (result == 0)
      pin->end = end;
  }
  pthread_mutex_unlock(&m->pins.lock);
  return result;
}

int fl_pin_lock(fl_id id, uint64_t from, uint64_t length) {
  struct fl_pin *pin = fl_table_acquire(&pins, id);
  if (pin == NULL)
    return -FL_CLOSED;
  struct fl_operation op;
  /* Where locking loads pages, these are loaded before: the device is not waited for with the lock held. */
  int result = fl_os_lock_loads() ? fl_populate(pin->mapping, pin->offset + from, length) : 0;
  if (result == 0)
    result = fl_operation_begin(&op, pin->mapping, pin->offset + from, length);
  if (result == 0)
    result = fl_operation_end(&op, hold_part(pin, &op));
  if (result == 0)
    result = fl_populate(pin->mapping, pin->offset + from, length);
  put(pin);
  return result;
}

static size_t page_of(const struct fl_mapping *m, uint64_t offset) {
  return (size_t)((m->lead + offset) / fl_os_page_size());
}

/* Whoever moves a pin to ENDED gives up the reference that its handle had. */
static bool end_fresh(struct fl_pin *pin) {
  int state = FRESH;
  bool ended = atomic_compare_exchange_strong(&pin->state, &state, ENDED);
  if (ended)
    put(pin);
  return ended;
}

static void drop_part(struct fl_mapping *m, struct fl_pin *pin, uint64_t upto) {
  pthread_mutex_lock(&m->pins.lock);
  if (!end_fresh(pin) && atomic_load(&pin->state) == LISTED) {
    bool whole = upto >= pin->length;
    size_t end = whole ? pin->end : page_of(m, pin->offset + upto);
    end = end < pin->end ? end : pin->end;
    pin->dropping = true;
    if (pin->first < end) {
      drop(m, pin->first, end);
      pin->first = end;
    }
    if (whole) {
      unlist(m, pin);
      atomic_store(&pin->state, ENDED);
      put(pin);
    }
  }
  pthread_mutex_unlock(&m->pins.lock);
}

int fl_pin_drop(fl_id id, uint64_t upto) {
  struct fl_pin *pin = fl_table_acquire(&pins, id);
  if (pin == NULL)
    return 0;
  struct fl_operation op;
  if (fl_operation_begin(&op, pin->mapping, 0, 0) == 0) {
    drop_part(op.mapping, pin, upto);
    fl_operation_end(&op, 0);
  } else {
    end_fresh(pin); /* others are ended by the mapping's own end */
  }
  put(pin);
  return 0;
}

void fl_pin_abandon(fl_id id) {
  struct fl_pin *pin = fl_table_acquire(&pins, id);
  if (pin == NULL)
    return;
  put(pin);
  struct fl_remains remains = {.pin = id, .fd = -1};
  fl_reap(&remains);
}

/* --- the mapping's own end, and its repair ------------------------------------------------------------------- */

static void end_all(struct fl_mapping *m) {
  count_edges(m, -m->pins.edges);
  count_held(m, 0, m->pins.held);
  for (struct fl_pin *pin = m->pins.first, *next; pin != NULL; pin = next) {
    next = pin->next;
    atomic_store(&pin->state, ENDED);
    put(pin);
  }
  m->pins.first = NULL;
}

/* What a pin holds. Nothing is written to the counts of pages that none does: they may be GiB. */
static void forget_counts(struct fl_mapping *m, const struct fl_pin *pin) {
  _Atomic(uint32_t) *counts = atomic_load(&m->pins.counts);
  for (size_t page = pin->first; page < pin->end; page++)
    atomic_store(&counts[page], 0);
  fl_mirror_forget(m, pin->first, pin->end - pin->first);
}

void fl_pins_close(struct fl_mapping *m) {
  pthread_mutex_lock(&m->pins.lock);
  for (const struct fl_pin *pin = m->pins.first; pin != NULL; pin = pin->next)
    forget_counts(m, pin);
  end_all(m);
  if (m->pins.low < m->pins.high)
    unlock(m, m->pins.low, m->pins.high);
  close_window(m);
  pthread_mutex_unlock(&m->pins.lock);
}

void fl_pins_discard(struct fl_mapping *m) {
  end_all(m);
  close_window(m);
  pthread_mutex_destroy(&m->pins.lock);
}

int fl_pins_lock_again(struct fl_mapping *m, size_t first, size_t end) {
  int result = 0;
  for (size_t start = first, stop; (start = fl_pins_next(m, start, end, true)) < end; start = stop) {
    stop = fl_pins_next(m, start, end, false);
    pthread_mutex_lock(&m->pins.lock);
    /* Some may have been let go of meanwhile, and others of the range pinned, which locked them itself. */
    size_t held = fl_pins_next(m, start, stop, false);
    int locked = held == start ? 0 : lock(m, start, held);
    pthread_mutex_unlock(&m->pins.lock);
    result = result < 0 ? result : locked;
    if (locked == 0 && held > start) /* what cannot be had is told by touches */
      fl_os_populate(address_of(m, start), (held - start) * fl_os_page_size(), false);
    stop = held > start ? held : stop;
  }
  return result;
}

struct run {
  size_t first, end;
};

/* What the pins of a mapping hold, one run each: how many, or -ENOMEM. */
static int64_t copy_runs(struct fl_mapping *m, struct run **runs) {
  int64_t count = 0;
  *runs = NULL;
  pthread_mutex_lock(&m->pins.lock);
  for (const struct fl_pin *pin = m->pins.first; pin != NULL; pin = pin->next)
    count++;
  if (count > 0 && (*runs = malloc((size_t)count * sizeof **runs)) == NULL)
    count = -ENOMEM;
  struct run *run = *runs;
  for (const struct fl_pin *pin = m->pins.first; run != NULL && pin != NULL; pin = pin->next)
    *run++ = (struct run){pin->first, pin->end};
  pthread_mutex_unlock(&m->pins.lock);
  return count;
}

/*
 * Pages that a file lost and has again come back locked where nothing was mapped anew, which is not to be asked for once
 * more: the limit may be less than what is locked by now.
 */
static int come_back(struct fl_mapping *m, struct run run) {
  if (!fl_os_keeps_locks())
    return fl_pins_lock_again(m, run.first, run.end);
  if (run.first < run.end) /* what cannot be had is told by touches */
    fl_os_populate(address_of(m, run.first), (run.end - run.first) * fl_os_page_size(), false);
  return 0;
}

int fl_pins_come_back(struct fl_mapping *m) {
  struct run *runs;
  int64_t count = copy_runs(m, &runs);
  int result = count < 0 ? (int)count : 0;
  for (int64_t i = 0; result == 0 && i < count; i++)
    result = come_back(m, runs[i]);
  free(runs);
  return result;
}

void fl_get_pin_usage(struct fl_pin_usage *usage) {
  usage->limit = fl_os_lock_limit();
  usage->pinned = atomic_load(&pinned_pages) * fl_os_page_size();
  uint64_t locked = fl_os_locked_bytes();
  usage->locked = locked > usage->pinned ? locked : usage->pinned; /* not every system counts */
}

size_t fl_pin_count(void) {
  pthread_mutex_lock(&pins.lock);
  size_t live = pins.live;
  pthread_mutex_unlock(&pins.lock);
  return live;
}
