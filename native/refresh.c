/* Damage afterwards: telling which pages were lost, and mapping them anew when the file has them again. */
#include "mapping.h"
#include "os.h"
#include <errno.h>
#include <sched.h>

/* A run of pages: [start, end). */
struct run {
  size_t start, end;
};

static bool has_bit(uint64_t word, size_t page) { return (word >> (page % 64) & 1) != 0; }

static bool is_marked(const struct fl_mapping *m, size_t page) {
  return has_bit(atomic_load(&m->damage[page / 64]), page);
}

static bool is_new(const struct fl_mapping *m, const uint64_t *seen, size_t page) {
  return is_marked(m, page) && (seen == NULL || !has_bit(seen[page / 64], page));
}

/* The first run at or after `from` of pages that are damaged and not in `seen` (which may be NULL). */
static bool next_run(const struct fl_mapping *m, const uint64_t *seen, size_t from, struct run *run) {
  size_t pages = atomic_load(&m->span) / fl_os_page_size();
  size_t start = from;
  while (start < pages && !is_new(m, seen, start)) {
    bool nothing_in_word = start % 64 == 0 && atomic_load(&m->damage[start / 64]) == 0;
    start += nothing_in_word ? 64 : 1;
  }
  size_t end = start;
  while (end < pages && is_new(m, seen, end))
    end++;
  *run = (struct run){start, end};
  return start < pages;
}

int fl_next_damage(fl_id id, uint64_t *seen, uint64_t *offset, uint64_t *length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  const struct fl_mapping *m = op.mapping;
  struct run run;
  if (atomic_load(&m->damaged_pages) == 0 || !next_run(m, seen, 0, &run))
    return fl_operation_end(&op, 0);
  for (size_t page = run.start; page < run.end; page++)
    seen[page / 64] |= (uint64_t)1 << (page % 64);
  /* As the user counts: from the first mapped byte to the last. */
  uint64_t start = run.start * fl_os_page_size(), end = run.end * fl_os_page_size();
  *offset = start < m->lead ? 0 : start - m->lead;
  *length = (end - m->lead < m->length ? end - m->lead : m->length) - *offset;
  return fl_operation_end(&op, 1);
}

/* The part of a run, from its start, that the file holds and the device reads. */
static size_t readable_end(const struct fl_mapping *m, const struct run *run, uint64_t size) {
  size_t page = run->start;
  while (page < run->end) {
    uint64_t offset = m->file_offset + page * fl_os_page_size();
    if (offset >= size || fl_os_probe_byte(m->fd, offset) < 0)
      break;
    page++;
  }
  return page;
}

/*
 * A page that is lost once more while this runs must stay marked. The guard marks, then maps zeros; so where it handled
 * anything between the two looks below, nobody knows whose mapping came last, and the run counts as damaged as before.
 */
static int map_run_again(struct fl_mapping *m, struct run run) {
  while (atomic_load(&m->handling) != 0)
    sched_yield();
  unsigned faults = atomic_load(&m->faults);
  size_t page_size = fl_os_page_size();
  uint64_t offset = m->file_offset + run.start * page_size;
  void *base = (void *)(atomic_load(&m->base) + run.start * page_size);
  int result = fl_os_map_again(m->fd, offset, base, (run.end - run.start) * page_size, m->mode, m->copy_on_write);
  if (result < 0)
    return result;
  for (size_t page = run.start; page < run.end; page++)
    fl_guard_unmark(m, page);
  if (atomic_load(&m->handling) != 0 || atomic_load(&m->faults) != faults)
    for (size_t page = run.start; page < run.end; page++)
      fl_guard_mark(m, page);
  return fl_pins_lock_again(m, run.start, run.end);
}

static int map_all_again(struct fl_mapping *m, uint64_t size) {
  int result = 0;
  struct run run = {0, 0};
  while (result == 0 && next_run(m, NULL, run.end, &run)) {
    struct run readable = {run.start, readable_end(m, &run, size)};
    if (readable.end > readable.start)
      result = map_run_again(m, readable);
    if (readable.end < run.end) /* past a page that cannot be had */
      run.end = readable.end + 1;
  }
  return result;
}

static int map_and_lock_again(struct fl_mapping *m, uint64_t size) {
  int result = atomic_load(&m->damaged_pages) > 0 ? map_all_again(m, size) : 0;
  if (result == 0 && fl_os_changes_unlock())
    result = fl_pins_lock_again(m, 0, atomic_load(&m->span) / fl_os_page_size());
  return result;
}

int fl_refresh_pages(struct fl_mapping *m, uint64_t *size) {
  static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
  struct fl_os_status status;
  pthread_mutex_lock(&one_at_a_time);
  atomic_fetch_add(&m->refreshes, 1);
  int result = fl_os_file_status(m->fd, &status);
  if (result == 0) {
    *size = status.size;
    fl_mapping_note_size(m, status.size);
  }
  if (result == 0)
    result = map_and_lock_again(m, status.size);
  atomic_fetch_add(&m->refreshes, 1);
  pthread_mutex_unlock(&one_at_a_time);
  return result;
}

int fl_refresh(fl_id id, uint64_t *size) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  atomic_store(&op.mapping->write_error, 0);
  return fl_operation_end(&op, fl_refresh_pages(op.mapping, size));
}
