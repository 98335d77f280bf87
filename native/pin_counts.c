/*
 * How many pins hold each page of a mapping: what anybody may ask of the counts, without a lock.
 *
 * A count for every page rather than a tree of intervals: a thousandth of what is pinned, and no limit to how pins
 * overlap. The memory is reserved with the first pin, and taken where it is written to.
 */
#include "os.h"
#include "pins.h"

size_t fl_pins_span(size_t span) { return fl_page_ceil(span / fl_os_page_size() * sizeof(uint32_t)); }

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

bool fl_pins_next_run(const struct fl_mapping *m, size_t from, size_t end, bool held, struct fl_run *run) {
  run->first = fl_pins_next(m, from, end, held);
  run->end = fl_pins_next(m, run->first, end, !held);
  return run->first < end;
}

static bool some_are(const struct fl_operation *op, bool held) {
  struct fl_run pages = fl_pages_of(op);
  return fl_pins_next(op->mapping, pages.first, pages.end, held) < pages.end;
}

bool fl_pins_hold_some(const struct fl_operation *op) { return some_are(op, true); }

bool fl_pins_hold_all(const struct fl_operation *op) { return !some_are(op, false); }
