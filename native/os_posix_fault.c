/*
 * Faults of loads that the file cannot satisfy, as signals tell of them on all POSIX systems: ours are answered, and others go to
 * whoever stood before us.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static bool (*_Atomic fault_handler)(uintptr_t address);

/*
 * Who stood before, for each signal in the order of fl_sys_fault_signals: the last who did, and before whom he stood. Each
 * handler once. Nothing that was made is changed or freed, as a handler may be about to call it.
 */
enum { MOST_STANDS = 64 };
struct stand {
  struct sigaction action;
  const struct stand *before; /* NULL: the default */
};
static struct stand stands[FL_SYS_MOST_SIGNALS][MOST_STANDS];
static const struct stand *_Atomic previous[FL_SYS_MOST_SIGNALS];
static const struct sigaction by_default = {.sa_handler = SIG_DFL};

/*
 * Threads that are passing a signal on, once for each time. Two cores of several copies of this library may each have stood
 * before the other: then what one passes on comes back to it, and goes to whoever stood before that other.
 */
enum { MOST_PASSING = 64 };
static struct {
  _Atomic uintptr_t thread;    /* 0: free */
  const void *_Atomic context; /* as the kernel gave it: the same for all that pass the same signal on */
  const int *_Atomic place;    /* on the stack of whoever passes it on, which grows downwards */
} passing[MOST_PASSING];

/* How often this thread is at it already with this signal; `place` is to be given to end_passing(). */
static int begin_passing(const void *context, int *place) {
  uintptr_t me = (uintptr_t)pthread_self();
  int times = 0;
  *place = -1;
  for (int i = 0; i < MOST_PASSING; i++) {
    if (atomic_load(&passing[i].thread) != me || atomic_load(&passing[i].context) != context)
      continue;
    if (atomic_load(&passing[i].place) > place)
      times++;
    else
      atomic_store(&passing[i].thread, 0); /* left by siglongjmp(3), or by a thread that has ended since */
  }
  for (int i = 0; i < MOST_PASSING && *place < 0; i++) {
    uintptr_t nobody = 0;
    if (!atomic_compare_exchange_strong(&passing[i].thread, &nobody, me))
      continue;
    atomic_store(&passing[i].place, place);
    atomic_store(&passing[i].context, context);
    *place = i;
  }
  return times;
}

static void end_passing(int place) {
  if (place >= 0)
    atomic_store(&passing[place].thread, 0);
}

/* A handler that passes on to us may do so with a signal that is none of ours: before that nobody stood. */
static const struct sigaction *previous_of(int signal_number, int times) {
  int i = 0;
  while (fl_sys_fault_signals[i] != 0 && fl_sys_fault_signals[i] != signal_number)
    i++;
  const struct stand *stand = fl_sys_fault_signals[i] == 0 ? NULL : atomic_load(&previous[i]);
  for (; times > 0 && stand != NULL; times--)
    stand = stand->before;
  return stand == NULL ? &by_default : &stand->action;
}

/* With what is blocked that the handler asked for when it was installed: libuv's waits for ever where it is interrupted. */
static void call(const struct sigaction *to, int signal_number, siginfo_t *info, void *context) {
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &to->sa_mask, &before);
  if (to->sa_flags & SA_RESETHAND)
    signal(signal_number, SIG_DFL);
  if (to->sa_flags & SA_SIGINFO)
    to->sa_sigaction(signal_number, info, context);
  else
    to->sa_handler(signal_number);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Everything that is not ours goes to whoever stood before; the default is death by the same signal. */
static void pass_on(int signal_number, siginfo_t *info, void *context) {
  int place;
  const struct sigaction *to = previous_of(signal_number, begin_passing(context, &place));
  if (to->sa_flags & SA_SIGINFO) {
    call(to, signal_number, info, context);
  } else if (to->sa_handler == SIG_DFL || (to->sa_handler == SIG_IGN && info->si_code > 0)) {
    /* Returning runs the instruction again, now without us. A signal that somebody sent is raised again instead. */
    signal(signal_number, SIG_DFL);
    if (info->si_code <= 0)
      raise(signal_number);
  } else if (to->sa_handler != SIG_IGN) {
    call(to, signal_number, info, context);
  }
  end_passing(place);
}

/*
 * si_code > 0: the kernel reports a fault at si_addr; otherwise some process sent the signal. A page that is there and may
 * not be stored to, or not in that way, is no fault of the file's.
 */
static bool may_be_of_file(int signal_number, const siginfo_t *info) {
  bool is_forbidden = signal_number == SIGSEGV && info->si_code == SEGV_ACCERR;
  bool is_misaligned = fl_sys_tells_misaligned && signal_number == SIGBUS && info->si_code == BUS_ADRALN;
  return info->si_code > 0 && !is_forbidden && !is_misaligned;
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  int kept = errno;
  if (!may_be_of_file(signal_number, info) || !atomic_load(&fault_handler)((uintptr_t)info->si_addr))
    pass_on(signal_number, info, context);
  errno = kept;
}

static bool is_same(const struct sigaction *a, const struct sigaction *b) {
  return a->sa_flags == b->sa_flags && a->sa_sigaction == b->sa_sigaction;
}

static bool is_default(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == SIG_DFL;
}

/* One that was made before, or now in a place that is free; NULL where none is. */
static const struct stand *make_stand(struct stand *made, const struct sigaction *action, const struct stand *before) {
  for (int i = 0; i < MOST_STANDS; i++) {
    if (is_default(&made[i].action))
      made[i] = (struct stand){*action, before};
    if (is_same(&made[i].action, action) && made[i].before == before)
      return &made[i];
  }
  return NULL;
}

/* `stand` and those before it, without an action; NULL also where there is no room for that. */
static const struct stand *without(struct stand *made, const struct stand *stand, const struct sigaction *action) {
  if (stand == NULL)
    return NULL;
  if (is_same(&stand->action, action))
    return stand->before;
  const struct stand *before = without(made, stand->before, action);
  return before == stand->before ? stand : make_stand(made, &stand->action, before);
}

static bool is_ours(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

/*
 * Where the default stood those before are gone as well: whoever set it has taken them away. Where there is no room, who stood
 * before is forgotten, or nothing is noted: 64 of them, in ever new orders, are somebody's mistake.
 */
static void note_previous(int i, const struct sigaction *other) {
  const struct stand *stand = NULL;
  if (!is_default(other)) {
    stand = make_stand(stands[i], other, without(stands[i], atomic_load(&previous[i]), other));
    stand = stand == NULL ? make_stand(stands[i], other, NULL) : stand;
    if (stand == NULL)
      return;
  }
  atomic_store(&previous[i], stand);
}

/* Who stands there is fetched first, so that a fault between the two calls finds somebody to pass on to. */
static int stand_first(int i, bool only_for_nobody) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART}, other,
                   displaced;
  sigemptyset(&action.sa_mask);
  if (sigaction(fl_sys_fault_signals[i], NULL, &other) != 0)
    return -errno;
  if (is_ours(&other) || (only_for_nobody && !is_default(&other)))
    return 0;
  note_previous(i, &other);
  if (sigaction(fl_sys_fault_signals[i], &action, &displaced) != 0)
    return -errno;
  if (!is_same(&displaced, &other) && !is_ours(&displaced)) /* another thread has set it in between */
    note_previous(i, &displaced);
  return 0;
}

int fl_os_catch_faults(bool (*handle)(uintptr_t address), bool only_for_nobody) {
  int result = 0;
  atomic_store(&fault_handler, handle);
  for (int i = 0; result == 0 && fl_sys_fault_signals[i] != 0; i++)
    result = stand_first(i, only_for_nobody);
  return result;
}
