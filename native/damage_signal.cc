// Wakes event loops from inside a signal handler: uv_async_send is the one call of libuv that may be made there.

#include "damage_signal.h"
#include "faultless.h"
#include "listeners.h"
#include <atomic>
#include <sched.h>

namespace {

// Threads of one process that have the addon and listen; more of them hear of damage when they next use the file.
constexpr int kMostListeners = 256;

std::atomic<uv_async_t *> handles[kMostListeners];
std::atomic<int> sending; // handlers that may hold a pointer out of `handles`

// In a signal handler, on any thread.
void WakeAll() {
  sending.fetch_add(1);
  for (auto &slot : handles) {
    uv_async_t *handle = slot.load();
    if (handle != nullptr)
      uv_async_send(handle);
  }
  sending.fetch_sub(1);
}

void Enter(uv_async_t *handle) {
  for (auto &slot : handles) {
    uv_async_t *nobody = nullptr;
    if (slot.compare_exchange_strong(nobody, handle))
      return;
  }
}

// After it no signal handler holds the pointer any more.
void Leave(uv_async_t *handle) {
  for (auto &slot : handles) {
    uv_async_t *expected = handle;
    slot.compare_exchange_strong(expected, nullptr);
  }
  while (sending.load() != 0)
    sched_yield();
}

} // namespace

struct DamageSignal::Listener {
  uv_async_t handle;
  Napi::Env env;
  Listeners listeners;
};

void DamageSignal::Deliver(uv_async_t *handle) {
  Listener *listener = static_cast<Listener *>(handle->data);
  Napi::HandleScope scope(listener->env);
  listener->listeners.Tell(listener->env, {});
}

void DamageSignal::Start(Napi::Env env, Napi::Function callback) {
  uv_loop_t *loop;
  if (listener_ != nullptr)
    return listener_->listeners.Add(callback);
  if (napi_get_uv_event_loop(env, &loop) != napi_ok)
    return;
  listener_ = new Listener{{}, env, {}};
  if (uv_async_init(loop, &listener_->handle, Deliver) != 0) {
    delete listener_;
    listener_ = nullptr;
    return;
  }
  listener_->handle.data = listener_;
  listener_->listeners.Add(callback);
  uv_unref(reinterpret_cast<uv_handle_t *>(&listener_->handle));
  Enter(&listener_->handle);
  fl_on_damage(WakeAll);
}

void DamageSignal::Stop(Napi::Function callback) {
  if (listener_ != nullptr)
    listener_->listeners.Remove(callback);
}

DamageSignal::~DamageSignal() {
  if (listener_ == nullptr)
    return;
  Leave(&listener_->handle);
  listener_->listeners.Clear();
  uv_close(reinterpret_cast<uv_handle_t *>(&listener_->handle),
           [](uv_handle_t *handle) { delete static_cast<Listener *>(handle->data); });
}
