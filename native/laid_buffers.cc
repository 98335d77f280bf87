// Keeps the memory under each file that is laid over a buffer: were it freed first, its addresses could be somebody else's.

#include "laid_buffers.h"

void LaidBuffers::Hold(fl_id id, Napi::Uint8Array bytes, Napi::Uint8Array mirror) {
  claims_.emplace(id, Claim{Napi::Persistent(Napi::Object(bytes)), Napi::Persistent(Napi::Object(mirror))});
}

void LaidBuffers::LetGo(fl_id id) {
  int result = 1; // closed: those of handles that were forgotten are of no use any more
  for (auto claim = claims_.find(id); result == 1 && claim != claims_.end(); claim = claims_.find(id)) {
    result = fl_mapping_let_go(id);
    if (result >= 0)
      claims_.erase(claim);
  }
}

void LaidBuffers::Abandon() {
  for (const auto &claim : claims_)
    fl_mapping_let_go(claim.first);
  claims_.clear();
}
