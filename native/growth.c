/*
 * A file that outgrows its mapping has one more, of the same descriptor, and keeps the former as long as that is open: memory of
 * it may be held, and other threads may not have followed yet. What follows a mapping takes its advice over.
 */
#include "mapping_table.h"
#include "os.h"
#include "pages.h"
#include "succession.h"

static void succeed(struct fl_mapping *m, uint64_t least, struct fl_map_info *info) {
  fl_id made = info->id;
  fl_mapping_describe(fl_mapping_succeed(m, made, least), info);
  if (info->id != made) /* another has come meanwhile */
    fl_mapping_release(made);
}

/* A mapping of the same file, longer than `m`, with `info` about it. */
static int create_longer(struct fl_mapping *m, uint64_t least, uint64_t length, void *address, void *mirror,
                         struct fl_map_info *info) {
  struct fl_map_request request = {.fd = m->fd,
                                   .offset = m->file_offset + m->lead,
                                   .length = length,
                                   .mode = m->mode,
                                   .freshness_ns = m->freshness_ns,
                                   .follows = m->follows};
  int result = fl_mapping_create_in(&request, address, mirror, info);
  if (result == 0)
    succeed(m, least, info);
  return result;
}

/* The same of one that is there already: whether it is. */
static bool take_longest(struct fl_mapping *m, uint64_t least, struct fl_map_info *info) {
  const struct fl_mapping *longest = fl_mapping_attach_longest(m, least);
  if (longest != NULL)
    fl_mapping_describe(longest, info);
  return longest != NULL;
}

int fl_mapping_create_longer(fl_id id, uint64_t least, uint64_t length, void *address, void *mirror,
                             struct fl_map_info *info) {
  struct fl_operation op; /* while it is under way the descriptor stays */
  int result = fl_operation_begin(&op, id, 0, 0);
  if (result < 0)
    return result;
  struct fl_mapping *m = op.mapping;
  if (address != NULL || !take_longest(m, least, info))
    result = create_longer(m, least, length, address, mirror, info);
  /* There may have been no room for it as another thread has made one meanwhile. */
  if (result < 0 && address == NULL && take_longest(m, least, info))
    result = 0;
  fl_operation_end(&op, 0); /* one that was closed meanwhile has a longer one all the same */
  return result;
}

bool fl_has_room_for(uint64_t bytes) {
  void *probe = bytes > SIZE_MAX ? NULL : fl_os_reserve_zeroed((size_t)bytes);
  if (probe != NULL)
    fl_os_unmap(probe, (size_t)bytes);
  return probe != NULL;
}

/* What was advised for all of the file before; one that was given up, as nobody grew into it, has no advice. */
static int former_advice(const struct fl_mapping *m, bool *huge) {
  int advice = -1;
  for (const struct fl_mapping *former = m->outgrown; former != NULL; former = former->outgrown) {
    advice = advice >= 0 ? advice : atomic_load(&former->advice);
    *huge = *huge || atomic_load(&former->huge);
  }
  return advice;
}

static void take_advice(const struct fl_operation *op) {
  bool huge = false;
  int advice = former_advice(op->mapping, &huge);
  if (advice >= 0 && atomic_load(&op->mapping->advice) < 0) /* what was given to all meanwhile is newer */
    fl_advise_on_access(op, true, (enum fl_advice)advice);
  if (huge)
    fl_advise_on_access(op, true, FL_HUGEPAGE);
}

void fl_mapping_take_over(fl_id id) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, 0, 0) < 0)
    return;
  if (op.mapping->outgrown != NULL && !atomic_exchange(&op.mapping->taken_over, true))
    take_advice(&op);
  fl_operation_end(&op, 0);
}
