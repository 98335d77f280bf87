/* What is given back, or done, on another thread, as it may take long (reaper.c). */
#ifndef FAULTLESS_REAPER_H
#define FAULTLESS_REAPER_H

#include "faultless.h"

/* A range and a descriptor, to be given back. NULL, 0 and -1 stand for nothing. */
struct fl_remains {
  void *base;
  size_t span;
  void *damage;
  size_t damage_span;
  void *mirror;
  size_t mirror_span;
  void *pins; /* counts; where there are some, pages may be locked */
  size_t pins_span;
  int fd;
};
void fl_reap(const struct fl_remains *remains);

/* Calls back on that thread; on the caller's where there is none to be had. */
void fl_reap_by(void (*call)(void *), void *argument);

#endif
