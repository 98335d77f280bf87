/*
 * Address ranges of Windows. A view of a file is mapped and unmapped as a whole, and nothing can be mapped over it. So a
 * range is reserved first and then filled with pieces: views of the file, zeros, and holes where the file does not
 * reach. To change a part of a piece it is taken away and what remains of it is put back.
 *
 * A thread that loads from a range while a piece of it is away faults; its exception handler waits for the lock here, and
 * has the load repeated (fl_windows_judge).
 */
#include "os_windows.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind { HOLE, ZEROS, VIEW };

/* A piece: [start, end) in bytes from the range's base. */
struct piece {
  size_t start, end;
  size_t mapped; /* bytes of a view: fewer than the piece's where the file ends within what the core calls a page */
  enum kind kind;
};

struct range {
  uintptr_t base;
  size_t span;
  int fd; /* the mapping's own; -1 once that is closed */
  uint64_t file_offset;
  enum fl_windows_access access;
  struct piece *pieces; /* in order, without gaps */
  size_t count, room;
  struct range *next;
};

static SRWLOCK lock = SRWLOCK_INIT; /* guards all ranges; nobody who holds it loads from one */
static struct range *ranges;
static unsigned changes; /* of pieces, in any range */

/* The system's own pages, of which a view has whole ones. */
static size_t system_page_ceil(size_t bytes) {
  return (bytes + fl_windows_page_size() - 1) & ~(fl_windows_page_size() - 1);
}

static void *address_of(const struct range *range, size_t at) { return (void *)(range->base + at); }

/* Takes what is there away, and leaves a hole. */
static int empty(const struct range *range, struct piece *piece) {
  void *address = address_of(range, piece->start);
  size_t span = piece->end - piece->start;
  changes++;
  int result = piece->kind == VIEW    ? fl_windows_take_view(address, span)
               : piece->kind == ZEROS ? fl_windows_take_zeros(address, span)
                                      : 0;
  if (result == 0)
    piece->kind = HOLE;
  return result;
}

static int fill_with_zeros(const struct range *range, struct piece *piece) {
  changes++;
  int result = fl_windows_put_zeros(address_of(range, piece->start), piece->end - piece->start);
  if (result == 0)
    piece->kind = ZEROS;
  return result;
}

/* A piece that begins within the file, and ends no more than a page after it. */
static int fill_with_view(const struct range *range, struct piece *piece, uint64_t file_size) {
  uint64_t offset = range->file_offset + piece->start;
  size_t span = piece->end - piece->start;
  size_t bytes = span <= file_size - offset ? span : (size_t)(file_size - offset);
  changes++;
  int result = fl_windows_put_view(address_of(range, piece->start), span, range->fd, offset, bytes, range->access);
  if (result < 0)
    return result;
  piece->kind = VIEW;
  piece->mapped = system_page_ceil(bytes);
  return 0;
}

/* --- the pieces of a range -------------------------------------------------------------------------------------- */

static struct range *range_at(uintptr_t address) {
  struct range *range = ranges;
  while (range != NULL && (address < range->base || address - range->base >= range->span))
    range = range->next;
  return range;
}

/* The piece that holds that byte; `count` for the end of the range. */
static size_t piece_at(const struct range *range, size_t at) {
  size_t low = 0, high = range->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (range->pieces[middle].end <= at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool make_room(struct range *range) {
  if (range->count < range->room)
    return true;
  size_t room = range->room == 0 ? 4 : range->room * 2;
  struct piece *pieces = realloc(range->pieces, room * sizeof *pieces);
  if (pieces == NULL)
    return false;
  range->pieces = pieces;
  range->room = room;
  return true;
}

static int fill(struct range *range, size_t i, enum kind kind);

/* Has a piece begin there. Private copies of pages, in the piece that is cut in two, are lost. */
static int cut_at(struct range *range, size_t at) {
  size_t i = piece_at(range, at);
  if (i == range->count || range->pieces[i].start == at)
    return 0;
  if (!make_room(range))
    return -ENOMEM;
  struct piece *piece = &range->pieces[i];
  enum kind kind = piece->kind;
  int result = kind == HOLE ? 0 : empty(range, piece);
  if (result == 0)
    result = fl_windows_split_hole(address_of(range, piece->start), at - piece->start, piece->end - piece->start);
  if (result < 0)
    return result;
  memmove(piece + 1, piece, (range->count - i) * sizeof *piece);
  range->count++;
  piece[0].end = piece[1].start = at;
  if (kind == HOLE)
    return 0;
  result = fill(range, i + 1, kind); /* the later one first: a piece that is filled may be cut in two */
  int first = fill(range, i, kind);
  return result < 0 ? result : first;
}

/* Fills a hole with a view as far as the file reaches now; what is past its end stays a hole. */
static int fill_with_file(struct range *range, size_t i) {
  struct fl_os_status status;
  int result = range->fd == -1 ? -EBADF : fl_os_file_status(range->fd, &status);
  uint64_t start = range->file_offset + range->pieces[i].start;
  if (result < 0 || status.size <= start)
    return result;
  uint64_t end = fl_page_ceil(status.size) - range->file_offset;
  if (end < range->pieces[i].end)
    result = cut_at(range, (size_t)end);
  return result < 0 ? result : fill_with_view(range, &range->pieces[i], status.size);
}

static int fill(struct range *range, size_t i, enum kind kind) {
  if (kind == ZEROS)
    return fill_with_zeros(range, &range->pieces[i]);
  return kind == VIEW ? fill_with_file(range, i) : 0;
}

static int replace(struct range *range, size_t start, size_t end, enum kind kind) {
  int result = cut_at(range, start);
  if (result == 0)
    result = cut_at(range, end);
  /* From the end, since filling may cut a piece in two. */
  for (size_t i = piece_at(range, end); result == 0 && i-- > 0 && range->pieces[i].start >= start;) {
    if (range->pieces[i].kind != HOLE)
      result = empty(range, &range->pieces[i]);
    if (result == 0)
      result = fill(range, i, kind);
  }
  return result;
}

static bool is_short(const struct piece *piece) {
  return piece->kind == VIEW && piece->mapped < piece->end - piece->start;
}

static bool has_hole(const struct piece *piece) { return piece->kind == HOLE || is_short(piece); }

/* Whether the file has gained pages that a view was too early for. */
static bool is_outgrown(const struct range *range, const struct piece *piece) {
  struct fl_os_status status;
  uint64_t end = range->file_offset + piece->start + piece->mapped;
  return is_short(piece) && fl_os_file_status(range->fd, &status) == 0 && status.size > end;
}

static void fill_holes(struct range *range, size_t start, size_t end) {
  for (size_t i = piece_at(range, end - 1) + 1; i-- > 0 && range->pieces[i].end > start;) {
    if (is_outgrown(range, &range->pieces[i]))
      empty(range, &range->pieces[i]);
    if (range->pieces[i].kind == HOLE)
      fill_with_file(range, i);
  }
}

/* --- ranges ------------------------------------------------------------------------------------------------------ */

static void dispose(struct range *range) {
  for (size_t i = 0; i < range->count; i++) {
    void *address = address_of(range, range->pieces[i].start);
    if (range->pieces[i].kind == VIEW)
      UnmapViewOfFile(address);
    else
      VirtualFree(address, 0, MEM_RELEASE);
  }
  free(range->pieces);
  free(range);
}

static struct range *make(int fd, uint64_t file_offset, size_t span, enum fl_windows_access access) {
  struct range *range = calloc(1, sizeof *range);
  if (range == NULL || !make_room(range)) {
    free(range);
    return NULL;
  }
  *range = (struct range){.base = (uintptr_t)fl_windows_reserve(NULL, span),
                          .span = span,
                          .fd = fd,
                          .file_offset = file_offset,
                          .access = access,
                          .pieces = range->pieces,
                          .room = range->room};
  if (range->base != 0)
    range->pieces[range->count++] = (struct piece){.end = span, .kind = HOLE};
  return range;
}

/* Copies may be refused, as there must be memory for all of them; a view for reading needs none. */
static int fill_new(struct range *range) {
  if (range->base == 0)
    return -ENOMEM;
  int result = fill_with_file(range, 0);
  if (result != -ENOMEM || range->access != FL_VIEW_COPY_ON_WRITE)
    return result;
  range->access = FL_VIEW_READ_ONLY;
  return fill_with_file(range, 0);
}

int fl_os_map(int fd, uint64_t file_offset, size_t span, enum fl_mode mode, void **base, bool *copy_on_write) {
  int result =
      fl_windows_check_access(fd, mode == FL_SHARED); /* of an empty file no section is made, which would tell */
  if (result < 0)
    return result;
  AcquireSRWLockExclusive(&lock);
  struct range *range = make(fd, file_offset, span, mode == FL_SHARED ? FL_VIEW_READ_WRITE : FL_VIEW_COPY_ON_WRITE);
  result = range == NULL ? -ENOMEM : fill_new(range);
  if (result == 0) {
    *base = (void *)range->base;
    *copy_on_write = range->access == FL_VIEW_COPY_ON_WRITE;
    range->next = ranges;
    ranges = range;
  } else if (range != NULL) {
    dispose(range);
  }
  ReleaseSRWLockExclusive(&lock);
  return result;
}

/* Memory that is in no range is somebody else's, and cannot be replaced in place. */
static int replace_at(void *base, size_t span, enum kind kind) {
  AcquireSRWLockExclusive(&lock);
  struct range *range = range_at((uintptr_t)base);
  int result = -ENOTSUP;
  if (range != NULL) {
    size_t start = (uintptr_t)base - range->base;
    result = replace(range, start, start + span, kind);
  }
  ReleaseSRWLockExclusive(&lock);
  return result;
}

int fl_os_map_again(int fd, uint64_t file_offset, void *base, size_t span, enum fl_mode mode, bool copy_on_write) {
  (void)fd, (void)file_offset, (void)mode, (void)copy_on_write; /* as fl_os_map had them */
  return replace_at(base, span, VIEW);
}

int fl_os_map_zeros(void *base, size_t span) { return replace_at(base, span, ZEROS); }

int fl_os_map_writable_zeros(void *base, size_t span) { return replace_at(base, span, ZEROS); }

bool fl_os_can_map_over(void) { return false; }

void *fl_os_reserve_zeroed(size_t span) { return VirtualAlloc(NULL, span, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE); }

/* Nothing here asks for one: words are not waited for, and locking loads no copies. */
int fl_os_map_window(int fd, uint64_t file_offset, size_t span, void **base) {
  (void)fd, (void)file_offset, (void)span, (void)base;
  return -ENOTSUP;
}

void fl_os_unmap_window(void *base, size_t span) { (void)base, (void)span; }

void fl_os_unmap(void *base, size_t span) {
  (void)span;
  AcquireSRWLockExclusive(&lock);
  struct range *range = range_at((uintptr_t)base);
  struct range **link = &ranges;
  while (range != NULL && *link != range)
    link = &(*link)->next;
  if (range != NULL) {
    *link = range->next;
    dispose(range);
  }
  ReleaseSRWLockExclusive(&lock);
  if (range == NULL)
    VirtualFree(base, 0, MEM_RELEASE);
}

void fl_windows_forget_file(int fd) {
  AcquireSRWLockExclusive(&lock);
  for (struct range *range = ranges; range != NULL; range = range->next)
    if (range->fd == fd)
      range->fd = -1;
  ReleaseSRWLockExclusive(&lock);
}

static bool has_holes(const struct range *range, size_t start, size_t end) {
  for (size_t i = piece_at(range, start); i < range->count && range->pieces[i].start < end; i++)
    if (has_hole(&range->pieces[i]))
      return true;
  return false;
}

/* How much of [start, end) lies before the unmapped rest of a view that ends with the file. */
static size_t mapped_part(const struct range *range, size_t start, size_t end) {
  const struct piece *last = &range->pieces[piece_at(range, end - 1)];
  size_t mapped_end = is_short(last) && last->start + last->mapped < end ? last->start + last->mapped : end;
  return mapped_end > start ? mapped_end - start : 0;
}

/* Nearly always there is nothing to do, which many may find out at a time. */
size_t fl_windows_fill_holes(void *base, size_t span) {
  AcquireSRWLockShared(&lock);
  struct range *range = range_at((uintptr_t)base);
  size_t start = range == NULL ? 0 : (uintptr_t)base - range->base;
  bool whole = range == NULL || !has_holes(range, start, start + span);
  ReleaseSRWLockShared(&lock);
  if (whole)
    return span;
  AcquireSRWLockExclusive(&lock);
  fill_holes(range, start, start + span); /* whoever asks keeps the range from going */
  size_t mapped = mapped_part(range, start, start + span);
  ReleaseSRWLockExclusive(&lock);
  return mapped;
}

int fl_windows_shared_view_at(uintptr_t address, size_t *left) {
  AcquireSRWLockShared(&lock);
  const struct range *range = range_at(address);
  int fd = -1;
  if (range != NULL) {
    size_t at = address - range->base;
    const struct piece *piece = &range->pieces[piece_at(range, at)];
    bool in_view = range->access == FL_VIEW_READ_WRITE && piece->kind == VIEW && at - piece->start < piece->mapped;
    *left = (in_view ? piece->start + piece->mapped : piece->end) - at;
    fd = in_view ? range->fd : -1;
  }
  ReleaseSRWLockShared(&lock);
  return fd;
}

static int drop_copies(struct range *range, size_t start, size_t end) {
  int result = 0;
  /* From the end, since filling may cut a piece in two. */
  for (size_t i = range->count; result == 0 && range->access == FL_VIEW_COPY_ON_WRITE && i-- > 0;) {
    const struct piece *piece = &range->pieces[i];
    if (piece->kind != VIEW || piece->start < start || piece->end > end)
      continue;
    result = empty(range, &range->pieces[i]);
    if (result == 0)
      result = fill_with_file(range, i);
  }
  return result;
}

int fl_windows_drop_copies(void *base, size_t span) {
  AcquireSRWLockExclusive(&lock);
  struct range *range = range_at((uintptr_t)base);
  size_t start = range == NULL ? 0 : (uintptr_t)base - range->base;
  int result = range == NULL ? 0 : drop_copies(range, start, start + span);
  ReleaseSRWLockExclusive(&lock);
  return result;
}

static void empty_views(struct range *range) {
  for (size_t i = 0; i < range->count; i++)
    if (range->pieces[i].kind == VIEW)
      empty(range, &range->pieces[i]);
}

int fl_windows_resize(int fd, uint64_t size, bool is_cut) {
  AcquireSRWLockExclusive(&lock);
  for (struct range *range = ranges; is_cut && range != NULL; range = range->next)
    if (range->fd == fd)
      empty_views(range);
  int result = fl_windows_set_size(fd, size);
  for (struct range *range = ranges; range != NULL; range = range->next)
    if (range->fd == fd)
      fill_holes(range, 0, range->span);
  ReleaseSRWLockExclusive(&lock);
  return result;
}

/* --- faults ------------------------------------------------------------------------------------------------------ */

/*
 * Of a page that cannot be read some systems say no more than of one that is not mapped (Wine). So a load that fails where
 * a view is, is repeated; it is lost when it fails again though nothing has been mapped meanwhile. Under the lock.
 */
static bool has_failed_before(uintptr_t address) {
  enum { REMEMBERED = 64 };
  static struct {
    DWORD thread;
    uintptr_t address;
    unsigned changes;
  } failures[REMEMBERED];
  DWORD thread = GetCurrentThreadId();
  size_t i = (thread / 4) % REMEMBERED;
  bool again = failures[i].thread == thread && failures[i].address == address && failures[i].changes == changes;
  failures[i].thread = again ? 0 : thread;
  failures[i].address = address;
  failures[i].changes = changes;
  return again;
}

static bool is_past_view(const struct piece *piece, size_t at) {
  return piece->kind == HOLE || (piece->kind == VIEW && at - piece->start >= piece->mapped);
}

static enum fl_windows_fault judge(struct range *range, uintptr_t address, bool is_store, bool by_device) {
  size_t at = address - range->base;
  const struct piece *piece = &range->pieces[piece_at(range, at)];
  if (piece->kind == ZEROS)
    return fl_windows_commit_zeros(address) ? FL_FAULT_RETRY : FL_FAULT_FOREIGN;
  if (is_past_view(piece, at)) {
    fill_holes(range, at, at + 1);
    return is_past_view(&range->pieces[piece_at(range, at)], at) ? FL_FAULT_LOST : FL_FAULT_RETRY;
  }
  if (is_store && range->access == FL_VIEW_READ_ONLY)
    return FL_FAULT_FOREIGN;
  return by_device || has_failed_before(address) ? FL_FAULT_LOST : FL_FAULT_RETRY;
}

enum fl_windows_fault fl_windows_judge(uintptr_t address, bool is_store, bool by_device) {
  AcquireSRWLockExclusive(&lock);
  struct range *range = range_at(address);
  enum fl_windows_fault fault = range == NULL ? FL_FAULT_FOREIGN : judge(range, address, is_store, by_device);
  ReleaseSRWLockExclusive(&lock);
  return fault;
}
