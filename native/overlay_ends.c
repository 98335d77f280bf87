/*
 * Where overlays have been taken away lately. A thread that loads from a lost page of one, and is on its way into the signal
 * handler meanwhile, finds nothing there that explains its fault. The load need only be repeated. Not for ever: others may have
 * the addresses next, and a fault of theirs is no business of ours. A ring of the last ends; the guard reads it without a lock.
 */
#include "guard.h"
#include "os.h"
#include <stdatomic.h>

enum { ENDS = 64 };
static const int64_t REMEMBERED_NS = 5000000000;
static struct {
  _Atomic uintptr_t base;
  _Atomic size_t span;
  _Atomic int64_t until; /* by fl_os_now */
} ends[ENDS];
static _Atomic unsigned ends_noted;

void fl_overlay_note_end(uintptr_t base, size_t span) {
  unsigned i = atomic_fetch_add(&ends_noted, 1) % ENDS;
  atomic_store(&ends[i].until, 0);
  atomic_store(&ends[i].base, base);
  atomic_store(&ends[i].span, span);
  atomic_store(&ends[i].until, fl_os_now() + REMEMBERED_NS);
}

bool fl_overlay_has_ended_at(uintptr_t address) {
  for (int i = 0; i < ENDS; i++) {
    uintptr_t base = atomic_load(&ends[i].base);
    bool holds = address >= base && address - base < atomic_load(&ends[i].span);
    if (holds && fl_os_now() < atomic_load(&ends[i].until))
      return true;
  }
  return false;
}
