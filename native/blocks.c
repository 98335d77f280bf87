/*
 * How long ranges are read of a mapping that was advised FL_HUGEPAGE: in blocks of the size of the largest folio.
 *
 * Prefetching by posix_fadvise(2) has the kernel make a folio of each page (mm/readahead.c, force_page_cache_ra): 0.3 s of
 * processor time a GiB. A fault where MADV_HUGEPAGE was given reads a folio of 2 MiB (mm/filemap.c, do_sync_mmap_readahead),
 * which takes 0.02 s a GiB, if the file system has such. But a fault in the mapping itself is to read one page and no
 * more, so these are taken in a mapping of their own. They wait for the device, and so are left to populating;
 * prefetching asks for what lies before and behind whole blocks.
 *
 * Not without the advice: a virtual machine that gives free memory back to its host does so by 2 MiB as a rule (the kernel's
 * page_reporting_order). Then each page of such a block costs 1 to 1.5 us more when it is first used, and pages by
 * themselves, which come from memory that was in use a moment ago, do not.
 */
#include "os.h"
#include "pages.h"

/* What is known of the file's folios. A file system that has none so large is better asked for all pages at once. */
enum { NOT_ADVISED, UNKNOWN, LARGE, SMALL };

void fl_blocks_use(struct fl_mapping *m) {
  int not_yet = NOT_ADVISED;
  atomic_compare_exchange_strong(&m->folios, &not_yet, UNKNOWN);
}

/* How large the blocks are that long ranges are read in; 0 where they are not, or that would not help. */
static uint64_t block_size(const struct fl_mapping *m) {
  int folios = atomic_load(&m->folios);
  return folios == UNKNOWN || folios == LARGE ? fl_os_block_size() : 0;
}

bool fl_blocks_are_used(const struct fl_mapping *m) { return block_size(m) > 0; }

bool fl_reads_blocks(fl_id id) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, 0, 0) < 0)
    return false;
  bool reads_blocks = fl_blocks_are_used(op.mapping);
  fl_operation_end(&op, 0);
  return reads_blocks;
}

/* The whole blocks of the range, as offsets into the file; false where there are none, or it would not help. */
static bool find_blocks(const struct fl_operation *op, uint64_t *first, uint64_t *end) {
  uint64_t size = block_size(op->mapping);
  if (size == 0 || op->span < size)
    return false;
  *first = (op->file_offset + size - 1) / size * size;
  *end = (op->file_offset + op->span) / size * size;
  return *first < *end;
}

static void prefetch(const struct fl_operation *op, uint64_t from, uint64_t to) {
  if (from < to)
    fl_os_prefetch(op->mapping->fd, from, (char *)op->base + (from - op->file_offset), to - from);
}

void fl_blocks_prefetch(const struct fl_operation *op) {
  uint64_t first, end, op_end = op->file_offset + op->span;
  if (!find_blocks(op, &first, &end))
    first = end = op_end;
  prefetch(op, op->file_offset, first);
  prefetch(op, end, op_end);
}

/* How many pages of a block are in memory, as far as the kernel tells; none where it does not. */
static size_t count_resident(const struct fl_operation *op, uint64_t block) {
  enum { STEP = 256 };
  uint8_t vector[STEP];
  size_t page_size = fl_os_page_size(), pages = fl_os_block_size() / page_size, resident = 0;
  char *base = (char *)op->base + (block - op->file_offset);
  if (!fl_residency_is_honest(op->mapping))
    return 0;
  for (size_t at = 0; at < pages; at += STEP) {
    size_t step = pages - at < STEP ? pages - at : STEP;
    if (fl_os_residency(base + at * page_size, step * page_size, vector) < 0)
      return 0;
    for (size_t i = 0; i < step; i++)
      resident += vector[i] & 1;
  }
  return resident;
}

/* Reads blocks, of which no page was in memory where `cold`. False where they are better prefetched. */
static bool read_blocks(struct fl_mapping *m, uint64_t from, uint64_t to, bool cold) {
  bool large = false;
  if (fl_os_read_blocks(m->fd, from, to - from, &large) < 0)
    return false;
  int unknown = UNKNOWN;
  if (cold)
    atomic_compare_exchange_strong(&m->folios, &unknown, large ? LARGE : SMALL);
  return true;
}

void fl_blocks_read(const struct fl_operation *op) {
  struct fl_mapping *m = op->mapping;
  uint64_t first, end;
  if (!find_blocks(op, &first, &end))
    return;
  uint64_t size = fl_os_block_size();
  size_t pages = size / fl_os_page_size();
  for (uint64_t at = first, next; at < end; at = next) {
    size_t resident = count_resident(op, at);
    next = at + size;
    if (resident == pages)
      continue;
    /* The first of all alone: it tells whether to read more in this way. */
    while (resident == 0 && atomic_load(&m->folios) == LARGE && next < end && count_resident(op, next) == 0)
      next += size;
    if (!read_blocks(m, at, next, resident == 0) || atomic_load(&m->folios) == SMALL)
      return prefetch(op, at, end); /* what is in memory by then is not read again */
  }
}
