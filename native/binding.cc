// The binding as one translation unit: a compiler takes longer for napi.h than for all that follows it, and would read it
// once for each file. That halves what whoever builds the addon waits.
#include "addon.cc"
#include "batch_binding.cc"
#include "damage_signal.cc"
#include "file_changes.cc"
#include "holdings.cc"
#include "laid_buffers.cc"
#include "opened_files.cc"
#include "overlays.cc"
#include "pin_binding.cc"
#include "shared_buffer.cc"
#include "wait_binding.cc"
#include "wait_signal.cc"
