/*
 * Who waits on words of files, on which thread, and how the outcome gets to those who asked.
 *
 * Waits are entries of a table, so that an id which is gone names nothing. All that several threads see of a wait, of a
 * watcher and of an inbox is guarded by the table's lock; under it nobody waits for anything.
 */
#include "waiter.h"
#include "guard.h"
#include "os.h"
#include "pages.h"
#include "table.h"
#include <errno.h>
#include <stdlib.h>

enum { MOST_WATCHERS = 512 }; /* threads; each serves 127 waits, or one where the kernel has no futex_waitv */

/*
 * Before it sleeps the kernel fetches the page of each word, and one that was reclaimed comes from the device: that holds up
 * all that the same thread waits for. So with fewer threads than these each has waits of one mapping.
 */
enum { MOST_WATCHERS_APART = 8 };

struct fl_inbox {
  void (*ring)(void *context); /* NULL once it is closed; then the last wait frees it */
  void *context;
  size_t pending;                         /* waits that watchers have */
  struct fl_wait *first_done, *last_done; /* whose outcome has come */
};

static struct fl_table waits = FL_TABLE_INIT(struct fl_wait);
static struct fl_watcher *watchers; /* the oldest first; guarded by the table's lock, as is the next */
static size_t watcher_count;

void fl_waits_lock(void) { pthread_mutex_lock(&waits.lock); }
void fl_waits_unlock(void) { pthread_mutex_unlock(&waits.lock); }

struct fl_watcher *fl_watcher_claim(void) {
  struct fl_watcher *watcher = watchers;
  while (watcher->started)
    watcher = watcher->next;
  watcher->started = true;
  return watcher;
}

void fl_watcher_leave(struct fl_watcher *watcher) {
  struct fl_watcher **at = &watchers;
  while (*at != watcher)
    at = &(*at)->next;
  *at = watcher->next;
  watcher_count--;
}

static void remove_wait(struct fl_wait *wait) {
  fl_table_release(&waits, wait);
  fl_table_remove(&waits, wait);
}

void fl_wait_finish(struct fl_wait *wait, int result) {
  struct fl_inbox *inbox = wait->inbox;
  fl_window_release(wait->window);
  fl_waits_lock();
  wait->watcher->count--;
  wait->watcher = NULL;
  wait->result = result;
  wait->next = NULL;
  inbox->pending--;
  bool is_closed = inbox->ring == NULL;
  bool is_first = inbox->first_done == NULL;
  if (!is_closed) {
    *(is_first ? &inbox->first_done : &inbox->last_done->next) = wait;
    inbox->last_done = wait;
    if (is_first)
      inbox->ring(inbox->context);
  }
  bool is_over = is_closed && inbox->pending == 0;
  fl_waits_unlock();
  if (is_closed)
    remove_wait(wait);
  if (is_over)
    free(inbox);
}

struct fl_inbox *fl_inbox_create(void (*ring)(void *context), void *context) {
  struct fl_inbox *inbox = calloc(1, sizeof *inbox);
  if (inbox != NULL) {
    inbox->ring = ring;
    inbox->context = context;
  }
  return inbox;
}

size_t fl_inbox_take(struct fl_inbox *inbox, struct fl_wait_result *results, size_t most) {
  size_t count = 0;
  fl_waits_lock();
  struct fl_wait *done = inbox->first_done;
  struct fl_wait *rest = done;
  for (; rest != NULL && count < most; rest = rest->next)
    results[count++] = (struct fl_wait_result){rest->entry.id, rest->result};
  inbox->first_done = rest;
  fl_waits_unlock();
  while (done != rest) {
    struct fl_wait *next = done->next;
    remove_wait(done);
    done = next;
  }
  return count;
}

static void give_verdict(struct fl_wait *wait, int verdict) {
  if (wait->watcher == NULL) /* it has ended, or has not begun */
    return;
  wait->verdict = verdict;
  fl_watcher_stir(wait->watcher, wait);
}

/* Ends all waits of an inbox or of a mapping; with the lock held. */
static void end_all(const struct fl_inbox *inbox, fl_id mapping, int verdict) {
  uint32_t used = atomic_load(&waits.used);
  for (uint32_t i = 0; i < used; i++) {
    struct fl_wait *wait = fl_table_at(&waits, i);
    if (wait->watcher != NULL && (wait->inbox == inbox || wait->mapping == mapping))
      give_verdict(wait, verdict);
  }
}

void fl_inbox_close(struct fl_inbox *inbox) {
  fl_waits_lock();
  struct fl_wait *done = inbox->first_done;
  inbox->ring = NULL;
  if (inbox->pending > 0)
    end_all(inbox, 0, -ECANCELED);
  bool is_over = inbox->pending == 0;
  fl_waits_unlock();
  while (done != NULL) {
    struct fl_wait *next = done->next;
    remove_wait(done);
    done = next;
  }
  if (is_over)
    free(inbox);
}

void fl_waits_end(fl_id mapping) {
  fl_waits_lock();
  if (watchers != NULL)
    end_all(NULL, mapping, -FL_CLOSED);
  fl_waits_unlock();
}

void fl_wait_cancel(fl_id id) {
  fl_waits_lock();
  struct fl_wait *wait = fl_table_acquire_locked(&waits, id);
  if (wait != NULL) {
    give_verdict(wait, -ECANCELED);
    wait->entry.refs--; /* never the last, which goes after the lock has been held */
  }
  fl_waits_unlock();
}

static int add_watcher(struct fl_watcher **added) {
  struct fl_watcher *watcher = watcher_count < MOST_WATCHERS ? calloc(1, sizeof *watcher) : NULL;
  if (watcher == NULL)
    return watcher_count < MOST_WATCHERS ? -ENOMEM : -EAGAIN;
  watcher->most = fl_os_can_wait_for_many() ? FL_OS_MOST_FUTEXES - 1 : 1;
  int result = fl_os_spawn(fl_watcher_run); /* which first waits for the lock */
  if (result < 0) {
    free(watcher);
    return result;
  }
  struct fl_watcher **end = &watchers;
  while (*end != NULL)
    end = &(*end)->next;
  *end = watcher;
  watcher_count++;
  *added = watcher;
  return 0;
}

/* The first watcher that has room, of those that have waits of this mapping, or none; or of all. */
static struct fl_watcher *find_watcher(fl_id mapping, bool of_all) {
  for (struct fl_watcher *watcher = watchers; watcher != NULL; watcher = watcher->next)
    if (watcher->count < watcher->most && (of_all || watcher->count == 0 || watcher->mapping == mapping))
      return watcher;
  return NULL;
}

/* Gives a wait to a watcher: with the lock held. */
static int assign(struct fl_wait *wait) {
  struct fl_watcher *watcher = find_watcher(wait->mapping, false);
  if (watcher == NULL && watcher_count >= MOST_WATCHERS_APART)
    watcher = find_watcher(wait->mapping, true);
  int result = watcher == NULL ? add_watcher(&watcher) : 0;
  if (result < 0) /* no thread more is to be had: rather with waits of another mapping than not at all */
    watcher = find_watcher(wait->mapping, true);
  if (watcher == NULL)
    return result;
  /* One that serves several is no mapping's own, until it has none. */
  watcher->mapping = watcher->count == 0 || watcher->mapping == wait->mapping ? wait->mapping : 0;
  watcher->count++;
  wait->watcher = watcher;
  wait->next = watcher->incoming;
  watcher->incoming = wait;
  wait->inbox->pending++;
  fl_watcher_stir(watcher, NULL);
  return 0;
}

static int64_t deadline_after(int64_t timeout_ns) {
  int64_t now = fl_os_now();
  return timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
}

/* The page is in memory: enters the wait. */
static int enter(const struct fl_operation *op, struct fl_inbox *inbox, const struct fl_wait_request *request,
                 struct fl_window *window, fl_id *id) {
  struct fl_wait *wait = fl_table_insert(&waits);
  if (wait == NULL)
    return -ENOMEM;
  fl_waits_lock();
  wait->inbox = inbox;
  wait->window = window;
  wait->mapping = request->mapping;
  wait->offset = request->offset;
  wait->address = fl_window_address(window, op);
  wait->expected = (uint32_t)request->expected;
  wait->deadline = deadline_after(request->timeout_ns);
  wait->was_equal = false;
  wait->verdict = 0;
  *id = wait->entry.id;
  int result = assign(wait);
  fl_waits_unlock();
  if (result < 0)
    remove_wait(wait);
  return result;
}

static int wait_on(const struct fl_operation *op, struct fl_inbox *inbox, const struct fl_wait_request *request,
                   fl_id *id) {
  struct fl_window *window;
  if (((uintptr_t)op->data & 3) != 0)
    return -EINVAL;
  int result = fl_window_acquire(op, &window);
  if (result < 0)
    return result;
  bool can_tell = !request->loaded && fl_residency_is_honest(op->mapping) && fl_guard_seems_intact(op);
  if (request->loaded || (can_tell && fl_window_has(fl_window_address(window, op))))
    result = enter(op, inbox, request, window, id);
  else
    result = -FL_ABSENT;
  if (result < 0)
    fl_window_release(window);
  return result;
}

int fl_wait(struct fl_inbox *inbox, const struct fl_wait_request *request, fl_id *id) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, request->mapping, request->offset, sizeof(uint32_t));
  if (result < 0)
    return result;
  result = wait_on(&op, inbox, request, id);
  fl_operation_end(&op, 0); /* where it is being closed by now, the wait has been entered, and will be ended */
  return result;
}

size_t fl_wait_count(void) {
  fl_waits_lock();
  size_t live = waits.live;
  fl_waits_unlock();
  return live;
}

size_t fl_wait_thread_count(void) {
  fl_waits_lock();
  size_t count = watcher_count;
  fl_waits_unlock();
  return count;
}
