// The overlays of one thread: file pages laid over memory that JavaScript owns, which is held as long as they are there.

#ifndef FAULTLESS_OVERLAYS_H
#define FAULTLESS_OVERLAYS_H

#include "faultless.h"
#include <napi.h>
#include <unordered_map>

class Overlays {
public:
  Overlays() = default;
  Overlays(const Overlays &) = delete;

  // Takes all of them away: the memory may be unmapped at any time after this thread's end.
  ~Overlays();

  // fl_overlay_create over the memory that `window` begins at; its buffer is held until Forget.
  int Create(fl_id file, uint64_t offset, uint64_t length, Napi::Uint8Array window, fl_id *overlay);

  // The overlay has been closed. Ids that are gone are ignored.
  void Forget(fl_id overlay);

private:
  std::unordered_map<fl_id, Napi::ObjectReference> windows_;
};

#endif
