// From the threads that wait in the kernel to the event loop of the thread whose JavaScript asked for it.

#include "wait_signal.h"
#include "listeners.h"
#include <cerrno>

struct WaitSignal::Listener {
  uv_async_t handle;
  Napi::Env env;
  Listeners listeners;
  fl_inbox *inbox;
  size_t pending; // waits whose outcome has not been taken

  uv_handle_t *AsHandle() { return reinterpret_cast<uv_handle_t *>(&handle); }
};

// On a thread of the core, which excludes that the inbox is being closed: so the handle is there.
void WaitSignal::Ring(void *listener) { uv_async_send(&static_cast<Listener *>(listener)->handle); }

void WaitSignal::Deliver(uv_async_t *handle) {
  Listener *listener = static_cast<Listener *>(handle->data);
  constexpr size_t kMost = 256;
  fl_wait_result taken[kMost];
  size_t count;
  Napi::Env env = listener->env;
  Napi::HandleScope scope(env);
  Napi::Array results = Napi::Array::New(env);
  uint32_t length = 0;
  while ((count = fl_inbox_take(listener->inbox, taken, kMost)) > 0) {
    for (size_t i = 0; i < count; i++) {
      results.Set(length++, Napi::Number::New(env, static_cast<double>(taken[i].wait)));
      results.Set(length++, Napi::Number::New(env, taken[i].result));
    }
    listener->pending -= count;
  }
  if (listener->pending == 0)
    uv_unref(listener->AsHandle());
  if (length == 0)
    return;
  listener->listeners.Tell(env, {results});
}

bool WaitSignal::Start(Napi::Env env, Napi::Function callback) {
  uv_loop_t *loop;
  if (listener_ != nullptr) {
    listener_->listeners.Add(callback);
    return true;
  }
  if (napi_get_uv_event_loop(env, &loop) != napi_ok)
    return false;
  Listener *listener = new Listener{{}, env, {}, nullptr, 0};
  listener->inbox = fl_inbox_create(Ring, listener);
  if (listener->inbox == nullptr || uv_async_init(loop, &listener->handle, Deliver) != 0) {
    if (listener->inbox != nullptr)
      fl_inbox_close(listener->inbox);
    delete listener;
    return false;
  }
  listener->handle.data = listener;
  uv_unref(listener->AsHandle());
  listener_ = listener;
  listener_->listeners.Add(callback);
  return true;
}

void WaitSignal::Stop(Napi::Function callback) {
  if (listener_ != nullptr)
    listener_->listeners.Remove(callback);
}

int WaitSignal::Wait(const fl_wait_request &request, fl_id *wait) {
  if (listener_ == nullptr)
    return -ENOMEM;
  int result = fl_wait(listener_->inbox, &request, wait);
  if (result == 0 && listener_->pending++ == 0)
    uv_ref(listener_->AsHandle());
  return result;
}

WaitSignal::~WaitSignal() {
  if (listener_ == nullptr)
    return;
  fl_inbox_close(listener_->inbox);
  listener_->listeners.Clear();
  uv_close(listener_->AsHandle(), [](uv_handle_t *handle) { delete static_cast<Listener *>(handle->data); });
}
