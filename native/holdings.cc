// What a JavaScript thread holds. An environment's cleanup hooks call Abandon(): at that time the threads that it had
// started have ended, and none of its JavaScript runs any more.

#include "holdings.h"

struct HandleLease {
  fl_id id;
  bool is_left;
  std::set<HandleLease *> *open; // null when the environment has ended
};

napi_value Handles::Make(napi_env env, fl_id id) {
  HandleLease *lease = new HandleLease{id, false, &open_};
  open_.insert(lease);
  napi_value value;
  if (napi_create_external(env, lease, Finalize, nullptr, &value) == napi_ok)
    return value;
  Finalize(env, lease, nullptr);
  return nullptr;
}

// After a collection, or after Abandon() at the end of the environment.
void Handles::Finalize(napi_env, void *data, void *) {
  HandleLease *lease = static_cast<HandleLease *>(data);
  if (lease->open != nullptr) {
    lease->open->erase(lease);
    if (!lease->is_left)
      fl_mapping_forget(lease->id);
  }
  fl_mapping_release(lease->id);
  delete lease;
}

// The lease, as one that has ended; NULL where it had before.
static HandleLease *EndLease(napi_env env, napi_value value) {
  void *data;
  if (napi_get_value_external(env, value, &data) != napi_ok)
    return nullptr;
  HandleLease *lease = static_cast<HandleLease *>(data);
  if (lease->is_left)
    return nullptr;
  lease->is_left = true;
  return lease;
}

int Handles::Leave(napi_env env, napi_value value) {
  const HandleLease *lease = EndLease(env, value);
  return lease == nullptr ? 0 : fl_mapping_leave(lease->id);
}

void Handles::GiveUp(napi_env env, napi_value value) {
  const HandleLease *lease = EndLease(env, value);
  if (lease != nullptr)
    fl_mapping_give_up(lease->id);
}

void Handles::Abandon() {
  for (HandleLease *lease : open_) {
    lease->open = nullptr;
    fl_mapping_abandon(lease->id, lease->is_left);
  }
  open_.clear();
}

namespace {

std::atomic<int32_t> *WordOf(const Napi::Int32Array &array, uint32_t index) {
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t), "a word of shared memory is an atomic");
  return reinterpret_cast<std::atomic<int32_t> *>(const_cast<Napi::Int32Array &>(array).Data() + index);
}

} // namespace

bool HeldWords::Claim(Napi::Int32Array array, uint32_t index, int32_t expected, int32_t desired) {
  if (index >= array.ElementLength())
    return false;
  // First what may fail for want of memory.
  Held held{desired, Napi::Persistent(array)};
  if (!WordOf(array, index)->compare_exchange_strong(expected, desired))
    return false;
  held_[WordOf(array, index)] = std::move(held);
  return true;
}

void HeldWords::Disclaim(Napi::Int32Array array, uint32_t index) {
  if (index < array.ElementLength())
    held_.erase(WordOf(array, index));
}

void HeldWords::Abandon() {
  for (const auto &held : held_) {
    int32_t word = held.first->load();
    while (((word ^ held.second.word) & kGeneration) == 0 && !held.first->compare_exchange_weak(word, word | kGone))
      ;
  }
  held_.clear();
}
