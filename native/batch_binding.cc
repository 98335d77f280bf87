// What a pool thread does for several requests by one call. As in addon.cc arguments have been checked.

#include "batch_binding.h"
#include "arguments.h"
#include "faultless.h"
#include <algorithm>

namespace {

// The first `count` of parts that lie one after the other in a Float64Array: id, offset and length of each.
size_t PartsOf(const Napi::CallbackInfo &info, fl_part *parts) {
  Napi::Float64Array numbers = info[0].As<Napi::Float64Array>();
  size_t most = std::min<size_t>(numbers.ElementLength() / 3, FL_PARTS_MAX);
  size_t count = std::min<size_t>(info[1].As<Napi::Number>().Uint32Value(), most);
  const double *number = numbers.Data();
  for (size_t i = 0; i < count; i++, number += 3)
    parts[i] = {static_cast<fl_id>(number[0]), static_cast<uint64_t>(number[1]), static_cast<uint64_t>(number[2])};
  return count;
}

// prefetchEach(parts, count, milliseconds, together): how many were asked for; as a negative number where the last of them took
// longer than that, after which no other is. So many go by one system call where the system can.
Napi::Value PrefetchEach(const Napi::CallbackInfo &info) {
  fl_part parts[FL_PARTS_MAX];
  size_t count = PartsOf(info, parts), together = info[3].As<Napi::Number>().Uint32Value();
  bool was_long;
  double asked = static_cast<double>(fl_prefetch_each(parts, count, together, Nanoseconds(info[2]), &was_long));
  return Napi::Number::New(info.Env(), was_long ? -asked : asked);
}

// populateEach(parts, count, milliseconds, results, together): what populate would have returned for each, in a
// Float64Array. Returns for how many: after so much time no other is begun.
Napi::Value PopulateEach(const Napi::CallbackInfo &info) {
  fl_part parts[FL_PARTS_MAX];
  int results[FL_PARTS_MAX];
  Napi::Float64Array to = info[3].As<Napi::Float64Array>();
  size_t count = std::min(PartsOf(info, parts), to.ElementLength());
  size_t together = info[4].As<Napi::Number>().Uint32Value();
  size_t done = fl_populate_each(parts, count, together, Nanoseconds(info[2]), results);
  std::copy(results, results + done, to.Data());
  return Napi::Number::New(info.Env(), static_cast<double>(done));
}

// How often this thread has slept; negative where nobody tells.
Napi::Value ThreadSleeps(const Napi::CallbackInfo &info) {
  return Napi::Number::New(info.Env(), static_cast<double>(fl_thread_sleeps()));
}

// Not "Yield": winbase.h has a macro of that name.
Napi::Value YieldThread(const Napi::CallbackInfo &info) {
  fl_yield();
  return info.Env().Undefined();
}

} // namespace

void ExportBatches(Napi::Env env, Napi::Object exports) {
  exports.Set("partsMax", Napi::Number::New(env, FL_PARTS_MAX));
  exports.Set("prefetchEach", Napi::Function::New(env, PrefetchEach, "prefetchEach"));
  exports.Set("populateEach", Napi::Function::New(env, PopulateEach, "populateEach"));
  exports.Set("threadSleeps", Napi::Function::New(env, ThreadSleeps, "threadSleeps"));
  exports.Set("yield", Napi::Function::New(env, YieldThread, "yield"));
}
