// Damage for JavaScript: which pages of a mapping are lost, and who is told. As in addon.cc arguments have been checked, and
// results below zero are turned into errors there.

#include "damage_binding.h"
#include "arguments.h"
#include "instance.h"

namespace {

Napi::Value DamagedBytes(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_mapping_damaged_bytes(Integer(info[0]))));
}

// standFirst(): faults are handled before whoever handles SIGBUS by now.
Napi::Value StandFirst(const Napi::CallbackInfo &info) { return Result(info.Env(), fl_guard_stand_first()); }

// onDamage(callback): `callback()` is called on this thread after loads have met pages that are lost.
Napi::Value OnDamage(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->damage.Start(info.Env(), info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// offDamage(callback): it is not called any more.
Napi::Value OffDamage(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->damage.Stop(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

// damageWords(length): how many elements the BigUint64Array has that nextDamage wants.
Napi::Value DamageWords(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_damage_words(Integer(info[0]))));
}

// nextDamage(id, seen, from): { offset, length }, or undefined when there is no more.
Napi::Value NextDamage(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  uint64_t offset, length;
  uint64_t *seen = info[1].As<Napi::BigUint64Array>().Data();
  if (fl_next_damage(Integer(info[0]), seen, Integer(info[2]), &offset, &length) != 1)
    return env.Undefined();
  Napi::Object range = Napi::Object::New(env);
  range.Set("offset", Result(env, static_cast<int64_t>(offset)));
  range.Set("length", Result(env, static_cast<int64_t>(length)));
  return range;
}

} // namespace

void ExportDamage(Napi::Env env, Napi::Object exports) {
  const std::pair<const char *, Napi::Value (*)(const Napi::CallbackInfo &)> functions[] = {
      {"damagedBytes", DamagedBytes}, {"onDamage", OnDamage},     {"offDamage", OffDamage},
      {"damageWords", DamageWords},   {"nextDamage", NextDamage}, {"standFirst", StandFirst},
  };
  for (const auto &function : functions)
    exports.Set(function.first, Napi::Function::New(env, function.second, function.first));
}
