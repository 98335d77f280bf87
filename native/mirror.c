/*
 * The residency mirror: one byte a page that tells when the page was last known to be in memory, so that JavaScript can
 * ask without a system call.
 *
 * A byte holds an epoch, 1 to 254 and round again, or 0 for "not known". Epochs advance by the clock, and an entry is
 * believed while it is fewer than `believed` epochs old. Pages that are pinned have an entry that never grows old.
 *
 * Here is what is written to a mirror, and by whom: touches, evictions, the fault guard, and the thread of
 * mirror_thread.c, which sees to it that it is written in time.
 */
#include "mirror.h"
#include "damage.h"
#include "os.h"
#include "pins.h"

enum { TICKS_OF_FRESHNESS = 4 };

static const int64_t MS = 1000000;

static size_t blocks_of(size_t pages) { return (pages + FL_MIRROR_BLOCK - 1) / FL_MIRROR_BLOCK; }

size_t fl_mirror_span(size_t span) {
  size_t pages = span / fl_os_page_size();
  return fl_page_ceil(FL_MIRROR_PAGES + pages + 2 * blocks_of(pages));
}

void fl_mirror_init(struct fl_mirror *mirror) {
  mirror->memory = NULL;
  mirror->believed = 0;
  mirror->quiet = 0;
  mirror->since_aging = 0;
  mirror->changed_ns = 0;
  mirror->size = 0;
  mirror->whole_pages = 0;
  atomic_store(&mirror->awake, false);
  atomic_store(&mirror->marked, false);
  atomic_store(&mirror->forgets, 0);
}

bool fl_mirror_create(struct fl_mirror *mirror, size_t span, int64_t freshness_ns, void *memory) {
  int64_t tick = freshness_ns / TICKS_OF_FRESHNESS;
  mirror->tick_ns = tick < MS ? MS : tick;
  mirror->believed = tick < MS ? (unsigned)(freshness_ns / MS) : TICKS_OF_FRESHNESS;
  mirror->pages = span / fl_os_page_size();
  mirror->blocks = blocks_of(mirror->pages);
  mirror->memory = memory != NULL ? memory : fl_os_reserve_zeroed(fl_mirror_span(span));
  if (mirror->memory != NULL)
    mirror_set(&mirror->memory[FL_MIRROR_EPOCH], 1);
  return mirror->memory != NULL;
}

bool fl_mirror_is_shown(const struct fl_mirror *mirror) {
  return mirror->memory == NULL || atomic_load(&mirror->memory[FL_MIRROR_SHOWN]) != 0;
}

void fl_mirror_advance(struct fl_mirror *mirror, unsigned epochs) {
  mirror_entry *epoch = &mirror->memory[FL_MIRROR_EPOCH];
  mirror_set(epoch, (uint8_t)((mirror_get(epoch) - 1 + epochs) % FL_MIRROR_EPOCHS + 1));
  mirror->since_aging += epochs;
}

/* --- what touches, evictions and the fault guard have to tell ------------------------------------------------- */

/*
 * Whoever forgets counts first and then looks at the entries; whoever has written entries calls this and then looks for
 * reasons to take them back. Both change the counter, and only for that reason: so that one of the two sees what the
 * other has done, which a load would not ensure.
 */
static unsigned count_forgets(struct fl_mirror *mirror) { return atomic_fetch_add(&mirror->forgets, 0); }

/*
 * The page is in memory. Whoever pins it or lets go of it counts that first and then looks at the entry; here it is the
 * other way round, so one of the two notices the other.
 */
static void know(const struct fl_mapping *m, size_t page, uint8_t epoch) {
  mirror_entry *entry = &mirror_entries(&m->mirror)[page];
  if (atomic_load_explicit(&m->pins.counts, memory_order_relaxed) == NULL) {
    mirror_set(entry, epoch);
    return;
  }
  bool held, before;
  do {
    before = fl_pins_hold(m, page);
    atomic_store(entry, before ? FL_MIRROR_PINNED : epoch);
    held = fl_pins_hold(m, page);
  } while (held != before);
}

/* What is written of pages that are in memory: 0 where only pins count. */
static uint8_t epoch_of_now(const struct fl_mirror *mirror) {
  return mirror->believed == 0 ? 0 : mirror_get(&mirror->memory[FL_MIRROR_EPOCH]);
}

/* The guard marks a damaged page before it forgets its entry. */
static void forget_damaged(struct fl_mapping *m, size_t first, size_t count) {
  count_forgets(&m->mirror);
  if (atomic_load(&m->damaged_pages) == 0)
    return;
  for (size_t page = first; page < first + count; page++)
    if (fl_damage_is_marked(m, page))
      mirror_set(&mirror_entries(&m->mirror)[page], 0);
}

void fl_mirror_know(const struct fl_operation *op) {
  struct fl_mapping *m = op->mapping;
  struct fl_mirror *mirror = &m->mirror;
  if (mirror->memory == NULL || op->span == 0)
    return;
  if (mirror->believed == 0 && atomic_load(&m->pins.counts) == NULL)
    return;
  size_t first = fl_first_page(op);
  size_t count = op->span / fl_os_page_size();
  uint8_t epoch = epoch_of_now(mirror);
  for (size_t page = first; page < first + count; page++)
    know(m, page, epoch);
  for (size_t block = first / FL_MIRROR_BLOCK; block <= (first + count - 1) / FL_MIRROR_BLOCK; block++)
    mirror_set(&mirror_live(mirror)[block], 1);
  atomic_store_explicit(&mirror->marked, true, memory_order_relaxed);
  forget_damaged(m, first, count);
}

void fl_mirror_forget(struct fl_mapping *m, size_t first, size_t count) {
  struct fl_mirror *mirror = &m->mirror;
  if (mirror->memory == NULL)
    return;
  atomic_fetch_add(&mirror->forgets, 1); /* first: see count_forgets */
  for (size_t page = first; page < first + count; page++)
    if (mirror_get(&mirror_entries(mirror)[page]) != 0) /* not even zeros are written to memory that was never used */
      atomic_store(&mirror_entries(mirror)[page], 0);
}

void fl_mirror_forget_range(const struct fl_operation *op) {
  struct fl_run pages = fl_pages_of(op);
  for (struct fl_run run = {pages.first, pages.first}; fl_pins_next_run(op->mapping, run.end, pages.end, false, &run);)
    fl_mirror_forget(op->mapping, run.first, run.end - run.first);
}

void fl_mirror_unpin(struct fl_mapping *m, size_t first, size_t count) {
  uint8_t epoch = epoch_of_now(&m->mirror);
  for (size_t page = first; page < first + count; page++) {
    uint8_t pinned = FL_MIRROR_PINNED;
    atomic_compare_exchange_strong(&mirror_entries(&m->mirror)[page], &pinned, epoch);
  }
}

/* --- what the thread finds out ------------------------------------------------------------------------------- */

/* Whether a page of which the kernel says that it is resident is the file's: not zeros of the guard, nor cut off. */
static bool is_of_file(const struct fl_mapping *m, size_t page) {
  bool damaged = atomic_load(&m->damaged_pages) != 0 && fl_damage_is_marked(m, page);
  return page < m->mirror.whole_pages && !damaged;
}

void fl_mirror_refresh(const struct fl_operation *op, size_t block, size_t blocks) {
  struct fl_mapping *m = op->mapping;
  struct fl_mirror *mirror = &m->mirror;
  uint8_t vector[MIRROR_RUN * FL_MIRROR_BLOCK];
  size_t first = block * FL_MIRROR_BLOCK;
  size_t count = mirror->pages - first < blocks * FL_MIRROR_BLOCK ? mirror->pages - first : blocks * FL_MIRROR_BLOCK;
  unsigned forgets = atomic_load(&mirror->forgets);
  if (fl_os_residency(fl_page_address(m, first), count * fl_os_page_size(), vector) < 0)
    return; /* its entries grow old */
  uint8_t epoch = mirror_get(&mirror->memory[FL_MIRROR_EPOCH]);
  for (size_t i = 0; i < blocks; i++)
    mirror_set(&mirror_live(mirror)[block + i], 1);
  for (size_t i = 0; i < count; i++)
    if ((vector[i] & 1) != 0 && is_of_file(m, first + i))
      know(m, first + i, epoch);
    else
      mirror_set(&mirror_entries(mirror)[first + i], 0);
  forget_damaged(m, first, count);
  if (count_forgets(mirror) == forgets)
    return;
  for (size_t i = 0; i < count; i++)
    if (!fl_pins_hold(m, first + i)) /* what is forgotten of pages that are held, the next look forgets again */
      atomic_store(&mirror_entries(mirror)[first + i], 0);
}

void fl_mirror_age(struct fl_mirror *mirror) {
  uint8_t now = mirror_get(&mirror->memory[FL_MIRROR_EPOCH]);
  for (size_t block = 0; block < mirror->blocks; block++) {
    if (mirror_get(&mirror_live(mirror)[block]) == 0)
      continue;
    atomic_store(&mirror_live(mirror)[block], 0); /* first: a touch that comes meanwhile makes it live again */
    size_t end = (block + 1) * FL_MIRROR_BLOCK < mirror->pages ? (block + 1) * FL_MIRROR_BLOCK : mirror->pages;
    bool any = false;
    for (size_t page = block * FL_MIRROR_BLOCK; page < end; page++) {
      uint8_t value = mirror_get(&mirror_entries(mirror)[page]);
      if (value == 0)
        continue;
      if (value == FL_MIRROR_PINNED ||
          (unsigned)(now - value + (now < value ? FL_MIRROR_EPOCHS : 0)) < mirror->believed)
        any = true;
      else
        atomic_compare_exchange_strong(&mirror_entries(mirror)[page], &value, 0);
    }
    if (any)
      mirror_set(&mirror_live(mirror)[block], 1);
  }
  mirror->since_aging = 0;
}

/* Again and again, so it passes over blocks in which nothing stands, and an entry that comes late goes the next time. */
void fl_mirror_forget_from(struct fl_mapping *m, size_t page) {
  struct fl_mirror *mirror = &m->mirror;
  if (mirror->memory == NULL)
    return;
  while (page < mirror->pages) {
    size_t block = page / FL_MIRROR_BLOCK;
    size_t end = (block + 1) * FL_MIRROR_BLOCK < mirror->pages ? (block + 1) * FL_MIRROR_BLOCK : mirror->pages;
    if (mirror_get(&mirror_live(mirror)[block]) != 0)
      fl_mirror_forget(m, page, end - page);
    page = end;
  }
}

void fl_mirror_look_at_file(struct fl_mapping *m) {
  struct fl_mirror *mirror = &m->mirror;
  struct fl_os_status status = {0, 0};
  bool known = fl_os_cached_file_status(m->fd, &status) == 0;
  /* The size as well: times may be so coarse that two changes have the same. */
  if (!known || status.changed_ns != mirror->changed_ns || status.size != mirror->size) {
    mirror->changed_ns = status.changed_ns;
    mirror->size = status.size;
    atomic_fetch_add((_Atomic(uint32_t) *)(void *)&mirror->memory[FL_MIRROR_CHANGES], 1);
  }
  uint64_t size = status.size <= m->file_offset ? 0 : status.size - m->file_offset;
  /* Where it ends is known to whoever asks for ranges, so the page that it ends in is whole as long as it reaches there. */
  uint64_t end = atomic_load(&m->known_end);
  mirror->whole_pages = (size >= end ? fl_page_ceil(end) : size) / fl_os_page_size();
  fl_mirror_forget_from(m, mirror->whole_pages);
}
