/*
 * The threads that sleep in the kernel for those who wait, many waits to a thread: a wait costs no thread of a pool, and
 * what waits costs no processor time. They live while there are waits.
 *
 * A thread that has been woken is on no word's list for a moment, and of several words that were notified it learns of
 * one. So it then compares all of its words: one that is no longer as expected counts as notified. That is why
 * whoever notifies must have stored before, as with any futex, and why a wait may end that nobody notified.
 */
#include "guard.h"
#include "os.h"
#include "waiter.h"
#include <errno.h>
#include <stdlib.h>

enum { MOST_WATCHERS = 512 }; /* threads; each serves 127 waits, or one where the kernel has no futex_waitv */

/*
 * Before it sleeps the kernel fetches the page of each word, and one that was reclaimed comes from the device: that holds up
 * all that the same thread waits for. So with fewer threads than these each has waits of one mapping.
 */
enum { MOST_WATCHERS_APART = 8 };

static const int64_t GRACE = 500000000;  /* ns for which a thread without waits stays: the next often comes at once */
static const int64_t SLICE = 1000000000; /* ns: how late a lone sleeper hears of a cancellation at worst */

static struct fl_watcher *watchers; /* the oldest first; guarded by the waits' lock, as is the next */
static size_t watcher_count;

/* With the lock held: takes a watcher on that no thread has yet. */
static struct fl_watcher *claim(void) {
  struct fl_watcher *watcher = watchers;
  while (watcher->started)
    watcher = watcher->next;
  watcher->started = true;
  return watcher;
}

/* With the lock held: forgets a watcher that has nothing to do, which its thread then frees. */
static void leave(struct fl_watcher *watcher) {
  struct fl_watcher **at = &watchers;
  while (*at != watcher)
    at = &(*at)->next;
  *at = watcher->next;
  watcher_count--;
}

static void finish(struct fl_watcher *watcher, size_t index, int result) {
  struct fl_wait *wait = watcher->waits[index];
  watcher->waits[index] = NULL;
  fl_wait_finish(wait, result);
}

/* Closes the gaps that ended waits have left; the order stays. */
static void close_gaps(struct fl_watcher *watcher) {
  size_t held = 0;
  for (size_t i = 0; i < watcher->held; i++)
    if (watcher->waits[i] != NULL)
      watcher->waits[held++] = watcher->waits[i];
  watcher->held = held;
}

/* Where the mapping is gone or the file does not say why, it is as when a page cannot be loaded (populate.c). */
static int why_unreadable(const struct fl_wait *wait) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, wait->mapping, wait->offset, sizeof(uint32_t));
  if (result < 0)
    return result;
  result = fl_guard_explain(&op);
  if (result == 0)
    result = fl_guard_blames_device(op.mapping, op.file_end - 1) ? -FL_DEVICE - EIO : -FL_TRUNCATED;
  return fl_operation_end(&op, result);
}

enum { PENDING = 1000 };

/* What a look at its word makes of a wait: its result, or PENDING. */
static int look(const struct fl_wait *wait, int64_t now) {
  int compared = fl_os_futex_compare(wait->address, wait->expected);
  if (compared == -EFAULT) /* once more: the device may have failed for a moment */
    compared = fl_os_futex_compare(wait->address, wait->expected);
  if (compared == -EFAULT)
    return why_unreadable(wait);
  if (compared == -EAGAIN)
    return wait->was_equal ? FL_WAIT_OK : FL_WAIT_NOT_EQUAL;
  if (compared < 0)
    return compared;
  return wait->deadline <= now ? FL_WAIT_TIMED_OUT : PENDING;
}

/* Ends those of the waits that a look at their words ends: all of them, or those that are new. */
static void look_at(struct fl_watcher *watcher, bool only_new) {
  int64_t now = fl_os_now();
  for (size_t i = 0; i < watcher->held; i++) {
    struct fl_wait *wait = watcher->waits[i];
    if (only_new && wait->was_equal)
      continue;
    int result = look(wait, now);
    wait->was_equal = true;
    if (result != PENDING)
      finish(watcher, i, result);
  }
  close_gaps(watcher);
}

/* They are listed the last first. With the lock held. */
static void take_incoming(struct fl_watcher *watcher) {
  size_t count = 0;
  for (struct fl_wait *wait = watcher->incoming; wait != NULL; wait = wait->next)
    count++;
  size_t at = watcher->held += count;
  for (struct fl_wait *wait = watcher->incoming; wait != NULL; wait = wait->next)
    watcher->waits[--at] = wait;
  watcher->incoming = NULL;
}

/*
 * What ends a wait that was given up. Of several words that were notified the kernel tells of one; what a notification has left of
 * the others is the change of their words, and who was told of it would not be told again.
 */
static int last_look(const struct fl_wait *wait, int verdict) {
  if (verdict != -ECANCELED || !wait->was_equal || !fl_window_has(wait->address))
    return verdict;
  return fl_os_futex_compare(wait->address, wait->expected) == -EAGAIN ? FL_WAIT_OK : verdict;
}

/*
 * Takes new waits on and ends those that were cancelled. What comes after `*news` was read has the kernel refuse to sleep.
 * False: the thread was ready to leave, and there is nothing to do.
 */
static bool hear_news(struct fl_watcher *watcher, bool is_ready_to_leave, uint32_t *news) {
  int verdicts[FL_OS_MOST_FUTEXES];
  fl_waits_lock();
  *news = atomic_load(&watcher->news);
  take_incoming(watcher);
  for (size_t i = 0; i < watcher->held; i++)
    verdicts[i] = watcher->waits[i]->verdict;
  bool leaves = is_ready_to_leave && watcher->count == 0;
  if (leaves)
    leave(watcher);
  fl_waits_unlock();
  for (size_t i = 0; i < watcher->held; i++)
    if (verdicts[i] != 0)
      finish(watcher, i, last_look(watcher->waits[i], verdicts[i]));
  close_gaps(watcher);
  look_at(watcher, true);
  return !leaves;
}

static int64_t next_deadline(const struct fl_watcher *watcher) {
  int64_t next = watcher->held == 0 ? fl_os_now() + GRACE : INT64_MAX;
  for (size_t i = 0; i < watcher->held; i++)
    if (watcher->waits[i]->deadline < next)
      next = watcher->waits[i]->deadline;
  return next;
}

static struct fl_os_futex futex_of(const struct fl_wait *wait) {
  return (struct fl_os_futex){.address = wait->address, .expected = wait->expected, .mask = fl_wait_mask(wait)};
}

/* What fl_os_futex_wait says, where the watcher's own word is the first, and the waits follow. */
static int sleep_over_all(const struct fl_watcher *watcher, uint32_t news) {
  struct fl_os_futex futexes[FL_OS_MOST_FUTEXES];
  futexes[0] = (struct fl_os_futex){.address = (const void *)&watcher->news, .expected = news, .is_private = true};
  for (size_t i = 0; i < watcher->held; i++)
    futexes[i + 1] = futex_of(watcher->waits[i]);
  return fl_os_futex_wait(futexes, watcher->held + 1, next_deadline(watcher));
}

static bool was_interrupted(const struct fl_wait *wait) {
  fl_waits_lock();
  bool has_verdict = wait->verdict != 0;
  fl_waits_unlock();
  return has_verdict;
}

/* The same where the kernel takes one word at a time. */
static int sleep_over_one(const struct fl_watcher *watcher) {
  struct fl_os_futex futex = futex_of(watcher->waits[0]);
  int64_t slice = fl_os_now() + SLICE, deadline = next_deadline(watcher);
  int result = fl_os_futex_wait(&futex, 1, slice < deadline ? slice : deadline);
  return result == 0 && !was_interrupted(watcher->waits[0]) ? 1 : result;
}

/*
 * A wait was notified, and with it all those before it on the same word: a notification takes who has been asleep for
 * longest, and these fell asleep in their order.
 */
static void finish_notified(struct fl_watcher *watcher, size_t last) {
  const void *address = watcher->waits[last]->address;
  for (size_t i = 0; i <= last; i++)
    if (watcher->waits[i]->address == address)
      finish(watcher, i, FL_WAIT_OK);
  close_gaps(watcher);
}

static void finish_all(struct fl_watcher *watcher, int result) {
  for (size_t i = 0; i < watcher->held; i++)
    finish(watcher, i, result);
  watcher->held = 0;
}

static void judge(struct fl_watcher *watcher, int result) {
  if (result > 0)
    finish_notified(watcher, (size_t)result - 1);
  else if (result == -EAGAIN || result == -EFAULT || result == -ETIMEDOUT || result == -EINTR)
    look_at(watcher, false);
  else if (result < 0)
    finish_all(watcher, result);
}

static void *run(void *unused) {
  (void)unused;
  fl_waits_lock();
  struct fl_watcher *watcher = claim();
  fl_waits_unlock();
  bool is_ready_to_leave = false;
  uint32_t news;
  while (hear_news(watcher, is_ready_to_leave, &news)) {
    bool is_idle = watcher->held == 0;
    bool is_lone = watcher->most == 1 && !is_idle;
    atomic_store(&watcher->is_asleep, true);
    int result = is_lone ? sleep_over_one(watcher) : sleep_over_all(watcher, news);
    atomic_store(&watcher->is_asleep, false);
    judge(watcher, result);
    is_ready_to_leave = is_idle && result < 0 && result != -EAGAIN && result != -EINTR;
  }
  free(watcher);
  return NULL;
}

static int add_watcher(struct fl_watcher **added) {
  struct fl_watcher *watcher = watcher_count < MOST_WATCHERS ? calloc(1, sizeof *watcher) : NULL;
  if (watcher == NULL)
    return watcher_count < MOST_WATCHERS ? -ENOMEM : -EAGAIN;
  watcher->most = fl_os_can_wait_for_many() ? FL_OS_MOST_FUTEXES - 1 : 1;
  int result = fl_os_spawn(run); /* which first waits for the lock */
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

int fl_watcher_assign(struct fl_wait *wait) {
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

size_t fl_wait_thread_count(void) {
  fl_waits_lock();
  size_t count = watcher_count;
  fl_waits_unlock();
  return count;
}
