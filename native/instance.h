// What a thread that has loaded the addon has of its own.
#ifndef FAULTLESS_INSTANCE_H
#define FAULTLESS_INSTANCE_H

#include "damage_signal.h"
#include "holdings.h"
#include "laid_buffers.h"
#include "opened_files.h"
#include "overlays.h"
#include "wait_signal.h"
#include <unordered_map>

class Instance {
public:
  // Where the thread ends before memory that it has lent came back: waits for a copy that is under way, and no other will start.
  ~Instance() {
    for (const auto &lent : lent_)
      fl_transfer_end(lent.first);
  }

  // Lends memory to pool threads until their answer has come. `owner` keeps it, as long as nobody can take it from under it.
  int Lend(Napi::Object owner, void *data, size_t length, fl_id *id) {
    int result = fl_transfer_create(data, length, id);
    if (result == 0)
      lent_[*id] = Napi::Persistent(owner);
    return result;
  }

  void TakeBack(fl_id id) {
    fl_transfer_end(id);
    lent_.erase(id);
  }

  // Runs when no JavaScript of this thread runs any more, and before anything of it is finalized.
  static void End(void *instance) {
    static_cast<Instance *>(instance)->handles.Abandon();
    static_cast<Instance *>(instance)->held.Abandon();
    static_cast<Instance *>(instance)->laid.Abandon();
  }

  DamageSignal damage;
  LaidBuffers laid;
  OpenedFiles opened;
  Overlays overlays;
  WaitSignal waits;
  Handles handles;
  HeldWords held;
  bool makes_buffers = false;

private:
  std::unordered_map<fl_id, Napi::ObjectReference> lent_;
};

#endif
