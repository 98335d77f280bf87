/* Which pages are resident: asking, and dropping them from the page cache. */
#include "damage.h"
#include "guard.h"
#include "mirror.h"
#include "os.h"
#include "pages.h"
#include "pins.h"
#include "succession.h"
#include "waiter.h"
#include <errno.h>

size_t fl_page_size(void) { return fl_os_page_size(); }

uint64_t fl_page_count(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, offset, length) < 0)
    return 0;
  uint64_t pages = op.span / fl_os_page_size();
  fl_operation_end(&op, 0);
  return pages;
}

/*
 * How many pages of the range the file has. The kernel tells of what is in the page cache, where a large folio stays as a
 * whole when the file is cut within it.
 */
static size_t pages_of_file(const struct fl_operation *op) {
  struct fl_os_status status;
  size_t page_size = fl_os_page_size(), pages = op->span / page_size;
  if (fl_os_cached_file_status(op->mapping->fd, &status) < 0)
    return pages;
  uint64_t bytes = status.size < op->file_offset ? 0 : status.size - op->file_offset;
  return bytes < op->span ? fl_page_ceil(bytes) / page_size : pages;
}

/* Zeros in the place of a lost page are in memory, and are no page of the file's. */
static bool is_lost(const struct fl_operation *op, size_t page) {
  const struct fl_mapping *m = op->mapping;
  return atomic_load(&m->damaged_pages) > 0 && fl_damage_is_marked(m, fl_first_page(op) + page);
}

static int residency(const struct fl_operation *op, uint8_t *vector, uint64_t *resident) {
  *resident = 0;
  if (op->span == 0)
    return 0;
  if (!fl_residency_is_honest(op->mapping))
    return -EPERM;
  int result = fl_os_residency(op->base, op->span, vector);
  if (result < 0)
    return result;
  size_t pages = op->span / fl_os_page_size(), of_file = pages_of_file(op);
  for (size_t i = 0; i < pages; i++)
    *resident += vector[i] = (vector[i] & 1) != 0 && i < of_file && !is_lost(op, i);
  return 0;
}

int fl_residency(fl_id id, uint64_t offset, uint64_t length, uint8_t *vector, uint64_t *resident) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  return result < 0 ? result : fl_operation_end(&op, residency(&op, vector, resident));
}

static int ask_kernel(const struct fl_operation *op) {
  enum { STEP = 256 };
  uint8_t vector[STEP];
  size_t page_size = fl_os_page_size();
  for (size_t at = 0; at < op->span; at += STEP * page_size) {
    size_t step = op->span - at < STEP * page_size ? op->span - at : STEP * page_size;
    int result = fl_os_residency((unsigned char *)op->base + at, step, vector);
    if (result < 0)
      return result;
    for (size_t i = 0; i < step / page_size; i++)
      if ((vector[i] & 1) == 0)
        return 0;
  }
  return 1;
}

static int all_resident(const struct fl_operation *op) {
  bool honest = fl_residency_is_honest(op->mapping);
  if (!honest && !fl_pins_hold_all(op))
    return -EPERM;
  int result = honest ? ask_kernel(op) : 1;
  if (result != 1)
    return result;
  /* In the last page of a file that shrank, bytes past its end are in the cache and mean nothing. */
  if (!fl_guard_seems_intact(op))
    return 0;
  fl_mirror_mark(op);
  return 1;
}

int fl_is_resident(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  return fl_operation_end(&op, op.span == 0 ? 1 : all_resident(&op));
}

int fl_is_intact(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  return result < 0 ? result : fl_operation_end(&op, fl_guard_seems_intact(&op));
}

/* The page cache keeps what a page table still holds. */
static void drop_entries_of_unpinned(const struct fl_operation *op) {
  const struct fl_mapping *m = op->mapping;
  struct fl_run pages = fl_pages_of(op);
  for (struct fl_run run = {pages.first, pages.first}; fl_pins_next_run(m, run.end, pages.end, false, &run);)
    fl_os_drop_entries(fl_page_address(m, run.first), (run.end - run.first) * fl_os_page_size());
}

static int write_out(const struct fl_operation *op) {
  return fl_os_write_out(op->mapping->fd, op->file_offset, op->span);
}

static int evict(const struct fl_operation *op, void *longest) {
  if (op->span == 0)
    return 0;
  drop_entries_of_unpinned(op);
  fl_window_drop_entries(op);
  /* Changed pages stay in the cache. They are written by the file, whichever mapping was stored into; the longest comes first. */
  bool writes = op->mapping->entry.id == *(const fl_id *)longest;
  int result = writes ? fl_write_back(op, write_out) : 0;
  if (result == 0)
    result = fl_os_evict(op->mapping->fd, op->file_offset, op->span);
  fl_mirror_forget_range(op);
  return result;
}

/* Of several mappings the one that comes last drops what all of them have let go of. */
int fl_evict(fl_id id, uint64_t offset, uint64_t length) { return fl_act_on_all(id, offset, length, evict, &id); }
