/*
 * The fault guard: a page of a mapping that cannot be read, since the file shrank or its device failed, becomes a page
 * of zeros instead of a dead process, and is remembered as damage so that nobody is handed the zeros as data.
 *
 * What runs inside the signal handler takes no lock, allocates nothing and keeps errno.
 */
#include "mapping.h"
#include "os.h"
#include <errno.h>

static _Atomic(uint64_t) *damage_word(const struct fl_mapping *m, size_t page) { return &m->damage[page / 64]; }

static struct fl_mapping *(*_Atomic mapping_at)(uintptr_t address);
static void (*_Atomic damage_hook)(void);

void fl_on_damage(void (*hook)(void)) { atomic_store(&damage_hook, hook); }

void fl_guard_mark(struct fl_mapping *m, size_t page) {
  uint64_t bit = (uint64_t)1 << (page % 64);
  if ((atomic_fetch_or(damage_word(m, page), bit) & bit) == 0)
    atomic_fetch_add(&m->damaged_pages, 1);
  fl_mirror_forget(m, page, 1);
}

bool fl_guard_is_marked(const struct fl_mapping *m, size_t page) {
  return (atomic_load(damage_word(m, page)) >> (page % 64) & 1) != 0;
}

void fl_guard_unmark(struct fl_mapping *m, size_t page) {
  uint64_t bit = (uint64_t)1 << (page % 64);
  if ((atomic_fetch_and(damage_word(m, page), ~bit) & bit) != 0)
    atomic_fetch_sub(&m->damaged_pages, 1);
}

/*
 * A page was lost: to the device, or to a file that shrank, and may have grown again since? Who shrinks a file changes
 * it; so only where the file reaches there, did so when it was mapped, and has not been changed since, the device is to
 * blame. Stores through an 'r+' mapping change it too: then a device that failed for a moment is taken for a truncation.
 */
bool fl_guard_blames_device(const struct fl_mapping *m, uint64_t file_offset) {
  struct fl_os_status status;
  int result = fl_os_file_status(m->fd, &status);
  bool reaches = result == 0 && status.size > file_offset && m->size_then > file_offset;
  return reaches && status.changed_ns == m->changed_ns;
}

/* In the signal handler, on the thread that faulted. */
static bool replace_by_zeros(uintptr_t address) {
  struct fl_mapping *(*find)(uintptr_t) = atomic_load(&mapping_at);
  struct fl_mapping *m = find(address);
  if (m == NULL)
    return fl_overlay_has_ended_at(address);
  atomic_fetch_add(&m->handling, 1);
  uintptr_t base = atomic_load(&m->base);
  if (base == 0 || find(address) != m) {
    /* An overlay that was taken away meanwhile, and waits for nobody who counts from now on: zeros are there by now. */
    atomic_fetch_sub(&m->handling, 1);
    return true;
  }
  size_t page = (address - base) / fl_os_page_size();
  atomic_fetch_add(&m->faults, 1);
  if (fl_guard_blames_device(m, m->file_offset + page * fl_os_page_size()))
    atomic_store(&m->device_failed, true);
  /* The bit goes first: whoever sees the zeros must be able to see the damage. */
  fl_guard_mark(m, page);
  bool replaced = fl_os_map_zeros((void *)(base + page * fl_os_page_size()), fl_os_page_size()) == 0;
  atomic_fetch_sub(&m->handling, 1);
  void (*hook)(void) = atomic_load(&damage_hook);
  if (hook != NULL)
    hook();
  return replaced;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int install_result;

static void install(void) { install_result = fl_os_catch_faults(replace_by_zeros); }

int fl_guard_install(struct fl_mapping *(*find)(uintptr_t address)) {
  if (atomic_load(&mapping_at) != find)
    atomic_store(&mapping_at, find);
  pthread_once(&once, install);
  return install_result;
}

static bool is_damaged(const struct fl_operation *op) {
  const struct fl_mapping *m = op->mapping;
  if (op->span == 0 || atomic_load(&m->damaged_pages) == 0)
    return false;
  size_t page = ((uintptr_t)op->base - atomic_load(&m->base)) / fl_os_page_size();
  size_t end = page + op->span / fl_os_page_size();
  while (page < end) {
    size_t next = (page / 64 + 1) * 64 < end ? (page / 64 + 1) * 64 : end;
    uint64_t mask = (~(uint64_t)0 >> (64 - (next - page))) << (page % 64);
    if ((atomic_load(damage_word(m, page)) & mask) != 0)
      return true;
    page = next;
  }
  return false;
}

/* What the device answers to a plain read of the range's pages: 0 or -(FL_DEVICE + errno). */
static int ask_device(const struct fl_operation *op) {
  for (size_t at = 0; at < op->span; at += fl_os_page_size()) {
    int result = fl_os_probe_byte(op->mapping->fd, op->file_offset + at);
    if (result < 0)
      return -FL_DEVICE + result;
  }
  return 0;
}

int fl_guard_explain(const struct fl_operation *op) {
  struct fl_os_status status;
  int result = fl_os_file_status(op->mapping->fd, &status);
  if (result < 0)
    return -FL_DEVICE + result;
  return status.size < op->file_end ? -FL_TRUNCATED : ask_device(op);
}

/*
 * The size is asked for every time: past the end of the file but in its last page a load gives zeros and no fault.
 */
int fl_guard_verdict(const struct fl_operation *op) {
  struct fl_os_status status;
  return fl_guard_verdict_and_status(op, &status);
}

int fl_guard_verdict_and_status(const struct fl_operation *op, struct fl_os_status *status) {
  int asked = fl_os_file_status(op->mapping->fd, status);
  return fl_guard_judge(op, asked, status);
}

int fl_guard_judge(const struct fl_operation *op, int asked, const struct fl_os_status *status) {
  const struct fl_mapping *m = op->mapping;
  if ((op->refreshes & 1) != 0 || atomic_load(&m->refreshes) != op->refreshes)
    return -EAGAIN;
  if (asked < 0)
    return -FL_DEVICE + asked;
  if (status->size < op->file_end)
    return -FL_TRUNCATED;
  if (!is_damaged(op))
    return 0;
  int result = ask_device(op);
  if (result < 0)
    return result;
  /* All is well again, but the zeros are still there until somebody refreshes. */
  return atomic_load(&m->device_failed) ? -FL_DEVICE - EIO : -FL_TRUNCATED;
}

bool fl_guard_seems_intact(const struct fl_operation *op) {
  struct fl_os_status status;
  int result = fl_os_cached_file_status(op->mapping->fd, &status);
  return result == 0 && status.size >= op->file_end && !is_damaged(op);
}
