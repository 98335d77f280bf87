/* Waits of one thread's JavaScript: how it asks for them, and how their outcome comes to its event loop. */
#ifndef FAULTLESS_WAIT_SIGNAL_H
#define FAULTLESS_WAIT_SIGNAL_H

#include "faultless.h"
#include <napi.h>
#include <uv.h>

/*
 * Belongs to one environment, and ends with it: waits that pend then end unheard. The loop is kept alive exactly while waits
 * pend.
 */
class WaitSignal {
public:
  /* `callback(results)` is called on this thread with [wait, result, wait, result, …], of all waits; false where it cannot be. */
  bool Start(Napi::Env env, Napi::Function callback);
  void Stop(Napi::Function callback);
  /* fl_wait. */
  int Wait(const fl_wait_request &request, fl_id *wait);
  ~WaitSignal();

private:
  struct Listener;
  static void Ring(void *listener);
  static void Deliver(uv_async_t *handle);
  Listener *listener_ = nullptr;
};

/* wait_binding.cc: the functions by which JavaScript waits and notifies. The signal must outlive them. */
void ExportWaits(Napi::Env env, Napi::Object exports, WaitSignal *signal);

#endif
