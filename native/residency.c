/* Making pages resident, asking whether they are, writing them back, and letting go of them. */
#include "map_entries.h"
#include "mapping.h"
#include "os.h"
#include "waiter.h"
#include <errno.h>

size_t fl_page_size(void) { return fl_os_page_size(); }

int fl_prefetch(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  if (op.span > 0)
    fl_blocks_prefetch(&op);
  return fl_operation_end(&op, 0);
}

/* One byte a page, for kernels that cannot populate. A page that fails is replaced by the fault guard. */
static void load_each_page(const struct fl_operation *op) {
  const volatile unsigned char *page = op->base;
  for (size_t at = 0; at < op->span; at += fl_os_page_size())
    (void)page[at];
}

/* The same with a store that changes nothing, and that takes back no store of another thread's or process's. */
static int store_to_each_page(const struct fl_operation *op) {
  /* A hole that cannot be filled shall be an error here, and not a page for the guard. */
  int result = fl_os_allocate(op->mapping->fd, op->file_offset, op->span);
  if (result < 0)
    return result;
  unsigned char *page = op->base;
  for (size_t at = 0; at < op->span; at += fl_os_page_size())
    __atomic_fetch_or(&page[at], 0, __ATOMIC_RELAXED);
  return 0;
}

/* The kernel said EFAULT, and the device reads the same pages: it failed for a moment. */
enum { MOST_ATTEMPTS = 3 };

/* Why pages could not be had. The kernel does not say when it was for want of blocks: the file system does when asked. */
static int explain(const struct fl_operation *op, bool for_writing) {
  int result = fl_guard_explain(op);
  return result == 0 && for_writing ? fl_os_allocate(op->mapping->fd, op->file_offset, op->span) : result;
}

/*
 * Where the system cannot populate. Past the end of the file no page is tried: the guard would have to replace it, and zeros
 * would stand there when the file grows.
 */
static int try_each_page(const struct fl_operation *op, bool for_writing) {
  struct fl_os_status status;
  if (fl_os_file_status(op->mapping->fd, &status) == 0 && status.size < op->file_end)
    return -FL_TRUNCATED;
  if (for_writing)
    return store_to_each_page(op);
  load_each_page(op);
  return 0;
}

static int load_pages(const struct fl_operation *op, bool for_writing) {
  if (op->span == 0)
    return 0;
  fl_blocks_read(op);
  for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    int result = fl_os_populate(op->base, op->span, for_writing);
    if (result == -ENOSYS)
      return try_each_page(op, for_writing);
    if (result == 0)
      return 0;
    if (result != -EFAULT)
      return result;
    result = explain(op, for_writing);
    if (result < 0)
      return result;
  }
  return fl_guard_blames_device(op->mapping, op->file_end - 1) ? -FL_DEVICE - EIO : -FL_TRUNCATED;
}

int fl_load_pages(const struct fl_operation *op) { return load_pages(op, false); }

static int populate(const struct fl_operation *op, bool for_writing) {
  if (for_writing && op->mapping->mode != FL_SHARED)
    return -EACCES;
  int result = load_pages(op, for_writing);
  if (result == 0 && op->span > 0)
    result = fl_guard_verdict(op);
  if (result == 0)
    fl_mirror_mark(op);
  return result;
}

static int populate_range(fl_id id, uint64_t offset, uint64_t length, bool for_writing) {
  struct fl_operation op;
  int result;
  do {
    result = fl_operation_begin(&op, id, offset, length);
    if (result == 0)
      result = fl_operation_end(&op, populate(&op, for_writing));
  } while (result == -FL_MAPPED_ANEW);
  return result;
}

int fl_populate(fl_id id, uint64_t offset, uint64_t length) { return populate_range(id, offset, length, false); }

int fl_populate_for_writing(fl_id id, uint64_t offset, uint64_t length) {
  return populate_range(id, offset, length, true);
}

uint64_t fl_page_count(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, offset, length) < 0)
    return 0;
  uint64_t pages = op.span / fl_os_page_size();
  fl_operation_end(&op, 0);
  return pages;
}

/* Asked once a mapping, by whoever needs it first; two threads that ask at once get the same answer. */
bool fl_residency_is_honest(struct fl_mapping *m) {
  int honest = atomic_load(&m->honest);
  if (honest < 0) {
    honest = fl_os_residency_is_honest(m->fd);
    atomic_store(&m->honest, honest);
  }
  return honest == 1;
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
  for (size_t i = 0; i < op->span / fl_os_page_size(); i++)
    *resident += vector[i] &= 1;
  return 0;
}

int fl_residency(fl_id id, uint64_t offset, uint64_t length, uint8_t *vector, uint64_t *resident) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  return result < 0 ? result : fl_operation_end(&op, residency(&op, vector, resident));
}

/* The first page of the operation's that is pinned or is not, as fl_pins_next, counted from `from` of the operation's. */
static size_t next_page(const struct fl_operation *op, size_t from, bool pinned) {
  size_t first = fl_first_page(op), end = first + op->span / fl_os_page_size();
  return fl_pins_next(op->mapping, first + from, end, pinned) - first;
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
  if (!honest && next_page(op, 0, false) < op->span / fl_os_page_size())
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

/* All that there is of the file: then it holds for what the file grows into as well. */
static bool is_whole(const struct fl_operation *op, uint64_t offset, uint64_t length) {
  uint64_t end = atomic_load(&op->mapping->known_end), lead = op->mapping->lead;
  return op->span == atomic_load(&op->mapping->span) || (offset == 0 && length >= (end < lead ? 0 : end - lead));
}

/* How pages will be accessed is remembered by the mapping, which is split where that is not the same for all. */
static int advise_on_access(const struct fl_operation *op, bool whole, enum fl_advice advice) {
  struct fl_mapping *m = op->mapping;
  void *base = whole ? (void *)atomic_load(&m->base) : op->base;
  size_t span = whole ? atomic_load(&m->span) : op->span;
  if (span == 0)
    return 0;
  int result = span == atomic_load(&m->span) ? 0 : fl_map_entries_claim(2);
  result = result < 0 ? result : fl_os_advise(base, span, advice);
  if (result == 0 && whole && advice != FL_HUGEPAGE)
    atomic_store(&m->advice, (int)advice);
  if (result == 0 && advice == FL_HUGEPAGE)
    fl_blocks_use(m);
  return result;
}

/* As the kernel says of locked pages; but it stops at the first, when it has let go of those before. */
static int advise_on_content(const struct fl_operation *op, enum fl_advice advice) {
  bool lets_go = advice == FL_DONTNEED || advice == FL_COLD || advice == FL_PAGEOUT;
  if (op->span == 0)
    return 0;
  if (lets_go && next_page(op, 0, true) < op->span / fl_os_page_size())
    return -EINVAL;
  int result = fl_os_advise(op->base, op->span, advice);
  if (advice == FL_PAGEOUT)
    fl_mirror_forget_range(op);
  return result;
}

int fl_advise(fl_id id, uint64_t offset, uint64_t length, enum fl_advice advice) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  bool is_of_access = advice == FL_NORMAL || advice == FL_RANDOM || advice == FL_SEQUENTIAL || advice == FL_HUGEPAGE;
  result = is_of_access ? advise_on_access(&op, is_whole(&op, offset, length), advice) : advise_on_content(&op, advice);
  return fl_operation_end(&op, result);
}

/* The page cache keeps what a page table still holds. */
static void drop_entries_of_unpinned(const struct fl_operation *op) {
  size_t page_size = fl_os_page_size(), pages = op->span / page_size;
  for (size_t start = 0, end; (start = next_page(op, start, false)) < pages; start = end) {
    end = next_page(op, start, true);
    fl_os_drop_entries((unsigned char *)op->base + start * page_size, (end - start) * page_size);
  }
}

static int write_out(const struct fl_operation *op) {
  return fl_os_write_out(op->mapping->fd, op->file_offset, op->span);
}

int fl_evict(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  if (op.span > 0) {
    drop_entries_of_unpinned(&op);
    fl_window_drop_entries(&op);
    result = fl_write_back(&op, write_out); /* changed pages stay in the cache */
    if (result == 0)
      result = fl_os_evict(op.mapping->fd, op.file_offset, op.span);
    fl_mirror_forget_range(&op);
  }
  return fl_operation_end(&op, result);
}

static int write_only(const struct fl_operation *op) { return fl_os_flush(op->mapping->fd, op->base, op->span); }

/* A page that was replaced by zeros is no page of the file any more: stores into it are lost, so it must not pass. */
static int flush(const struct fl_operation *op) {
  if (op->span == 0)
    return 0;
  fl_write_back(op, write_only);
  int error = atomic_load(&op->mapping->write_error);
  return error != 0 ? -FL_DEVICE - error : fl_guard_verdict(op);
}

int fl_flush(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result;
  do {
    result = fl_operation_begin(&op, id, offset, length);
    if (result == 0)
      result = fl_operation_end(&op, flush(&op));
  } while (result == -FL_MAPPED_ANEW);
  return result;
}
