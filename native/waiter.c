/* Who waits on words of files, and who notifies them: what both ask of the word's page before. */
#include "waiter.h"
#include "guard.h"
#include "os.h"
#include "pages.h"
#include <errno.h>

static int64_t deadline_after(int64_t timeout_ns) {
  int64_t now = fl_os_now();
  return timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
}

/* The page is in memory: enters the wait. */
static int enter(const struct fl_operation *op, struct fl_inbox *inbox, const struct fl_wait_request *request,
                 struct fl_window *window, fl_id *id) {
  struct fl_wait *wait = fl_wait_insert();
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
  int result = fl_watcher_assign(wait);
  fl_waits_unlock();
  if (result < 0)
    fl_wait_remove(wait);
  return result;
}

/* Futexes are words, and lie as such. */
static int acquire_window_of_word(const struct fl_operation *op, struct fl_window **window) {
  return ((uintptr_t)op->data & 3) != 0 ? -EINVAL : fl_window_acquire(op, window);
}

static int wait_on(const struct fl_operation *op, struct fl_inbox *inbox, const struct fl_wait_request *request,
                   fl_id *id) {
  struct fl_window *window;
  int result = acquire_window_of_word(op, &window);
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

/* In a window that cannot be written to, so that nobody is kept from sleeping by a page that has become dirty. */
static int notify(const struct fl_operation *op, uint32_t count, bool loaded) {
  struct fl_window *window;
  int result = acquire_window_of_word(op, &window);
  if (result < 0)
    return result;
  const void *address = fl_window_address(window, op);
  if (loaded || (fl_residency_is_honest(op->mapping) && fl_window_has(address)))
    result = fl_os_futex_wake(address, count, false);
  else
    result = fl_guard_seems_intact(op) ? -FL_ABSENT : -FL_TRUNCATED;
  fl_window_release(window);
  return result == -EFAULT ? -FL_TRUNCATED : result;
}

int fl_notify(fl_id id, uint64_t offset, uint32_t count, bool loaded) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, sizeof(uint32_t));
  return result < 0 ? result : fl_operation_end(&op, notify(&op, count, loaded));
}
