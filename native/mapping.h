/*
 * What the files of the core share about a mapping: its entry, and the bracket around every operation on one. What they
 * ask of each other besides is declared in a header for each subject.
 */
#ifndef FAULTLESS_MAPPING_H
#define FAULTLESS_MAPPING_H

#include "os.h"
#include "table.h"

/* What mirror.c keeps of a mapping. Only the first two words and the atomics are for other threads than its own. */
struct fl_mirror {
  _Atomic(uint8_t) *memory; /* FL_MIRROR_PAGES bytes of header, a byte a page, two a block; NULL of an empty mapping */
  unsigned believed;        /* epochs for which an entry is believed; 0: none are written, and the mirror never wakes */
  size_t pages;
  size_t blocks;
  int64_t tick_ns;      /* an epoch */
  int64_t next_tick;    /* by fl_os_now */
  int64_t next_sweep;   /* the same */
  int64_t sweep_began;  /* the same */
  size_t cursor;        /* the block with which the sweep goes on; 0: none is under way */
  bool in_use;          /* the sweep has found a block that is looked at */
  unsigned quiet;       /* sweeps in a row that found nothing in use */
  int64_t changed_ns;   /* when the file was last changed, as far as known, */
  uint64_t size;        /* and how many bytes it had */
  size_t whole_pages;   /* from the first, that it did not lose, not even in part */
  unsigned since_aging; /* epochs */
  _Atomic bool awake;   /* the mirror's thread looks after it */
  _Atomic bool marked;  /* something was touched since the last sweep */
  _Atomic unsigned forgets;
};

/* What pins.c and pinned_pages.c keep of a mapping. */
struct fl_pins {
  pthread_mutex_t lock; /* guards all of it, and that a page is locked while its count is not 0 */
  _Atomic(_Atomic(uint32_t) *)
      counts;           /* one a page: how many pins hold it. NULL before the first pin; read by anyone */
  size_t low, high;     /* pages that ever were held lie in [low, high) */
  size_t held;          /* pages that are */
  struct fl_pin *first; /* those that hold pages */
  void *window;         /* what is locked instead of the mapping, where locking would copy its pages; else NULL */
};

struct fl_mapping {
  struct fl_entry entry;
  const struct fl_mapping_ends *ends; /* mapping_table.h: what comes when nobody holds it */
  _Atomic uintptr_t base; /* first page of the range; 0 while there is none. The fault guard reads it without a lock */
  _Atomic size_t span;    /* bytes of the range, whole pages */
  size_t lead;            /* bytes from `base` to the first byte that the user asked for */
  uint64_t length;        /* bytes that the user asked for; the file may have fewer */
  uint64_t file_offset;   /* of `base` in the file, in bytes */
  _Atomic int fd;         /* -1 once closed; a late fault handler may read it then */
  enum fl_mode mode;
  int64_t freshness_ns; /* of the mirror, as it was asked for */
  bool copy_on_write;
  _Atomic bool borrowed; /* the range lies in memory of somebody else's, which is never unmapped here */
  bool laid;             /* pages of the file were laid over borrowed memory: zeros are to be left there */
  bool fills_buffer;     /* the borrowed range is all of a buffer, and not a part of another mapping's */
  unsigned holders;      /* of such a buffer; guarded by the table's lock */
  _Atomic int folios;    /* blocks.c: how large those of the file are */
  _Atomic int copies;    /* transfer.c: where those of the file can be had from */
  _Atomic int honest;    /* whether the kernel tells residency of this file: 1, 0, or -1 before anyone asked */

  bool follows;
  _Atomic bool taken_over; /* growth.c: it has the advice of the one before */
  _Atomic uint64_t
      known_end; /* bytes from `base` to the end of what is asked for: the file's, as last known, if it follows */

  struct fl_mapping *outgrown; /* succession.c: the one before this, with a reference; or NULL */
  unsigned successors;         /* that hold this one as `outgrown`; guarded by the table's lock */
  struct fl_mapping *first;    /* of those that have followed one another: what comes next is that one's for all */
  struct fl_mapping *longest;  /* of the first: the last that has followed, or NULL; guarded by the table's lock */
  pthread_mutex_t writing;     /* held by whoever writes to the file or cuts it, so that no write makes it grow again */
  _Atomic int write_error;     /* errno of the first write-back that failed: whose stores were lost, nobody knows */

  _Atomic bool closed;
  unsigned running; /* operations under way; guarded by the table's lock */
  bool closing;     /* somebody is closing it; guarded by the table's lock, as are the next five */
  bool abandoned;   /* nobody waits for it to be closed: the last operation has the reaper do it */
  bool is_left;     /* its last handle was closed: nobody attaches any more */
  bool was_left;    /* some handle was closed */
  bool ends_kept; /* the last that ended, but for those that were given up, was not closed: its memory may be in use */
  unsigned handles; /* that are open */

  pthread_mutex_t
      refreshing; /* held by whoever maps pages anew: each mapping has its own, as a device may be waited for */
  _Atomic unsigned refreshes; /* odd while pages are being mapped anew: what is read meanwhile cannot be trusted */
  _Atomic unsigned faults;    /* that the guard has begun to handle */
  _Atomic unsigned handling;  /* that it is handling now */
  int64_t changed_ns;         /* when the file was last changed before it was mapped, */
  uint64_t size_then;         /* and how many bytes it had */
  _Atomic bool device_failed; /* some page was lost though nobody had changed the file */
  _Atomic int
      advice;        /* on access, last given for all of it: enum fl_advice, or -1; pages that are mapped anew get it */
  _Atomic bool huge; /* FL_HUGEPAGE was given for all of it */
  _Atomic uint64_t damaged_pages;
  _Atomic uint64_t
      alone; /* at most so many damaged pages were replaced one by one: each takes map entries of its own */
  _Atomic(uint64_t) *damage; /* one bit a page of the range: replaced by zeros */
  struct fl_mirror mirror;
  struct fl_pins pins;
  struct fl_window *window; /* made when somebody first waits or notifies; guarded by window.c's lock */
};

/* An operation on a range, from fl_operation_begin to fl_operation_end. */
struct fl_operation {
  struct fl_mapping *mapping;
  unsigned char *data;  /* the first byte of the range itself */
  void *base;           /* its first page */
  size_t span;          /* of its pages, in bytes; 0 for an empty range */
  uint64_t file_offset; /* of `base` */
  uint64_t file_end;    /* of the range itself: where the file must at least reach */
  unsigned refreshes;   /* of the mapping, when the operation began */
};

/* A run of pages, counted from the mapping's first: [first, end). */
struct fl_run {
  size_t first, end;
};

/* The first page of the range; and all of them. */
static inline size_t fl_first_page(const struct fl_operation *op) {
  return ((uintptr_t)op->base - atomic_load(&op->mapping->base)) / fl_os_page_size();
}

static inline struct fl_run fl_pages_of(const struct fl_operation *op) {
  size_t first = fl_first_page(op);
  return (struct fl_run){first, first + op->span / fl_os_page_size()};
}

static inline void *fl_page_address(const struct fl_mapping *mapping, size_t page) {
  return (void *)(atomic_load(&mapping->base) + page * fl_os_page_size());
}

/*
 * Looks a mapping up, checks the range and widens it to pages: the one place that does. 0, -FL_CLOSED, or -ERANGE for
 * a range that leaves the mapping. After 0 the mapping's descriptor and pages stay until fl_operation_end.
 */
int fl_operation_begin(struct fl_operation *op, fl_id id, uint64_t offset, uint64_t length);

/* Ends it; returns `result`, or -FL_CLOSED where the mapping was closed meanwhile and the result means nothing. */
int fl_operation_end(struct fl_operation *op, int result);

/* The whole bracket around what is done to a range; again where pages were mapped anew meanwhile. */
typedef int fl_act(const struct fl_operation *op, void *argument);
int fl_act_on(fl_id id, uint64_t offset, uint64_t length, fl_act *act, void *argument);

/*
 * For the mirror's thread: begins an operation on all of the next mapping whose mirror is awake, from the table's entry
 * `*index` on, and moves that past it; false when there is none.
 */
bool fl_operation_begin_next(struct fl_operation *op, uint32_t *index);

/*
 * For overlay.c: as fl_mapping_create, for pages that are going to be laid over memory of the caller's: as yet nothing
 * is. From now on the guard takes that range for this mapping's. -EBUSY where part of it is another's.
 */
int fl_mapping_create_over(const struct fl_map_request *request, void *address, fl_id *id);

/* mapping_setup.c: the file was found to have so many bytes. */
void fl_mapping_note_size(struct fl_mapping *mapping, uint64_t size);

#endif
