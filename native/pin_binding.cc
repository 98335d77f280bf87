// Pins for JavaScript. As in addon.cc arguments have been checked, and results below zero are turned into errors there.

#include "pin_binding.h"
#include "arguments.h"
#include "faultless.h"
#include <cerrno>

namespace {

// Whatever forgets a pin, be it the collector or the end of a thread, lets go of it.
void Abandon(napi_env, void *id, void *) { fl_pin_abandon(IdOfPointer(id)); }

// createPin(mapping, offset, length): { id, lease } or a negative number. The pin lasts no longer than the lease.
Napi::Value CreatePin(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  fl_id id;
  int result = fl_pin_create(Integer(info[0]), Integer(info[1]), Integer(info[2]), &id);
  if (result < 0)
    return Result(env, result);
  napi_value lease;
  if (napi_create_external(env, IdAsPointer(id), Abandon, nullptr, &lease) != napi_ok) {
    fl_pin_drop(id, UINT64_MAX); // it holds nothing yet
    return Result(env, -ENOMEM);
  }
  Napi::Object pin = Napi::Object::New(env);
  pin.Set("id", Result(env, static_cast<int64_t>(id)));
  pin.Set("lease", Napi::Value(env, lease));
  return pin;
}

// lockPin(id, from, length): locks so many bytes, `from` bytes into the pin.
Napi::Value LockPin(const Napi::CallbackInfo &info) {
  return Result(info.Env(), fl_pin_lock(Integer(info[0]), Integer(info[1]), Integer(info[2])));
}

// dropPin(id, upto): lets go of its first bytes; of all of it where these are all.
Napi::Value DropPin(const Napi::CallbackInfo &info) {
  return Result(info.Env(), fl_pin_drop(Integer(info[0]), Integer(info[1])));
}

// pinUsage(): { limit, locked, pinned } in bytes; the limit may be Infinity.
Napi::Value PinUsage(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  fl_pin_usage usage;
  fl_get_pin_usage(&usage);
  Napi::Object object = Napi::Object::New(env);
  object.Set("limit", Bytes(env, usage.limit));
  object.Set("locked", Bytes(env, usage.locked));
  object.Set("pinned", Bytes(env, usage.pinned));
  return object;
}

Napi::Value PinCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_pin_count()));
}

} // namespace

void ExportPins(Napi::Env env, Napi::Object exports) {
  exports.Set("createPin", Napi::Function::New(env, CreatePin, "createPin"));
  exports.Set("lockPin", Napi::Function::New(env, LockPin, "lockPin"));
  exports.Set("dropPin", Napi::Function::New(env, DropPin, "dropPin"));
  exports.Set("pinUsage", Napi::Function::New(env, PinUsage, "pinUsage"));
  exports.Set("pinCount", Napi::Function::New(env, PinCount, "pinCount"));
}
