// The buffers of one thread that files are laid over, where the runtime makes none over memory that it was given.

#ifndef FAULTLESS_LAID_BUFFERS_H
#define FAULTLESS_LAID_BUFFERS_H

#include "faultless.h"
#include <napi.h>
#include <unordered_map>

class LaidBuffers {
public:
  // From now on this thread holds the mapping (fl_mapping_hold, which is the caller's), its bytes and its mirror: neither is
  // collected before LetGo, once for each time or once after the mapping was closed, or before the end of this thread.
  void Hold(fl_id id, Napi::Uint8Array bytes, Napi::Uint8Array mirror);

  // A handle on the mapping is closed. Ids that are not held are ignored.
  void LetGo(fl_id id);

  // This thread ends: the memory may be freed at any time afterwards. Where nobody else holds it, zeros lie there.
  void Abandon();

private:
  struct Claim {
    Napi::ObjectReference bytes, mirror;
  };
  std::unordered_multimap<fl_id, Claim> claims_;
};

#endif
