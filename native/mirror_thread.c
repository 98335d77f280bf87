/*
 * The thread that looks after residency mirrors: it advances their epochs, and has mincore(2) asked about the blocks of
 * pages that were looked at lately. One for the process, which lives while some mirror is in use. It is not one of the
 * pool: those may all be waiting for a device, and old news would then pass for fresh.
 */
#include "mirror.h"
#include "os.h"
#include "pages.h"

enum {
  QUIET_SWEEPS = 4,   /* with nothing to do, and a mirror falls asleep */
  AGING_EPOCHS = 120, /* less than half of FL_MIRROR_EPOCHS: no entry lives on until its epoch comes round again */
  MOST_LOAD = 10      /* sweeps take no more than one part in so many of a processor's time */
};

static const int64_t MOST_AT_ONCE = 200000; /* ns of a sweep */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards falling asleep, waking, and the three below */
static bool running;
static unsigned wakes;       /* and ends */
static pthread_cond_t woken; /* with the lock; by fl_os_now's clock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *run(void *unused);

static void init_woken(void) { fl_os_init_condition(&woken); }

/*
 * Has the thread look after a mirror that sleeps; what was known before is then no longer believed. Without a thread it stays
 * asleep, and nobody believes it.
 */
static void attend(struct fl_mapping *m) {
  struct fl_mirror *mirror = &m->mirror;
  pthread_once(&once, init_woken);
  pthread_mutex_lock(&lock);
  if (!atomic_load(&mirror->awake) && (running || fl_os_spawn(run) == 0)) {
    running = true;
    wakes++;
    fl_mirror_advance(mirror, mirror->believed);
    fl_mirror_look_at_file(m);
    mirror->quiet = 0;
    mirror->cursor = 0;
    mirror->in_use = false;
    mirror->next_tick = fl_os_now() + mirror->tick_ns;
    mirror->next_sweep = mirror->next_tick;
    atomic_store(&mirror->awake, true);
    atomic_store(&mirror->memory[FL_MIRROR_AWAKE], 1);
    pthread_cond_signal(&woken);
  }
  pthread_mutex_unlock(&lock);
}

static bool has_epochs(const struct fl_mirror *mirror) { return mirror->memory != NULL && mirror->believed > 0; }

void fl_mirror_mark(const struct fl_operation *op) {
  const struct fl_mirror *mirror = &op->mapping->mirror;
  bool is_awake = atomic_load_explicit(&mirror->awake, memory_order_relaxed);
  if (!is_awake && op->span > 0 && has_epochs(mirror))
    attend(op->mapping);
  fl_mirror_know(op);
}

void fl_mirror_note_end(void) {
  pthread_mutex_lock(&lock);
  if (running) {
    wakes++;
    pthread_cond_signal(&woken);
  }
  pthread_mutex_unlock(&lock);
}

void fl_mirror_wake(fl_id id) {
  struct fl_operation op;
  if (fl_operation_begin(&op, id, 0, 0) < 0)
    return;
  if (has_epochs(&op.mapping->mirror))
    attend(op.mapping);
  fl_operation_end(&op, 0);
}

/* Whether a block was looked at in the last sweeps; one sweep less to go. */
static bool take_use(struct fl_mirror *mirror, size_t block) {
  uint8_t uses = mirror_get(&mirror_used(mirror)[block]);
  /* Where the reader marks it at the same time, one of the two stores is lost: no harm is done. */
  if (uses > 0)
    atomic_store(&mirror_used(mirror)[block], (uint8_t)(uses - 1));
  return uses > 0;
}

/*
 * Asks about the blocks that were looked at in the last sweeps, for MOST_AT_ONCE at most, as other threads may want this
 * processor: true when all have had their turn.
 */
static bool sweep_some(const struct fl_operation *op, int64_t began) {
  struct fl_mapping *m = op->mapping;
  struct fl_mirror *mirror = &m->mirror;
  bool can_tell = fl_residency_is_honest(m);
  while (mirror->cursor < mirror->blocks && !atomic_load(&m->closed)) {
    size_t block = mirror->cursor++;
    size_t count = 0;
    while (count < MIRROR_RUN && block + count < mirror->blocks && take_use(mirror, block + count))
      count++;
    if (count == 0)
      continue;
    mirror->cursor = block + count;
    mirror->in_use = true;
    if (can_tell)
      fl_mirror_refresh(op, block, count);
    if (fl_os_thread_cpu_time() - began > MOST_AT_ONCE)
      break;
  }
  return mirror->cursor >= mirror->blocks;
}

/*
 * JavaScript says that it uses a block and then looks whether the mirror is awake; here it is the other way round, so
 * one of the two notices the other.
 */
static void fall_asleep(struct fl_mirror *mirror) {
  pthread_mutex_lock(&lock);
  atomic_store(&mirror->memory[FL_MIRROR_AWAKE], 0);
  bool in_use = false;
  for (size_t block = 0; block < mirror->blocks && !in_use; block++)
    in_use = atomic_load(&mirror_used(mirror)[block]) != 0;
  if (in_use)
    atomic_store(&mirror->memory[FL_MIRROR_AWAKE], 1);
  else
    atomic_store(&mirror->awake, false);
  pthread_mutex_unlock(&lock);
}

static void tick(const struct fl_operation *op, int64_t now) {
  struct fl_mirror *mirror = &op->mapping->mirror;
  int64_t ticks = 1 + (now - mirror->next_tick) / mirror->tick_ns;
  mirror->next_tick += ticks * mirror->tick_ns;
  fl_mirror_advance(mirror, ticks < mirror->believed ? (unsigned)ticks : mirror->believed);
  fl_mirror_look_at_file(op->mapping);
  if (mirror->since_aging >= AGING_EPOCHS)
    fl_mirror_age(mirror);
}

/* Goes on with the sweep that is under way, or begins the next; in the end, falls asleep after several for nothing. */
static void sweep(const struct fl_operation *op, int64_t now) {
  struct fl_mirror *mirror = &op->mapping->mirror;
  if (mirror->cursor == 0)
    mirror->sweep_began = now;
  int64_t began = fl_os_thread_cpu_time();
  bool done = sweep_some(op, began);
  mirror->next_sweep = now + (fl_os_thread_cpu_time() - began) * MOST_LOAD;
  if (!done)
    return;
  if (mirror->next_sweep < mirror->sweep_began + mirror->tick_ns)
    mirror->next_sweep = mirror->sweep_began + mirror->tick_ns;
  bool was_used = atomic_exchange(&mirror->marked, false) || mirror->in_use;
  mirror->quiet = was_used ? 0 : mirror->quiet + 1;
  mirror->cursor = 0;
  mirror->in_use = false;
  if (mirror->quiet >= QUIET_SWEEPS)
    fall_asleep(mirror);
}

static int64_t next_time(const struct fl_mirror *mirror) {
  return mirror->next_sweep < mirror->next_tick ? mirror->next_sweep : mirror->next_tick;
}

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER; /* held by the thread while it holds a mapping */

/* The next mirror that is awake, if its time has come: false when there is none left. */
static bool look_at_next(uint32_t *index, int64_t now, int64_t *next) {
  struct fl_operation op;
  pthread_mutex_lock(&looking);
  bool found = fl_operation_begin_next(&op, index);
  if (found) {
    struct fl_mirror *mirror = &op.mapping->mirror;
    if (mirror->next_tick <= now)
      tick(&op, now);
    if (mirror->next_sweep <= now)
      sweep(&op, now);
    /* Where it fell asleep, whoever wakes it may be setting its time just now, and looks after that itself. */
    if (atomic_load(&mirror->awake) && (*next == 0 || next_time(mirror) < *next))
      *next = next_time(mirror);
    fl_operation_end(&op, 0);
  }
  pthread_mutex_unlock(&looking);
  return found;
}

/* All mirrors that are awake and whose time has come. Returns when to look again, or 0 where all are asleep. */
static int64_t look_at_all(int64_t now) {
  int64_t next = 0;
  for (uint32_t index = 0; look_at_next(&index, now, &next);)
    ;
  return next;
}

/* Waits until a mirror wakes or ends, or `when` has come; at once where one has done so since `wakes` was `seen`. */
static void wait(unsigned seen, int64_t when) {
  pthread_mutex_lock(&lock);
  if (wakes == seen)
    fl_os_wait_until(&woken, &lock, when);
  pthread_mutex_unlock(&lock);
}

/* Whether the thread is to end, as it has nothing to wait for. */
static bool is_over(unsigned seen) {
  pthread_mutex_lock(&lock);
  bool over = wakes == seen;
  if (over)
    running = false;
  pthread_mutex_unlock(&lock);
  return over;
}

static void *run(void *unused) {
  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    unsigned seen = wakes;
    pthread_mutex_unlock(&lock);
    int64_t next = look_at_all(fl_os_now());
    if (next != 0)
      wait(seen, next);
    else if (is_over(seen))
      return NULL;
  }
}

void fl_test_await_mirrors(void) {
  pthread_mutex_lock(&looking);
  pthread_mutex_unlock(&looking);
}

bool fl_mirror_thread_runs(void) {
  pthread_mutex_lock(&lock);
  bool runs = running;
  pthread_mutex_unlock(&lock);
  return runs;
}
