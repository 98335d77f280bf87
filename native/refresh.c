/* Damage afterwards: mapping pages that were lost anew when the file has them again. */
#include "damage.h"
#include "guard.h"
#include "os.h"
#include "pins.h"
#include "succession.h"

/* The part of a run of the file's pages, from its start, that the device reads. */
static size_t readable_end(const struct fl_mapping *m, struct fl_run run) {
  while (run.first < run.end && fl_os_probe_byte(m->fd, m->file_offset + run.first * fl_os_page_size()) == 0)
    run.first++;
  return run.first;
}

/*
 * A page that is lost once more while this runs must stay marked. The guard counts a fault, marks, then maps zeros; so where
 * it counted any between the two looks below, or is at work, nobody knows whose mapping came last, and the run counts as
 * damaged as before. What it counted before the first look it has done when it is seen not to be at work.
 */
static int map_run_again(struct fl_mapping *m, struct fl_run run) {
  unsigned faults = atomic_load(&m->faults);
  fl_guard_await_handlers(m);
  uint64_t offset = m->file_offset + run.first * fl_os_page_size();
  void *base = fl_page_address(m, run.first);
  size_t span = (run.end - run.first) * fl_os_page_size();
  int result = fl_os_map_again(m->fd, offset, base, span, m->mode, m->copy_on_write);
  if (result < 0)
    return result;
  int advice = atomic_load(&m->advice);
  if (advice >= 0)
    fl_os_advise(base, span, (enum fl_advice)advice);
  if (atomic_load(&m->huge))
    fl_os_advise(base, span, FL_HUGEPAGE);
  fl_damage_unmark(m, run.first, run.end);
  if (atomic_load(&m->handling) != 0 || atomic_load(&m->faults) != faults)
    fl_guard_mark(m, run.first, run.end);
  return fl_pins_lock_again(m, run.first, run.end);
}

/* All of a run but the pages that the device does not read. */
static int map_readable_again(struct fl_mapping *m, struct fl_run run) {
  int result = 0;
  while (result == 0 && run.first < run.end) {
    struct fl_run readable = {run.first, readable_end(m, run)};
    if (readable.end > readable.first)
      result = map_run_again(m, readable);
    run.first = readable.end + 1;
  }
  return result;
}

/* Pages past the end of the file stay as they are. */
static int map_all_again(struct fl_mapping *m, uint64_t size) {
  int result = 0;
  size_t pages = size <= m->file_offset ? 0 : fl_page_ceil(size - m->file_offset) / fl_os_page_size();
  struct fl_run run = {0, 0};
  while (result == 0 && fl_damage_next_run(m, NULL, run.end, &run) && run.first < pages)
    result = map_readable_again(m, (struct fl_run){run.first, run.end < pages ? run.end : pages});
  return result;
}

static int map_and_lock_again(struct fl_mapping *m, uint64_t size) {
  int result = atomic_load(&m->damaged_pages) > 0 ? map_all_again(m, size) : 0;
  fl_guard_count_alone(m, atomic_load(&m->damaged_pages));
  return result < 0 ? result : fl_pins_come_back(m);
}

int fl_refresh_pages(struct fl_mapping *m, uint64_t *size) {
  struct fl_os_status status;
  pthread_mutex_lock(&m->refreshing);
  atomic_fetch_add(&m->refreshes, 1);
  int result = fl_os_file_status(m->fd, &status);
  if (result == 0) {
    *size = status.size;
    fl_mapping_note_size(m, status.size);
  }
  if (result == 0)
    result = map_and_lock_again(m, status.size);
  atomic_fetch_add(&m->refreshes, 1);
  pthread_mutex_unlock(&m->refreshing);
  return result;
}

static int refresh(const struct fl_operation *op, void *unused) {
  uint64_t size;
  (void)unused;
  return fl_refresh_pages(op->mapping, &size);
}

int fl_refresh(fl_id id, uint64_t *size) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  atomic_store(&op.mapping->first->write_error, 0);
  result = fl_refresh_pages(op.mapping, size);
  int others = fl_act_on_others(op.mapping, 0, 0, refresh, NULL);
  return fl_operation_end(&op, result < 0 ? result : others);
}
