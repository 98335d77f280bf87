/*
 * What the parts of waiting share: window.c, where words are seen; inbox.c, which waits there are and who is told;
 * waiter_thread.c, the threads that sleep in the kernel. Above them all waiter.c waits and notifies.
 */
#ifndef FAULTLESS_WAITER_H
#define FAULTLESS_WAITER_H

#include "mapping.h"
#include "os.h"

/* --- window.c ----------------------------------------------------------------------------------------------------- */

/*
 * A second look at the pages of a mapping, as they are in the file: the mapping itself may have private copies of them,
 * zeros where it was damaged, and nothing once it is closed. Nobody loads from it but the kernel, which reports what
 * cannot be loaded instead of killing the process. It costs address space, and a page table entry a page with a word.
 */
struct fl_window {
  unsigned refs; /* of the mapping, and of each wait; guarded by window.c's lock */
  void *base;
  size_t span;
};

/* The window of the operation's mapping, which is made where there is none, with one reference more: 0 or -errno. */
int fl_window_acquire(const struct fl_operation *op, struct fl_window **window);
void fl_window_release(struct fl_window *window);

/* Where an operation's first byte is seen. */
const void *fl_window_address(const struct fl_window *window, const struct fl_operation *op);

/* Whether the page of an address is known to be in memory, so that to ask for it waits for nobody. */
bool fl_window_has(const void *address);

/* The mapping needs its window no more. */
void fl_window_drop(struct fl_mapping *mapping);

/* Its page tables hold none of a range of the mapping's any more, so that the page cache can let them go. */
void fl_window_drop_entries(const struct fl_operation *op);

/* --- a wait, and who serves it ------------------------------------------------------------------------------------ */

struct fl_wait {
  struct fl_entry entry;
  struct fl_inbox *inbox;
  struct fl_window *window;
  fl_id mapping;
  uint64_t offset;
  const void *address;
  uint32_t expected;
  int64_t deadline; /* by fl_os_now */
  bool was_equal;   /* the thread has found the word as expected */
  struct fl_watcher
      *watcher; /* whose thread has it; NULL once it has ended. Guarded by the waits' lock, as is the rest */
  int verdict;  /* why it is to end, if anybody said so: -ECANCELED or -FL_CLOSED */
  int result;
  struct fl_wait *next; /* in the watcher's list of new ones, then in the inbox */
};

/* The mask of a lone sleeper: who shares it is woken for nothing when that one is interrupted. */
static inline uint32_t fl_wait_mask(const struct fl_wait *wait) { return (uint32_t)1 << (wait->entry.index % 32); }

/*
 * One thread, and the waits that it serves. With many futexes to a call, the first is the watcher's own word, by which
 * it hears of news; else it has one wait at most.
 */
struct fl_watcher {
  struct fl_watcher *next;                       /* guarded by the waits' lock, as are the next five */
  bool started;                                  /* a thread has taken it on */
  size_t most;                                   /* waits at a time */
  size_t count;                                  /* waits that it has, new ones included */
  fl_id mapping;                                 /* that of all of them, or 0 */
  struct fl_wait *incoming;                      /* new ones, the last first */
  _Atomic uint32_t news;                         /* counts calls for its attention */
  _Atomic bool is_asleep;                        /* and nobody has called since it fell asleep */
  struct fl_wait *waits[FL_OS_MOST_FUTEXES - 1]; /* from here on only for its thread */
  size_t held;
};

/* --- inbox.c ------------------------------------------------------------------------------------------------------ */

/* Where a thread hears of its waits. Guarded by the waits' lock. */
struct fl_inbox {
  void (*ring)(void *context); /* NULL once it is closed; then the last wait frees it */
  void *context;
  size_t pending;                         /* waits that watchers have */
  struct fl_wait *first_done, *last_done; /* whose outcome has come */
};

/* That lock, under which nobody waits for anything. */
void fl_waits_lock(void);
void fl_waits_unlock(void);

/* A new wait, or NULL; and the end of one, of which nobody else knows any more. Without the lock. */
struct fl_wait *fl_wait_insert(void);
void fl_wait_remove(struct fl_wait *wait);

/* A wait has ended: tells its inbox. Without the lock; for the watcher's thread. */
void fl_wait_finish(struct fl_wait *wait, int result);

/* A mapping was closed: its waits end with -FL_CLOSED. */
void fl_waits_end(fl_id mapping);

/* Calls for the attention of a watcher's thread; `wait`: one that it may be asleep over. With the lock held. */
void fl_watcher_stir(struct fl_watcher *watcher, const struct fl_wait *wait);

/* --- waiter_thread.c ---------------------------------------------------------------------------------------------- */

/* Has a thread serve a wait: 0, -ENOMEM or -EAGAIN where none is to be had. With the lock held. */
int fl_watcher_assign(struct fl_wait *wait);

#endif
