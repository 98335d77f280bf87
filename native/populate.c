/* Making pages resident: here the page faults are taken. */
#include "guard.h"
#include "mirror.h"
#include "os.h"
#include "pages.h"
#include <errno.h>

int fl_prefetch(fl_id id, uint64_t offset, uint64_t length) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  fl_widen_by_advice(&op);
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

static int populate(const struct fl_operation *op, void *argument) {
  bool for_writing = *(bool *)argument;
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
  return fl_act_on(id, offset, length, populate, &for_writing);
}

int fl_populate(fl_id id, uint64_t offset, uint64_t length) { return populate_range(id, offset, length, false); }

int fl_populate_for_writing(fl_id id, uint64_t offset, uint64_t length) {
  return populate_range(id, offset, length, true);
}
