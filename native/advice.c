/* What a program tells the kernel of its use of a range: madvise(2), as far as pins and the process's map allow. */
#include "map_entries.h"
#include "mirror.h"
#include "os.h"
#include "pages.h"
#include "pins.h"
#include "succession.h"
#include <errno.h>

/* All that there is of the file: then it holds for what the file grows into as well. */
static bool is_whole(const struct fl_operation *op, uint64_t offset, uint64_t length) {
  uint64_t end = atomic_load(&op->mapping->known_end), lead = op->mapping->lead;
  return op->span == atomic_load(&op->mapping->span) || (offset == 0 && length >= (end < lead ? 0 : end - lead));
}

/* How pages will be accessed is remembered by the mapping, which is split where that is not the same for all. */
int fl_advise_on_access(const struct fl_operation *op, bool whole, enum fl_advice advice) {
  struct fl_mapping *m = op->mapping;
  void *base = whole ? (void *)atomic_load(&m->base) : op->base;
  size_t span = whole ? atomic_load(&m->span) : op->span;
  int result = span == 0 || span == atomic_load(&m->span) ? 0 : fl_map_entries_claim(2);
  if (result == 0 && span > 0)
    result = fl_os_advise(base, span, advice);
  if (result == 0 && whole && advice == FL_HUGEPAGE)
    atomic_store(&m->huge, true);
  else if (result == 0 && whole) /* of an empty file as well: it may grow */
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
  if (lets_go && fl_pins_hold_some(op))
    return -EINVAL;
  int result = fl_os_advise(op->base, op->span, advice);
  if (advice == FL_PAGEOUT)
    fl_mirror_forget_range(op);
  return result;
}

struct advised {
  uint64_t offset, length;
  enum fl_advice advice;
  fl_id named;
  bool whole; /* it is for all that there is of the mapping that was named, and so for all of the others */
};

static int advise(const struct fl_operation *op, void *argument) {
  struct advised *as = argument;
  enum fl_advice advice = as->advice;
  if (op->mapping->entry.id == as->named) /* which comes first; of another, of all that there is a part may be named */
    as->whole = is_whole(op, as->offset, as->length);
  bool is_of_access = advice == FL_NORMAL || advice == FL_RANDOM || advice == FL_SEQUENTIAL || advice == FL_HUGEPAGE;
  return is_of_access ? fl_advise_on_access(op, as->whole, advice) : advise_on_content(op, advice);
}

int fl_advise(fl_id id, uint64_t offset, uint64_t length, enum fl_advice advice) {
  struct advised as = {offset, length, advice, id, false};
  return fl_act_on_all(id, offset, length, advise, &as);
}
