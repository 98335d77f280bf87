/*
 * The waits that there are, and how the outcome of each gets to those who asked.
 *
 * Waits are entries of a table, so that an id which is gone names nothing. All that several threads see of a wait, of a
 * watcher and of an inbox is guarded by the table's lock; under it nobody waits for anything.
 */
#include "os.h"
#include "table.h"
#include "waiter.h"
#include <errno.h>
#include <stdlib.h>

static struct fl_table waits = FL_TABLE_INIT(struct fl_wait);

void fl_waits_lock(void) { pthread_mutex_lock(&waits.lock); }
void fl_waits_unlock(void) { pthread_mutex_unlock(&waits.lock); }

struct fl_wait *fl_wait_insert(void) {
  return fl_table_insert(&waits);
}

void fl_wait_remove(struct fl_wait *wait) {
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
    fl_wait_remove(wait);
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
    fl_wait_remove(done);
    done = next;
  }
  return count;
}

/*
 * The thread first says that it sleeps, and then has the kernel compare the news; here it is the other way round, so
 * that one of the two notices the other.
 */
void fl_watcher_stir(struct fl_watcher *watcher, const struct fl_wait *wait) {
  atomic_fetch_add(&watcher->news, 1);
  if (atomic_exchange(&watcher->is_asleep, false))
    fl_os_futex_wake(&watcher->news, 1, true);
  if (watcher->most == 1 && wait != NULL && fl_window_has(wait->address))
    fl_os_futex_interrupt(wait->address, fl_wait_mask(wait));
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
    fl_wait_remove(done);
    done = next;
  }
  if (is_over)
    free(inbox);
}

void fl_waits_end(fl_id mapping) {
  fl_waits_lock();
  if (waits.live > 0)
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

size_t fl_wait_count(void) {
  fl_waits_lock();
  size_t live = waits.live;
  fl_waits_unlock();
  return live;
}
