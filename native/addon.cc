// The binding: takes arguments out of JavaScript values, calls the core, gives its results back as numbers.
//
// JavaScript has checked the arguments (lib/options.js); results below zero are turned into errors there as well
// (lib/errors.js). Nothing here is global: every thread that loads the addon has an Instance of its own.

#include "arguments.h"
#include "batch_binding.h"
#include "damage_binding.h"
#include "file_changes.h"
#include "host.h"
#include "instance.h"
#include "mapping_binding.h"
#include "pin_binding.h"
#include "shared_buffer.h"

namespace {

// claimWord(int32Array, index, expected, desired): whether the word was exchanged; then it is this thread's.
Napi::Value ClaimWord(const Napi::CallbackInfo &info) {
  HeldWords &held = info.Env().GetInstanceData<Instance>()->held;
  return Napi::Boolean::New(info.Env(), held.Claim(info[0].As<Napi::Int32Array>(), Integer(info[1]),
                                                   info[2].As<Napi::Number>().Int32Value(),
                                                   info[3].As<Napi::Number>().Int32Value()));
}

Napi::Value DisclaimWord(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->held.Disclaim(info[0].As<Napi::Int32Array>(), Integer(info[1]));
  return info.Env().Undefined();
}

// describe(fd): { isFile, isDirectory, size in bytes } or a negative number.
Napi::Value Describe(const Napi::CallbackInfo &info) {
  fl_file_kind kind;
  uint64_t size;
  int result = fl_describe(CoreDescriptor(info[0].As<Napi::Number>().Int32Value()), &kind, &size);
  if (result < 0)
    return Result(info.Env(), result);
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("isFile", kind == FL_REGULAR);
  object.Set("isDirectory", kind == FL_DIRECTORY);
  object.Set("size", Result(info.Env(), static_cast<int64_t>(size)));
  return object;
}

// wakeMirror(id): has its epochs advance.
Napi::Value WakeMirror(const Napi::CallbackInfo &info) {
  fl_mirror_wake(Integer(info[0]));
  return info.Env().Undefined();
}

Napi::Value MirrorThreadRuns(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), fl_mirror_thread_runs());
}

Napi::Value ReadsBlocks(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), fl_reads_blocks(Integer(info[0])));
}

// refreshCount(id): how often refresh was called, by whatever thread.
Napi::Value RefreshCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), fl_refresh_count(Integer(info[0])));
}

// For the calls of the core that take a mapping's id and a range and nothing else.
template <int (*Call)(fl_id, uint64_t, uint64_t)> Napi::Value OnRange(const Napi::CallbackInfo &info) {
  return Result(info.Env(), Call(Integer(info[0]), Integer(info[1]), Integer(info[2])));
}

Napi::Value PageCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_page_count(Integer(info[0]), Integer(info[1]), Integer(info[2]))));
}

Napi::Value Advise(const Napi::CallbackInfo &info) {
  fl_advice advice = static_cast<fl_advice>(info[3].As<Napi::Number>().Int32Value());
  return Result(info.Env(), fl_advise(Integer(info[0]), Integer(info[1]), Integer(info[2]), advice));
}

Napi::Value Read(const Napi::CallbackInfo &info) {
  return Result(info.Env(),
                fl_read(Integer(info[0]), Integer(info[1]), Integer(info[2]), Integer(info[3]), Integer(info[4])));
}

// The number of resident pages, or a negative number.
Napi::Value ReadResidency(const Napi::CallbackInfo &info) {
  uint64_t resident;
  int result = fl_read_residency(Integer(info[0]), Integer(info[1]), Integer(info[2]), Integer(info[3]),
                                 Integer(info[4]), &resident);
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(resident));
}

// lend(arrayBuffer): a transfer's id or a negative number. Or lend(uint8Array) of shared memory, which stays where it is.
Napi::Value Lend(const Napi::CallbackInfo &info) {
  fl_id id;
  Instance *instance = info.Env().GetInstanceData<Instance>();
  int result;
  if (info[0].IsTypedArray()) {
    Napi::Uint8Array view = info[0].As<Napi::Uint8Array>();
    result = instance->Lend(view, view.Data(), view.ByteLength(), &id);
  } else {
    Napi::ArrayBuffer memory = info[0].As<Napi::ArrayBuffer>();
    result = instance->Lend(memory, memory.Data(), memory.ByteLength(), &id);
  }
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(id));
}

Napi::Value TakeBack(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->TakeBack(Integer(info[0]));
  return info.Env().Undefined();
}

// createOverlay(id, offset, length, window): an overlay's id or a negative number. The window begins where it is to begin.
Napi::Value CreateOverlay(const Napi::CallbackInfo &info) {
  Overlays &overlays = info.Env().GetInstanceData<Instance>()->overlays;
  fl_id id;
  int result =
      overlays.Create(Integer(info[0]), Integer(info[1]), Integer(info[2]), info[3].As<Napi::Uint8Array>(), &id);
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(id));
}

Napi::Value LayOverlay(const Napi::CallbackInfo &info) { return Result(info.Env(), fl_overlay_lay(Integer(info[0]))); }

// forgetOverlay(id): it has been closed, and its memory need not be held any more.
Napi::Value ForgetOverlay(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->overlays.Forget(Integer(info[0]));
  return info.Env().Undefined();
}

// Page faults of the calling thread so far.
Napi::Value ThreadUsage(const Napi::CallbackInfo &info) {
  fl_thread_usage usage = {};
  fl_get_thread_usage(&usage); // where the system does not count by thread, all zeros
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("majorFaults", Result(info.Env(), static_cast<int64_t>(usage.major_faults)));
  object.Set("minorFaults", Result(info.Env(), static_cast<int64_t>(usage.minor_faults)));
  return object;
}

Napi::Value MappingCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_mapping_count()));
}

Napi::Value ReaperBacklog(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_reaper_backlog()));
}

Napi::Value TransferCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_transfer_count()));
}

Napi::Object Constants(Napi::Env env, std::initializer_list<std::pair<const char *, int>> pairs) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto &pair : pairs)
    object.Set(pair.first, pair.second);
  return object;
}

// The numbers that both sides need have their home in faultless.h and holdings.h, and go to JavaScript from here.
void ExportConstants(Napi::Env env, Napi::Object exports) {
  exports.Set("makesBuffers", env.GetInstanceData<Instance>()->makes_buffers);
  exports.Set("pageSize", Result(env, static_cast<int64_t>(fl_page_size())));
  exports.Set("gone", HeldWords::kGone);
  exports.Set("modes", Constants(env, {{"copyOnWrite", FL_COPY_ON_WRITE}, {"shared", FL_SHARED}}));
  exports.Set("results", Constants(env, {{"TRUNCATED", FL_TRUNCATED},
                                         {"CLOSED", FL_CLOSED},
                                         {"PIN_LIMIT", FL_PIN_LIMIT},
                                         {"ABSENT", FL_ABSENT},
                                         {"DEVICE", FL_DEVICE}}));
  exports.Set("mirrorLayout", Constants(env, {{"EPOCH", FL_MIRROR_EPOCH},
                                              {"AWAKE", FL_MIRROR_AWAKE},
                                              {"SHOWN", FL_MIRROR_SHOWN},
                                              {"CHANGES", FL_MIRROR_CHANGES},
                                              {"USED", FL_MIRROR_USED},
                                              {"PAGES", FL_MIRROR_PAGES},
                                              {"EPOCHS", FL_MIRROR_EPOCHS},
                                              {"PINNED", FL_MIRROR_PINNED},
                                              {"BLOCK", FL_MIRROR_BLOCK}}));
  exports.Set("advice", Constants(env, {{"normal", FL_NORMAL},
                                        {"random", FL_RANDOM},
                                        {"sequential", FL_SEQUENTIAL},
                                        {"willneed", FL_WILLNEED},
                                        {"dontneed", FL_DONTNEED},
                                        {"cold", FL_COLD},
                                        {"pageout", FL_PAGEOUT},
                                        {"hugepage", FL_HUGEPAGE}}));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  if (IsForAnotherNode(env)) {
    Napi::Error error = Napi::Error::New(
        env, "This build of faultless does not fit the Node that runs it: npm rebuild faultless builds one "
             "that does, and Node 22.23, 24.21, 26 and newer need none of their own");
    error.Set("code", Napi::String::New(env, "ERR_DLOPEN_FAILED")); // as Node says it of addons
    error.ThrowAsJavaScriptException();
    return exports;
  }
  fl_prepare();
  Instance *instance = new Instance();
  instance->makes_buffers = CanCreateSharedBuffer(env);
  env.SetInstanceData(instance);
  napi_add_env_cleanup_hook(env, Instance::End, instance);
  ExportConstants(env, exports);
  ExportFileChanges(env, exports);
  ExportOpenedFiles(env, exports, &instance->opened);
  ExportMappings(env, exports);
  ExportDamage(env, exports);
  ExportBatches(env, exports);
  ExportPins(env, exports);
  ExportWaits(env, exports, &instance->waits);
  const std::pair<const char *, Napi::Value (*)(const Napi::CallbackInfo &)> functions[] = {
      {"claimWord", ClaimWord},
      {"disclaimWord", DisclaimWord},
      {"describe", Describe},
      {"wakeMirror", WakeMirror},
      {"mirrorThreadRuns", MirrorThreadRuns},
      {"readsBlocks", ReadsBlocks},
      {"refreshCount", RefreshCount},
      {"prefetch", OnRange<fl_prefetch>},
      {"populate", OnRange<fl_populate>},
      {"populateForWriting", OnRange<fl_populate_for_writing>},
      {"isResident", OnRange<fl_is_resident>},
      {"isIntact", OnRange<fl_is_intact>},
      {"evict", OnRange<fl_evict>},
      {"flush", OnRange<fl_flush>},
      {"advise", Advise},
      {"pageCount", PageCount},
      {"read", Read},
      {"readResidency", ReadResidency},
      {"lend", Lend},
      {"takeBack", TakeBack},
      {"createOverlay", CreateOverlay},
      {"layOverlay", LayOverlay},
      {"forgetOverlay", ForgetOverlay},
      {"threadUsage", ThreadUsage},
      {"mappingCount", MappingCount},
      {"reaperBacklog", ReaperBacklog},
      {"transferCount", TransferCount},
  };
  for (const auto &function : functions)
    exports.Set(function.first, Napi::Function::New(env, function.second, function.first));
  return exports;
}

} // namespace

NODE_API_MODULE(faultless, Init)
