/*
 * Copies between mappings and memory that another thread lends.
 *
 * The lender may end at any moment and take its heap with it, so it lends under an id: a copy holds a reference on the
 * transfer exactly while it reads or writes the memory, and the lender's fl_transfer_end waits for that and no longer.
 */
#include "transfer.h"
#include "guard.h"
#include "mirror.h"
#include "os.h"
#include "pages.h"
#include "table.h"
#include <errno.h>
#include <string.h>

struct fl_transfer {
  struct fl_entry entry;
  unsigned char *data;
  uint64_t length;
};

static struct fl_table transfers = FL_TABLE_INIT(struct fl_transfer);
static pthread_cond_t copy_ended = PTHREAD_COND_INITIALIZER; /* with the table's lock */

int fl_transfer_create(void *data, uint64_t length, fl_id *id) {
  struct fl_transfer *transfer = fl_table_insert(&transfers);
  if (transfer == NULL)
    return -ENOMEM;
  transfer->data = data;
  transfer->length = length;
  *id = transfer->entry.id;
  return 0;
}

static void release(struct fl_transfer *transfer) {
  bool last = fl_table_release(&transfers, transfer);
  pthread_mutex_lock(&transfers.lock);
  pthread_cond_broadcast(&copy_ended);
  pthread_mutex_unlock(&transfers.lock);
  if (last)
    fl_table_remove(&transfers, transfer);
}

void fl_transfer_end(fl_id id) {
  struct fl_transfer *transfer = fl_table_acquire(&transfers, id);
  if (transfer == NULL)
    return;
  pthread_mutex_lock(&transfers.lock);
  transfer->length = 0;            /* no copy fits any more */
  while (transfer->entry.refs > 2) /* the lender's and the one acquired above */
    pthread_cond_wait(&copy_ended, &transfers.lock);
  pthread_mutex_unlock(&transfers.lock);
  fl_table_release(&transfers, transfer);
  release(transfer);
}

size_t fl_transfer_count(void) {
  pthread_mutex_lock(&transfers.lock);
  size_t live = transfers.live;
  pthread_mutex_unlock(&transfers.lock);
  return live;
}

/* Where `length` bytes from `at` on go, with a reference on the transfer: 0, -FL_CLOSED or -ERANGE. */
static int acquire(fl_id id, uint64_t at, uint64_t length, struct fl_transfer **transfer) {
  *transfer = fl_table_acquire(&transfers, id);
  if (*transfer == NULL)
    return -FL_CLOSED;
  pthread_mutex_lock(&transfers.lock);
  uint64_t room = (*transfer)->length;
  pthread_mutex_unlock(&transfers.lock);
  if (at <= room && length <= room - at)
    return 0;
  release(*transfer);
  return -ERANGE;
}

int fl_transfer_take(fl_id id, uint64_t at, void *bytes, size_t length) {
  struct fl_transfer *transfer;
  int result = acquire(id, at, length, &transfer);
  if (result < 0)
    return result;
  memcpy(bytes, transfer->data + at, length);
  release(transfer);
  return 0;
}

static int copy_from_mapping(const struct fl_operation *op, uint64_t length, fl_id transfer_id, uint64_t at) {
  struct fl_transfer *transfer = NULL;
  int result = fl_load_pages(op); /* the device is waited for before the transfer is held */
  if (result == 0)
    result = acquire(transfer_id, at, length, &transfer);
  if (result < 0)
    return result;
  if (length > 0)
    memcpy(transfer->data + at, op->data, length);
  release(transfer);
  return 0;
}

/* fl_mapping.copies, for copies of what is in the page cache; set once it was asked for. */
enum { UNKNOWN, CAN_BYPASS, CANNOT_BYPASS };

/*
 * To copy a page past the mapping is cheaper than to enter it in the page table for that. Where a store into the memory does
 * not reach the file, it is in the mapping alone.
 */
static bool may_bypass_mapping(const struct fl_operation *op, uint64_t offset) {
  struct fl_mapping *m = op->mapping;
  if (op->span == 0 || (m->copy_on_write && fl_mirror_is_shown(&m->mirror)))
    return false;
  int copies = atomic_load(&m->copies);
  if (copies == UNKNOWN) {
    copies = fl_os_can_read_cached(m->fd, offset) ? CAN_BYPASS : CANNOT_BYPASS;
    atomic_store(&m->copies, copies);
  }
  return copies == CAN_BYPASS;
}

/* As often a page that was waited for may be evicted before it is copied; then the mapping, which can hold it, is tried. */
enum { MOST_WAITS = 3 };

/* Into a transfer that is not held while the device is waited for. -EAGAIN: the mapping will do, or tell what is wrong. */
static int copy_past_mapping(const struct fl_operation *op, uint64_t length, fl_id transfer_id, uint64_t at) {
  uint64_t offset = op->file_end - length;
  int fd = op->mapping->fd, waits = 0;
  if (!may_bypass_mapping(op, offset))
    return -EAGAIN;
  fl_blocks_read(op);
  for (uint64_t done = 0; done < length;) {
    struct fl_transfer *transfer = NULL;
    int result = acquire(transfer_id, at + done, length - done, &transfer);
    if (result < 0)
      return result;
    int64_t count = fl_os_read_cached(fd, transfer->data + at + done, length - done, offset + done);
    release(transfer);
    waits = count > 0 ? 0 : waits + 1;
    if (count > 0)
      done += (uint64_t)count;
    else if (count != -EAGAIN || waits > MOST_WAITS || fl_os_probe_byte(fd, offset + done) < 0)
      return -EAGAIN;
  }
  return 0;
}

/*
 * The guard's verdict comes after the copy, as pages may be lost while it runs; `*changed`: the file did meanwhile. What
 * became of the file is told before what became of the lender.
 */
static int copy_out(const struct fl_operation *op, uint64_t length, fl_id transfer, uint64_t at, bool *changed) {
  struct fl_os_status before, after;
  bool known = fl_os_file_status(op->mapping->fd, &before) == 0;
  int copied = copy_past_mapping(op, length, transfer, at);
  if (copied == -EAGAIN)
    copied = copy_from_mapping(op, length, transfer, at);
  int result = length > 0 ? fl_guard_verdict_and_status(op, &after) : 0;
  if (result == 0)
    result = copied;
  /* Who writes behind the end of a file changes its time first, and then its size. */
  bool grew = known && before.size < op->file_end;
  *changed = known && length > 0 && result == 0 && (grew || before.changed_ns != after.changed_ns);
  if (result == 0)
    fl_mirror_mark(op);
  return result;
}

/*
 * A file that is cut within a page and grows again while it is copied leaves zeros in the copy that no fault tells of; so
 * what was copied while the file changed is copied again. Not for ever: others may write to it all the time, in place.
 */
enum { MOST_COPIES = 16 };

int fl_read(fl_id id, uint64_t offset, uint64_t length, fl_id transfer, uint64_t at) {
  struct fl_operation op;
  int result = -FL_MAPPED_ANEW;
  bool changed = true;
  for (int copies = 0; result == -FL_MAPPED_ANEW || (result == 0 && changed && copies < MOST_COPIES); copies++) {
    changed = false;
    result = fl_operation_begin(&op, id, offset, length);
    if (result == 0)
      result = fl_operation_end(&op, copy_out(&op, length, transfer, at, &changed));
  }
  return result;
}

int fl_read_residency(fl_id id, uint64_t offset, uint64_t length, fl_id transfer_id, uint64_t at, uint64_t *resident) {
  struct fl_transfer *transfer;
  int result = acquire(transfer_id, at, fl_page_count(id, offset, length), &transfer);
  if (result < 0)
    return result;
  result = fl_residency(id, offset, length, transfer->data + at, resident);
  release(transfer);
  return result;
}
