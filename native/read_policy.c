/*
 * What is read besides the range that somebody asked for, by the advice that was given for all of the mapping: nothing as
 * mappings begin (FL_RANDOM), what lies around a short range (FL_NORMAL), or what follows (FL_SEQUENTIAL). Asked for by prefetching,
 * as that range is, and not left to the fault: so whatever waits is in the device's queue at once.
 */
#include "os.h"
#include "pages.h"

enum {
  BLOCK = FL_OS_MOST_PREFETCHED, /* what kernels read around a fault by default (read_ahead_kb) */
  AHEAD = 2 * BLOCK              /* and as much as they do after POSIX_FADV_SEQUENTIAL (mm/fadvise.c) */
};

void fl_widen_by_advice(struct fl_operation *op) {
  int advice = atomic_load(&op->mapping->advice);
  bool is_around = advice == FL_NORMAL && op->span <= BLOCK;
  if (op->span == 0 || (!is_around && advice != FL_SEQUENTIAL))
    return;
  /* A block that is whole only with what is read along would be left to populating, which takes no such block. */
  if (fl_blocks_are_used(op->mapping))
    return;
  uint64_t first = op->file_offset, end = first + op->span;
  uint64_t least = op->mapping->file_offset, most = least + atomic_load(&op->mapping->span);
  if (is_around) {
    first = first / BLOCK * BLOCK;
    end = (end + BLOCK - 1) / BLOCK * BLOCK;
  } else {
    end += AHEAD;
  }
  first = first < least ? least : first;
  end = end > most ? most : end;
  op->base = (char *)op->base - (op->file_offset - first);
  op->span = (size_t)(end - first);
  op->file_offset = first;
}
