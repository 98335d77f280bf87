/*
 * Gives back what mappings leave behind, and closes those that ended threads left, on a thread of its own that lives
 * while there is work: the last reference is dropped by a garbage collector on a JavaScript thread, which must not wait
 * tens of ms for GiBs to be unmapped. Another stands by while anything waits, and takes it where that thread hangs.
 */
#include "reaper.h"
#include "os.h"
#include <stdlib.h>

struct job {
  void (*call)(void *); /* NULL: to give back what remains */
  void *argument;
  struct fl_remains remains;
  struct job *next;
};

/*
 * A file of a server that does not answer (FUSE, NFS) holds whoever closes or unmaps it for as long. Each such file takes a
 * thread; what comes when there are so many waits until one is free.
 */
static const int64_t PATIENCE_NS = 100000000;
enum { MOST_THREADS = 32 };

/* A thread of the reaper's, on its own stack. */
struct worker {
  int64_t since; /* fl_os_now() when it took the job that it has */
  struct worker *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the five below */
static struct job *jobs;
static struct worker *workers;
static int threads;          /* workers, and the one that stands by */
static bool stood_by;        /* by a thread that has no work yet */
static size_t backlog;       /* jobs that are not finished */
static pthread_cond_t ended; /* a thread; with the lock */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_ended(void) { fl_os_init_condition(&ended); }

static void give_back(const struct fl_remains *remains) {
  if (remains->pins != NULL) { /* entries of locked pages are not dropped in steps */
    if (remains->base != NULL)
      fl_os_unlock(remains->base, remains->span);
    fl_os_unmap(remains->pins, remains->pins_span);
  }
  if (remains->base != NULL)
    fl_os_unmap(remains->base, remains->span);
  if (remains->damage != NULL)
    fl_os_unmap(remains->damage, remains->damage_span);
  if (remains->mirror != NULL)
    fl_os_unmap(remains->mirror, remains->mirror_span);
  if (remains->fd >= 0)
    fl_os_close(remains->fd);
}

static void work(struct job *job) {
  if (job->call != NULL)
    job->call(job->argument);
  else
    give_back(&job->remains);
  free(job);
}

/* With the lock. */
static void remove_worker(struct worker *worker) {
  struct worker **at = &workers;
  while (*at != worker)
    at = &(*at)->next;
  *at = worker->next;
}

/* With the lock: whether none of those that work is likely to get to what waits. */
static bool are_stuck(void) {
  int64_t now = fl_os_now();
  for (const struct worker *worker = workers; worker != NULL; worker = worker->next)
    if (now - worker->since <= PATIENCE_NS)
      return false;
  return true;
}

/* With the lock: until nothing waits, or nobody else is likely to do it. */
static void stand_by(void) {
  while (jobs != NULL && !are_stuck())
    fl_os_wait_until(&ended, &lock, fl_os_now() + PATIENCE_NS);
  stood_by = false;
}

static void *run(void *unused);

/* With the lock. Where there are as many threads as may be, or no other can be started, what waits waits for those. */
static void have_one_stand_by(void) {
  if (!stood_by && threads < MOST_THREADS && fl_os_spawn(run) == 0) {
    stood_by = true;
    threads++;
  }
}

/* With the lock, which is let go of meanwhile. */
static void do_first_job(struct worker *worker) {
  struct job *job = jobs;
  jobs = job->next;
  worker->since = fl_os_now();
  if (jobs != NULL)
    have_one_stand_by();
  pthread_mutex_unlock(&lock);
  work(job);
  pthread_mutex_lock(&lock);
  backlog--;
}

static void *run(void *unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  stand_by();
  struct worker worker = {.next = workers};
  workers = &worker;
  while (jobs != NULL)
    do_first_job(&worker);
  remove_worker(&worker);
  threads--;
  pthread_cond_broadcast(&ended);
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* Queues the job and sees to it that a thread takes it; false where there is none to be had. */
static bool hand_over(struct job *job) {
  pthread_once(&once, init_ended);
  pthread_mutex_lock(&lock);
  have_one_stand_by();
  bool taken = threads > 0;
  if (taken) {
    job->next = jobs;
    jobs = job;
    backlog++;
  }
  pthread_mutex_unlock(&lock);
  return taken;
}

static bool hand_over_copy(const struct job *job) {
  struct job *copy = malloc(sizeof *copy);
  if (copy == NULL)
    return false;
  *copy = *job;
  if (hand_over(copy))
    return true;
  free(copy);
  return false;
}

/* Without a thread: slower for the caller, but nothing leaks. */
void fl_reap(const struct fl_remains *remains) {
  struct job job = {.remains = *remains};
  if (!hand_over_copy(&job))
    give_back(remains);
}

void fl_reap_by(void (*call)(void *), void *argument) {
  struct job job = {.call = call, .argument = argument};
  if (!hand_over_copy(&job))
    call(argument);
}

size_t fl_reaper_backlog(void) {
  pthread_mutex_lock(&lock);
  size_t unfinished = backlog;
  pthread_mutex_unlock(&lock);
  return unfinished;
}

void fl_test_drain_reaper(void) {
  pthread_mutex_lock(&lock);
  while (threads > 0)
    pthread_cond_wait(&ended, &lock);
  pthread_mutex_unlock(&lock);
}
