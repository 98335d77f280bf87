/* From the fault guard's signal handler to the event loops of the threads that loaded the addon. */
#ifndef FAULTLESS_DAMAGE_SIGNAL_H
#define FAULTLESS_DAMAGE_SIGNAL_H

#include <napi.h>
#include <uv.h>

/*
 * Calls a JavaScript function on its own thread some time after damage has happened, once for any number of pages. It
 * does not keep the loop alive. Belongs to one environment, and ends with it.
 */
class DamageSignal {
public:
  /* Has it hear from now on, and no more. */
  void Start(Napi::Env env, Napi::Function callback);
  void Stop(Napi::Function callback);
  ~DamageSignal();

private:
  static void Deliver(uv_async_t *handle);
  struct Listener;
  Listener *listener_ = nullptr;
};

#endif
