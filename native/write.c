/*
 * Writing to a file through its descriptor, and not by stores into the mapping: pages and the file are one for the kernel,
 * and pwrite(2) tells why bytes were not taken (a full disk, a quota, a device), where a store is a SIGBUS that tells
 * nothing. It reads no page that is overwritten as a whole.
 */
#include "guard.h"
#include "os.h"
#include "transfer.h"
#include <errno.h>
#include <stdlib.h>

/* Bytes are taken from their lender in pieces, so that no lender waits for the device to take them back. */
static const size_t PIECE = 256u << 10;

/*
 * Not past the end of the file, which would make it grow: so nobody of this process cuts it meanwhile. Who does it
 * in another process at the same time may find it grown again, as after any write(2).
 */
static int store(const struct fl_operation *op, uint64_t done, const void *bytes, size_t length) {
  struct fl_mapping *m = op->mapping;
  uint64_t offset = op->file_offset + (uint64_t)(op->data - (unsigned char *)op->base) + done;
  pthread_mutex_lock(&m->first->writing);
  int result = fl_guard_verdict(op);
  if (result == 0)
    result = fl_os_write(m->fd, bytes, length, offset);
  pthread_mutex_unlock(&m->first->writing);
  return result;
}

static int write_pieces(const struct fl_operation *op, uint64_t length, fl_id transfer, uint64_t at) {
  size_t most = length < PIECE ? (size_t)length : PIECE;
  void *piece = malloc(most);
  int result = piece == NULL ? -ENOMEM : 0;
  for (uint64_t done = 0; result == 0 && done < length; done += most) {
    size_t count = length - done < most ? (size_t)(length - done) : most;
    result = fl_transfer_take(transfer, at + done, piece, count);
    if (result == 0)
      result = store(op, done, piece, count);
  }
  free(piece);
  return result;
}

/* What is written: bytes of a transfer. */
struct source {
  uint64_t length;
  fl_id transfer;
  uint64_t at;
};

static int write_range(const struct fl_operation *op, void *argument) {
  const struct source *from = argument;
  if (op->mapping->mode != FL_SHARED)
    return -EACCES;
  return from->length == 0 ? 0 : write_pieces(op, from->length, from->transfer, from->at);
}

int fl_write(fl_id id, uint64_t offset, uint64_t length, fl_id transfer, uint64_t at) {
  struct source from = {length, transfer, at};
  return fl_act_on(id, offset, length, write_range, &from);
}
