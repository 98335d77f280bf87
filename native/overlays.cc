// Holds the memory under each overlay: were it unmapped first, its addresses could be somebody else's.

#include "overlays.h"

Overlays::~Overlays() {
  for (const auto &held : windows_) {
    fl_mapping_close(held.first);
    fl_mapping_release(held.first);
  }
}

int Overlays::Create(fl_id file, uint64_t offset, uint64_t length, Napi::Uint8Array window, fl_id *overlay) {
  int result = fl_overlay_create(file, offset, length, window.Data(), overlay);
  if (result == 0)
    windows_[*overlay] = Napi::Persistent(Napi::Object(window));
  return result;
}

void Overlays::Forget(fl_id overlay) {
  auto held = windows_.find(overlay);
  if (held == windows_.end())
    return;
  fl_mapping_release(overlay);
  windows_.erase(held);
}
