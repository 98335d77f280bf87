/* Where the words of a file are seen by those who wait on them and those who notify: see waiter.h. */
#include "os.h"
#include "waiter.h"
#include <errno.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the windows of all mappings, and their references */

/* Writes the second only where it succeeds. */
static int make(const struct fl_mapping *m, struct fl_window **window) {
  struct fl_window *made = malloc(sizeof *made);
  if (made == NULL)
    return -ENOMEM;
  made->refs = 1; /* the mapping's */
  made->span = atomic_load(&m->span);
  int result = fl_os_map_window(m->fd, m->file_offset, made->span, &made->base);
  if (result == 0)
    *window = made;
  else
    free(made);
  return result;
}

/* One reference less, with the lock held: true when it was the last. */
static bool is_last(struct fl_window *window) { return window != NULL && --window->refs == 0; }

static void destroy(struct fl_window *window) {
  fl_os_unmap_window(window->base, window->span);
  free(window);
}

int fl_window_acquire(const struct fl_operation *op, struct fl_window **window) {
  struct fl_mapping *m = op->mapping;
  int result = fl_os_can_wait();
  if (result < 0)
    return result;
  pthread_mutex_lock(&lock);
  if (m->window == NULL)
    result = make(m, &m->window);
  if (result == 0) {
    *window = m->window;
    (*window)->refs++;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

void fl_window_release(struct fl_window *window) {
  pthread_mutex_lock(&lock);
  bool last = is_last(window);
  pthread_mutex_unlock(&lock);
  if (last)
    destroy(window);
}

void fl_window_drop(struct fl_mapping *m) {
  pthread_mutex_lock(&lock);
  struct fl_window *window = m->window;
  m->window = NULL;
  bool last = is_last(window);
  pthread_mutex_unlock(&lock);
  if (last)
    destroy(window);
}

void fl_window_drop_entries(const struct fl_operation *op) {
  pthread_mutex_lock(&lock);
  const struct fl_window *window = op->mapping->window;
  size_t at = fl_first_page(op) * fl_os_page_size();
  if (window != NULL)
    fl_os_drop_entries((char *)window->base + at, op->span);
  pthread_mutex_unlock(&lock);
}

const void *fl_window_address(const struct fl_window *window, const struct fl_operation *op) {
  return (const char *)window->base + ((uintptr_t)op->data - atomic_load(&op->mapping->base));
}

bool fl_window_has(const void *address) {
  uint8_t resident = 0;
  void *page = (void *)fl_page_floor((uintptr_t)address);
  return fl_os_residency(page, fl_os_page_size(), &resident) == 0 && (resident & 1) != 0;
}
