// The binding of waits: arguments out of JavaScript values, results back as numbers (see addon.cc).

#include "arguments.h"
#include "wait_signal.h"
#include <algorithm>

namespace {

WaitSignal *SignalOf(const Napi::CallbackInfo &info) { return static_cast<WaitSignal *>(info.Data()); }

// onWaits(callback): whether waits can be made; `callback([wait, result, …])` is then called on this thread.
Napi::Value OnWaits(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), SignalOf(info)->Start(info.Env(), info[0].As<Napi::Function>()));
}

// offWaits(callback): it is not called any more.
Napi::Value OffWaits(const Napi::CallbackInfo &info) {
  SignalOf(info)->Stop(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// wait(id, offset, expected, timeout in ms, loaded): the wait's id or a negative number.
Napi::Value Wait(const Napi::CallbackInfo &info) {
  fl_wait_request request = {Integer(info[0]), Integer(info[1]), info[2].As<Napi::Number>().Int32Value(),
                             Nanoseconds(info[3]), info[4].As<Napi::Boolean>().Value()};
  fl_id wait;
  int result = SignalOf(info)->Wait(request, &wait);
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(wait));
}

Napi::Value CancelWait(const Napi::CallbackInfo &info) {
  fl_wait_cancel(Integer(info[0]));
  return info.Env().Undefined();
}

// notify(id, offset, count, loaded): how many were woken, or a negative number. The count may be Infinity.
Napi::Value Notify(const Napi::CallbackInfo &info) {
  double count = std::min(info[2].As<Napi::Number>().DoubleValue(), static_cast<double>(UINT32_MAX));
  return Result(info.Env(), fl_notify(Integer(info[0]), Integer(info[1]), static_cast<uint32_t>(count),
                                      info[3].As<Napi::Boolean>().Value()));
}

Napi::Value WaitCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_wait_count()));
}

Napi::Value WaitThreadCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_wait_thread_count()));
}

} // namespace

void ExportWaits(Napi::Env env, Napi::Object exports, WaitSignal *signal) {
  const std::pair<const char *, Napi::Value (*)(const Napi::CallbackInfo &)> functions[] = {
      {"onWaits", OnWaits},
      {"offWaits", OffWaits},
      {"wait", Wait},
      {"cancelWait", CancelWait},
      {"notify", Notify},
      {"waitCount", WaitCount},
      {"waitThreadCount", WaitThreadCount},
  };
  for (const auto &function : functions)
    exports.Set(function.first, Napi::Function::New(env, function.second, function.first, signal));
  Napi::Object outcomes = Napi::Object::New(env);
  outcomes.Set("ok", static_cast<int>(FL_WAIT_OK));
  outcomes.Set("timed-out", static_cast<int>(FL_WAIT_TIMED_OUT));
  outcomes.Set("not-equal", static_cast<int>(FL_WAIT_NOT_EQUAL));
  exports.Set("waitOutcomes", outcomes);
}
