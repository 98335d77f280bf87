/*
 * Overlays: file pages laid over memory that is somebody else's, such as the memory of a WebAssembly instance. In the table
 * of mappings an overlay is one more mapping, with a base that was given; so pages are made resident, guarded and mapped
 * anew as everywhere. It is given back as zeros, in place: who reserved the memory is who unmaps it.
 */
#include "mapping.h"
#include "os.h"
#include <errno.h>

static bool is_aligned(uint64_t bytes) { return bytes % fl_os_page_size() == 0; }

/* Nothing but whole pages can be laid; past the end of what users see the last one holds nothing that anyone asked for. */
static bool fits(const struct fl_mapping *m, uint64_t offset, uint64_t length, const void *address) {
  bool ends_well = is_aligned(length) || m->lead + offset + length == atomic_load(&m->known_end);
  return length == 0 || (is_aligned((uintptr_t)address) && is_aligned(m->lead + offset) && ends_well);
}

int fl_overlay_create(fl_id id, uint64_t offset, uint64_t length, void *address, fl_id *overlay) {
  struct fl_operation op;
  int result = fl_os_can_map_over() ? fl_operation_begin(&op, id, offset, length) : -ENOTSUP;
  if (result < 0)
    return result;
  const struct fl_mapping *m = op.mapping;
  struct fl_map_request request = {
      .fd = m->fd, .offset = m->file_offset + m->lead + offset, .length = length, .mode = m->mode};
  int created = fits(m, offset, length, address) ? fl_mapping_create_over(&request, address, overlay) : -EINVAL;
  result = fl_operation_end(&op, created);
  if (created == 0 && result < 0)
    fl_mapping_release(*overlay);
  return result;
}

/* What is unmapped first may be missing where the rest fails: the memory must never have a hole. */
static int lay(struct fl_mapping *m, void *base, size_t span) {
  m->laid = true;
  fl_os_drop_entries(base, span);
  int result = fl_os_map_again(m->fd, m->file_offset, base, span, m->mode, m->copy_on_write);
  if (result < 0)
    fl_os_map_zeros(base, span);
  return result;
}

int fl_overlay_lay(fl_id overlay) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, overlay, 0, 0);
  if (result < 0)
    return result;
  struct fl_mapping *m = op.mapping;
  size_t span = atomic_load(&m->span);
  if (span > 0)
    result = m->borrowed ? lay(m, (void *)atomic_load(&m->base), span) : -EINVAL;
  return fl_operation_end(&op, result);
}
