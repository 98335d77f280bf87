/*
 * A file that outgrows its mapping has one more, of the same descriptor, and keeps the former as long as that is open: memory of
 * it may be held. What is done to pages by way of one mapping says nothing of the others, so whatever is about pages of the
 * file, and not about what is to be loaded from, is done to all of them.
 */
#include "mapping.h"
#include "os.h"

/* Nobody knows the second as yet. */
static void succeed(struct fl_mapping *m, fl_id id) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, 0, 0) < 0)
    return;
  if (fl_mapping_retain(m->entry.id) == 0) {
    op.mapping->outgrown = m;
    op.mapping->first = m->first;
  }
  fl_operation_end(&op, 0);
}

int fl_mapping_create_longer(fl_id id, uint64_t length, void *address, void *mirror, struct fl_map_info *info) {
  struct fl_operation op; /* while it is under way the descriptor stays */
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  struct fl_mapping *m = op.mapping;
  struct fl_map_request request = {.fd = m->fd,
                                   .offset = m->file_offset + m->lead,
                                   .length = length,
                                   .mode = m->mode,
                                   .freshness_ns = m->freshness_ns,
                                   .follows = m->follows};
  result = fl_mapping_create_in(&request, address, mirror, info);
  if (result == 0) {
    succeed(m, info->id);
    info->file = m->first->entry.id;
  }
  fl_operation_end(&op, 0); /* one that was closed meanwhile has a longer one all the same */
  return result;
}

bool fl_has_room_for(uint64_t bytes) {
  void *probe = bytes > SIZE_MAX ? NULL : fl_os_reserve_zeroed((size_t)bytes);
  if (probe != NULL)
    fl_os_unmap(probe, (size_t)bytes);
  return probe != NULL;
}

void fl_mapping_take_over(fl_id id) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, 0, 0) < 0)
    return;
  const struct fl_mapping *former = op.mapping->outgrown;
  int advice = former == NULL ? -1 : atomic_load(&former->advice);
  if (advice >= 0)
    fl_advise_on_access(&op, true, (enum fl_advice)advice);
  if (former != NULL && atomic_load(&former->huge))
    fl_advise_on_access(&op, true, FL_HUGEPAGE);
  fl_operation_end(&op, 0);
}

int fl_act_on_outgrown(const struct fl_mapping *m, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  int result = 0;
  while ((m = m->outgrown) != NULL) {
    if (offset > m->length)
      continue;
    uint64_t rest = m->length - offset;
    int one = fl_act_on(m->entry.id, offset, length < rest ? length : rest, act, argument);
    if (result == 0 && one < 0 && one != -FL_CLOSED)
      result = one;
  }
  return result;
}

int fl_act_on_all(fl_id id, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  struct fl_operation op; /* holds those that were outgrown */
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  result = fl_act_on(id, offset, length, act, argument);
  int others = fl_act_on_outgrown(op.mapping, offset, length, act, argument);
  return fl_operation_end(&op, result != 0 ? result : others);
}
