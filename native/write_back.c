/*
 * Whether what was stored reached the device. Of a write that failed the kernel tells once, to whichever call waits for the
 * file's writes next, be it flush or evict, and takes the pages for written (errseq_t; fsync(2), "Reporting of errors"). So
 * the first error of a mapping is kept until somebody refreshes, and no flush passes before all calls that may have been
 * told of one have noted it.
 */
#include "guard.h"
#include "os.h"
#include "pages.h"
#include "succession.h"

/* A call that is under way, on the stack of its thread. */
struct call {
  const struct fl_mapping *mapping;
  uint64_t began; /* counts beginnings and ends */
  struct call *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* never held while a device is waited for */
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct call *calls;
static uint64_t count;

static void begin(struct call *call, const struct fl_mapping *m) {
  pthread_mutex_lock(&lock);
  *call = (struct call){m, ++count, calls};
  calls = call;
  pthread_mutex_unlock(&lock);
}

static void take_out(struct call *call) {
  struct call **link = &calls;
  while (*link != call)
    link = &(*link)->next;
  *link = call->next;
}

static bool is_earlier_under_way(const struct fl_mapping *m, uint64_t end) {
  for (const struct call *call = calls; call != NULL; call = call->next)
    if (call->mapping->first == m->first && call->began < end)
      return true;
  return false;
}

/* The error is noted, if there is one, before anybody can see that the call has ended. */
static void end(struct call *call, struct fl_mapping *m, int result) {
  int none = 0;
  pthread_mutex_lock(&lock);
  if (result < 0) /* whatever it says: a file system may answer a write with any error */
    atomic_compare_exchange_strong(&m->first->write_error, &none, -result);
  take_out(call);
  pthread_cond_broadcast(&ended);
  for (uint64_t now = ++count; is_earlier_under_way(m, now);)
    pthread_cond_wait(&ended, &lock);
  pthread_mutex_unlock(&lock);
}

int fl_write_back(const struct fl_operation *op, int (*write)(const struct fl_operation *op)) {
  struct call call;
  begin(&call, op->mapping);
  int result = write(op);
  end(&call, op->mapping, result);
  return result;
}

static int write_only(const struct fl_operation *op) { return fl_os_flush(op->mapping->fd, op->base, op->span); }

/*
 * A page that was replaced by zeros is no page of the file any more: stores into it are lost, so it must not pass. The longest
 * mapping comes first, and covers what others have of the range.
 */
static int flush(const struct fl_operation *op, void *longest) {
  if (op->span == 0)
    return 0;
  if (op->mapping->entry.id == *(const fl_id *)longest || !fl_os_flushes_other_mappings())
    fl_write_back(op, write_only);
  int error = atomic_load(&op->mapping->first->write_error);
  return error != 0 ? -FL_DEVICE - error : fl_guard_verdict(op);
}

int fl_flush(fl_id id, uint64_t offset, uint64_t length) { return fl_act_on_all(id, offset, length, flush, &id); }
