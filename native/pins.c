/* The life of pins: who made which, what each holds of a mapping's pages (pinned_pages.c), and how it ends. */
#include "pins.h"
#include "os.h"
#include "reaper.h"
#include "table.h"
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

void fl_pins_init(struct fl_pins *of_mapping) {
  pthread_mutex_init(&of_mapping->lock, NULL);
  atomic_store(&of_mapping->counts, NULL);
  of_mapping->low = SIZE_MAX;
  of_mapping->high = 0;
  of_mapping->held = 0;
  of_mapping->first = NULL;
  of_mapping->window = NULL;
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
  pin->first = pin->end = fl_first_page(&op);
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
  int result = fl_pinned_open_window(m);
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
  size_t end = fl_pages_of(op).end;
  pthread_mutex_lock(&m->pins.lock);
  int result = enlist(m, pin);
  if (result == 0 && pin->end < end) {
    result = fl_pinned_hold(m, pin->end, end);
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
      fl_pinned_drop(m, pin->first, end);
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

/* With a reference, which it takes. */
static void drop(struct fl_pin *pin, uint64_t upto) {
  struct fl_operation op;
  if (fl_operation_begin(&op, pin->mapping, 0, 0) == 0) {
    drop_part(op.mapping, pin, upto);
    fl_operation_end(&op, 0);
  } else {
    end_fresh(pin); /* others are ended by the mapping's own end */
  }
  put(pin);
}

int fl_pin_drop(fl_id id, uint64_t upto) {
  struct fl_pin *pin = fl_table_acquire(&pins, id);
  if (pin != NULL)
    drop(pin, upto);
  return 0;
}

static void drop_all(void *pin) { drop(pin, UINT64_MAX); }

void fl_pin_abandon(fl_id id) {
  struct fl_pin *pin = fl_table_acquire(&pins, id);
  if (pin != NULL)
    fl_reap_by(drop_all, pin);
}

/* --- the mapping's own end, and its repair ------------------------------------------------------------------- */

static void end_all(struct fl_mapping *m) {
  fl_pinned_count_none(m);
  for (struct fl_pin *pin = m->pins.first, *next; pin != NULL; pin = next) {
    next = pin->next;
    atomic_store(&pin->state, ENDED);
    put(pin);
  }
  m->pins.first = NULL;
}

static int by_first(const void *a, const void *b) {
  const struct fl_run *left = a, *right = b;
  return (left->first > right->first) - (left->first < right->first);
}

/* Runs that touch or overlap become one, and empty ones go; returns how many there are then. */
static int64_t join(struct fl_run *runs, int64_t count) {
  qsort(runs, (size_t)count, sizeof *runs, by_first);
  int64_t joined = 0;
  for (int64_t i = 0; i < count; i++) {
    struct fl_run *last = joined == 0 ? NULL : &runs[joined - 1];
    if (last != NULL && runs[i].first <= last->end)
      last->end = runs[i].end > last->end ? runs[i].end : last->end;
    else if (runs[i].first < runs[i].end)
      runs[joined++] = runs[i];
  }
  return joined;
}

/* What the pins of a mapping hold, with their lock held; many may hold the same. How many runs, or -ENOMEM. */
static int64_t copy_runs(const struct fl_mapping *m, struct fl_run **runs) {
  int64_t count = 0;
  *runs = NULL;
  for (const struct fl_pin *pin = m->pins.first; pin != NULL; pin = pin->next)
    count++;
  if (count == 0)
    return 0;
  struct fl_run *run = *runs = malloc((size_t)count * sizeof **runs);
  if (run == NULL)
    return -ENOMEM;
  for (const struct fl_pin *pin = m->pins.first; pin != NULL; pin = pin->next)
    *run++ = (struct fl_run){pin->first, pin->end};
  return join(*runs, count);
}

/* Without memory for the runs one pin after the other, however many hold the same. */
static void forget_all(struct fl_mapping *m) {
  struct fl_run *runs;
  int64_t count = copy_runs(m, &runs);
  for (int64_t i = 0; i < count; i++)
    fl_pinned_forget_range(m, runs[i].first, runs[i].end);
  for (const struct fl_pin *pin = m->pins.first; count < 0 && pin != NULL; pin = pin->next)
    fl_pinned_forget_range(m, pin->first, pin->end);
  free(runs);
}

void fl_pins_close(struct fl_mapping *m) {
  pthread_mutex_lock(&m->pins.lock);
  forget_all(m);
  end_all(m);
  fl_pinned_unlock_all(m);
  fl_pinned_close_window(m);
  pthread_mutex_unlock(&m->pins.lock);
}

void fl_pins_discard(struct fl_mapping *m) {
  end_all(m);
  fl_pinned_close_window(m);
  pthread_mutex_destroy(&m->pins.lock);
}

/*
 * Pages that a file lost and has again come back locked where nothing was mapped anew, which is not to be asked for once
 * more: the limit may be less than what is locked by now.
 */
static int come_back(struct fl_mapping *m, struct fl_run run) {
  if (!fl_os_keeps_locks())
    return fl_pins_lock_again(m, run.first, run.end);
  if (run.first < run.end) /* what cannot be had is told by touches */
    fl_os_populate(fl_page_address(m, run.first), (run.end - run.first) * fl_os_page_size(), false);
  return 0;
}

int fl_pins_come_back(struct fl_mapping *m) {
  struct fl_run *runs;
  pthread_mutex_lock(&m->pins.lock);
  int64_t count = copy_runs(m, &runs);
  pthread_mutex_unlock(&m->pins.lock);
  int result = count < 0 ? (int)count : 0;
  for (int64_t i = 0; result == 0 && i < count; i++)
    result = come_back(m, runs[i]);
  free(runs);
  return result;
}

void fl_get_pin_usage(struct fl_pin_usage *usage) {
  usage->limit = fl_os_lock_limit();
  usage->pinned = fl_pinned_bytes();
  uint64_t locked = fl_os_locked_bytes();
  usage->locked = locked > usage->pinned ? locked : usage->pinned; /* not every system counts */
}

size_t fl_pin_count(void) {
  pthread_mutex_lock(&pins.lock);
  size_t live = pins.live;
  pthread_mutex_unlock(&pins.lock);
  return live;
}
