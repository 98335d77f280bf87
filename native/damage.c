/* Which pages of a mapping are damaged, as they were replaced by zeros: see damage.h. */
#include "damage.h"
#include "os.h"

/* One bit a page, rounded up to whole pages of memory. */
size_t fl_damage_span(size_t span) { return fl_page_ceil(span / fl_os_page_size() / 8 + sizeof(uint64_t)); }

size_t fl_damage_words(uint64_t length) {
  return fl_damage_span(fl_page_ceil(length) + fl_os_page_size()) / sizeof(uint64_t);
}

static _Atomic(uint64_t) *damage_word(const struct fl_mapping *m, size_t page) { return &m->damage[page / 64]; }

/* Bits of one word: of the pages [page, end), which lie in it. */
static uint64_t bits(size_t page, size_t end) { return (~(uint64_t)0 >> (64 - (end - page))) << (page % 64); }

static size_t end_of_word(size_t page, size_t end) { return (page / 64 + 1) * 64 < end ? (page / 64 + 1) * 64 : end; }

/* A function of the compiler's own for this is missing in some C libraries. */
static uint64_t count(uint64_t mask) {
  uint64_t bits_set = 0;
  for (; mask != 0; mask &= mask - 1)
    bits_set++;
  return bits_set;
}

void fl_damage_mark(struct fl_mapping *m, size_t first, size_t end) {
  for (size_t page = first, next; page < end; page = next) {
    next = end_of_word(page, end);
    uint64_t mask = bits(page, next), before = atomic_fetch_or(damage_word(m, page), mask);
    atomic_fetch_add(&m->damaged_pages, count(mask & ~before));
  }
}

bool fl_damage_is_marked(const struct fl_mapping *m, size_t page) {
  return (atomic_load(damage_word(m, page)) & bits(page, page + 1)) != 0;
}

void fl_damage_unmark(struct fl_mapping *m, size_t first, size_t end) {
  for (size_t page = first, next; page < end; page = next) {
    next = end_of_word(page, end);
    uint64_t mask = bits(page, next), before = atomic_fetch_and(damage_word(m, page), ~mask);
    atomic_fetch_sub(&m->damaged_pages, count(mask & before));
  }
}

size_t fl_damage_next(const struct fl_mapping *m, size_t page, size_t end) {
  for (size_t next; page < end; page = next) {
    next = end_of_word(page, end);
    if ((atomic_load(damage_word(m, page)) & bits(page, next)) != 0)
      break;
  }
  while (page < end && !fl_damage_is_marked(m, page))
    page++;
  return page;
}

size_t fl_damage_behind_last(const struct fl_mapping *m, size_t least, size_t page) {
  for (size_t start; page > least; page = start) {
    start = (page - 1) / 64 * 64 > least ? (page - 1) / 64 * 64 : least;
    if ((atomic_load(damage_word(m, start)) & bits(start, page)) != 0)
      break;
  }
  while (page > least && !fl_damage_is_marked(m, page - 1))
    page--;
  return page;
}

bool fl_damage_is_in(const struct fl_operation *op) {
  const struct fl_mapping *m = op->mapping;
  if (op->span == 0 || atomic_load(&m->damaged_pages) == 0)
    return false;
  struct fl_run pages = fl_pages_of(op);
  return fl_damage_next(m, pages.first, pages.end) < pages.end;
}

/* The damaged pages of a word that are not in `seen`, which may be NULL. */
static uint64_t new_of_word(const struct fl_mapping *m, const uint64_t *seen, size_t word) {
  return atomic_load(&m->damage[word]) & ~(seen == NULL ? 0 : seen[word]);
}

static bool is_new(const struct fl_mapping *m, const uint64_t *seen, size_t page) {
  return (new_of_word(m, seen, page / 64) >> (page % 64) & 1) != 0;
}

bool fl_damage_next_run(const struct fl_mapping *m, const uint64_t *seen, size_t from, struct fl_run *run) {
  size_t pages = atomic_load(&m->span) / fl_os_page_size();
  size_t start = from;
  while (start < pages && !is_new(m, seen, start)) {
    bool nothing_in_word = start % 64 == 0 && new_of_word(m, seen, start / 64) == 0;
    start += nothing_in_word ? 64 : 1;
  }
  size_t end = start;
  while (end < pages && is_new(m, seen, end))
    end++;
  *run = (struct fl_run){start, end};
  return start < pages;
}

int fl_next_damage(fl_id id, uint64_t *seen, uint64_t from, uint64_t *offset, uint64_t *length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  const struct fl_mapping *m = op.mapping;
  struct fl_run run;
  size_t first = (m->lead + from) / fl_os_page_size();
  if (atomic_load(&m->damaged_pages) == 0 || !fl_damage_next_run(m, seen, first, &run))
    return fl_operation_end(&op, 0);
  for (size_t page = run.first; page < run.end; page++)
    seen[page / 64] |= (uint64_t)1 << (page % 64);
  /* As the user counts: from the first mapped byte to the last. */
  uint64_t start = run.first * fl_os_page_size(), end = run.end * fl_os_page_size();
  *offset = start < m->lead ? 0 : start - m->lead;
  *length = (end - m->lead < m->length ? end - m->lead : m->length) - *offset;
  return fl_operation_end(&op, 1);
}
