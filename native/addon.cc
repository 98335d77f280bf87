// The binding: takes arguments out of JavaScript values, calls the core, gives its results back as numbers.
//
// JavaScript has checked the arguments (lib/options.js); results below zero are turned into errors there as well
// (lib/errors.js). Nothing here is global: every thread that loads the addon has an Instance of its own.

#include "arguments.h"
#include "batch_binding.h"
#include "damage_signal.h"
#include "file_changes.h"
#include "holdings.h"
#include "host.h"
#include "laid_buffers.h"
#include "opened_files.h"
#include "overlays.h"
#include "pin_binding.h"
#include "shared_buffer.h"
#include "wait_signal.h"
#include <cerrno>
#include <unordered_map>

namespace {

// The memory that this thread lends to pool threads until their answer has come. When the thread ends first, its end
// waits for a copy that is under way, and no other will start.
class Instance {
public:
  ~Instance() {
    for (const auto &lent : lent_)
      fl_transfer_end(lent.first);
  }

  // `owner` keeps the memory, as long as nobody can take it from under it.
  int Lend(Napi::Object owner, void *data, size_t length, fl_id *id) {
    int result = fl_transfer_create(data, length, id);
    if (result == 0)
      lent_[*id] = Napi::Persistent(owner);
    return result;
  }

  void TakeBack(fl_id id) {
    fl_transfer_end(id);
    lent_.erase(id);
  }

  // Runs when no JavaScript of this thread runs any more, and before anything of it is finalized.
  static void End(void *instance) {
    static_cast<Instance *>(instance)->handles.Abandon();
    static_cast<Instance *>(instance)->held.Abandon();
    static_cast<Instance *>(instance)->laid.Abandon();
  }

  DamageSignal damage;
  LaidBuffers laid;
  OpenedFiles opened;
  Overlays overlays;
  WaitSignal waits;
  Handles handles;
  HeldWords held;
  bool makes_buffers = false;

private:
  std::unordered_map<fl_id, Napi::ObjectReference> lent_;
};

void ReleaseBuffer(void *, void *id) { fl_mapping_release(IdOfPointer(id)); }

// Each buffer holds a reference of its own, since it may outlive its handle, this thread and its environment.
napi_value BufferOver(Napi::Env env, fl_id id, void *data, uint64_t length) {
  if (data == nullptr || length == 0 || fl_mapping_retain(id) < 0)
    return nullptr;
  napi_value buffer = CreateSharedBuffer(env, data, length, ReleaseBuffer, IdAsPointer(id));
  if (buffer == nullptr)
    fl_mapping_release(id);
  return buffer;
}

// What map and attach have in common: an object, or -ENOTSUP where one cannot be made. The lease comes before anything
// else that can fail in a thread that is being terminated: the handle goes with it.
Napi::Value Handle(Napi::Env env, const fl_map_info &mapped, bool is_laid) {
  napi_value lease = env.GetInstanceData<Instance>()->handles.Make(env, mapped.id);
  bool has_mirror = mapped.mirror != nullptr;
  bool makes_mirror = lease != nullptr && has_mirror && !is_laid;
  napi_value mirror = makes_mirror ? BufferOver(env, mapped.id, mapped.mirror, mapped.mirror_length) : nullptr;
  if (lease == nullptr || (mirror == nullptr && makes_mirror))
    return Result(env, -ENOTSUP);
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", Result(env, static_cast<int64_t>(mapped.id)));
  object.Set("fileId", Result(env, static_cast<int64_t>(mapped.file)));
  object.Set("lease", Napi::Value(env, lease));
  object.Set("offset", Result(env, static_cast<int64_t>(mapped.offset)));
  object.Set("length", Result(env, static_cast<int64_t>(mapped.known_length)));
  object.Set("follows", mapped.follows);
  object.Set("copyOnWrite", mapped.copy_on_write);
  if (mirror != nullptr)
    object.Set("mirror", mirror);
  if (has_mirror)
    object.Set("believed", mapped.mirror_believed);
  return object;
}

fl_map_request RequestOf(const Napi::CallbackInfo &info) {
  return {CoreDescriptor(info[0].As<Napi::Number>().Int32Value()),
          Integer(info[1]),
          Integer(info[2]),
          static_cast<fl_mode>(info[3].As<Napi::Number>().Int32Value()),
          Nanoseconds(info[4]),
          info[5].As<Napi::Boolean>().Value()};
}

// What has been mapped over memory of JavaScript's: its handle. This thread is the first to hold it.
Napi::Value HandleOfLaid(Napi::Env env, const fl_map_info &mapped, Napi::Uint8Array bytes, Napi::Uint8Array mirror) {
  LaidBuffers &laid = env.GetInstanceData<Instance>()->laid;
  laid.Hold(mapped.id, bytes, mirror);
  Napi::Value handle = Handle(env, mapped, true);
  if (handle.IsNumber())
    laid.LetGo(mapped.id);
  return handle;
}

// lay(fd, offset, length, mode, freshness in ms, follows, bytes, mirror): as map, over the memory that the last two,
// which are Uint8Arrays, begin at; without `buffer` and `mirror` in its answer. The length is not 0.
Napi::Value Lay(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  fl_map_request request = RequestOf(info);
  Napi::Uint8Array bytes = info[6].As<Napi::Uint8Array>(), mirror = info[7].As<Napi::Uint8Array>();
  fl_map_info mapped;
  int result = fl_mapping_create_in(&request, bytes.Data(), mirror.Data(), &mapped);
  return result < 0 ? Result(env, result) : HandleOfLaid(env, mapped, bytes, mirror);
}

// layLonger(id, length, bytes, mirror): as mapLonger, over the memory that the last two begin at, and as lay otherwise.
Napi::Value LayLonger(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Napi::Uint8Array bytes = info[2].As<Napi::Uint8Array>(), mirror = info[3].As<Napi::Uint8Array>();
  fl_map_info mapped;
  int result = fl_mapping_create_longer(Integer(info[0]), Integer(info[1]), Integer(info[1]), bytes.Data(),
                                        mirror.Data(), &mapped);
  return result < 0 ? Result(env, result) : HandleOfLaid(env, mapped, bytes, mirror);
}

// letGo(id): a handle on what was laid is closed, as is the mapping if it was the last one.
Napi::Value LetGo(const Napi::CallbackInfo &info) {
  info.Env().GetInstanceData<Instance>()->laid.LetGo(Integer(info[0]));
  return info.Env().Undefined();
}

Napi::Value MirrorLength(const Napi::CallbackInfo &info) {
  return Result(info.Env(), static_cast<int64_t>(fl_mirror_length(Integer(info[0]))));
}

// What has been mapped anywhere: its handle, with the buffer.
Napi::Value HandleOfMapped(Napi::Env env, const fl_map_info &mapped) {
  Napi::Value handle = Handle(env, mapped, false);
  napi_value buffer = handle.IsNumber() ? nullptr : BufferOver(env, mapped.id, mapped.data, mapped.length);
  if (handle.IsNumber() || (buffer == nullptr && mapped.length > 0))
    return Result(env, -ENOTSUP);
  if (buffer != nullptr)
    handle.As<Napi::Object>().Set("buffer", buffer);
  return handle;
}

// map(fd, offset, length, mode, freshness in ms, follows): { id, fileId, lease, offset, length, follows, copyOnWrite, buffer,
// mirror, believed } or a negative number. An empty mapping has neither buffer nor mirror.
Napi::Value Map(const Napi::CallbackInfo &info) {
  fl_map_request request = RequestOf(info);
  fl_map_info mapped;
  int result = fl_mapping_create(&request, &mapped);
  return result < 0 ? Result(info.Env(), result) : HandleOfMapped(info.Env(), mapped);
}

// hasRoomFor(bytes): whether the process may have so many addresses more.
Napi::Value HasRoomFor(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), fl_has_room_for(Integer(info[0])));
}

// mapLonger(id, least, length): the same for a file that has outgrown that mapping, which stays. It may be longer, as another
// thread has it already.
Napi::Value MapLonger(const Napi::CallbackInfo &info) {
  fl_map_info mapped;
  int result =
      fl_mapping_create_longer(Integer(info[0]), Integer(info[1]), Integer(info[2]), nullptr, nullptr, &mapped);
  return result < 0 ? Result(info.Env(), result) : HandleOfMapped(info.Env(), mapped);
}

// takeOver(id): the file has grown into it.
Napi::Value TakeOver(const Napi::CallbackInfo &info) {
  fl_mapping_take_over(Integer(info[0]));
  return info.Env().Undefined();
}

// attach(id, bytes, isShared, mirror): a handle more on a mapping, as map gives it, but for the buffer; as lay gives it
// with a mirror. The last three are what is said of the mapping, bytes an Uint8Array over its buffer: -EINVAL where
// that is not so.
Napi::Value Attach(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Napi::Uint8Array bytes = info[1].As<Napi::Uint8Array>();
  fl_map_info mapped;
  int result = fl_mapping_attach(Integer(info[0]), &mapped);
  if (result < 0)
    return Result(env, result);
  bool is_laid = info[3].IsTypedArray();
  bool is_its_own = bytes.ElementLength() == mapped.length && (mapped.length == 0 || bytes.Data() == mapped.data);
  bool is_right = is_its_own && info[2].As<Napi::Boolean>().Value() == (mapped.mode == FL_SHARED);
  if (is_right && !is_laid)
    return Handle(env, mapped, false);
  Napi::Uint8Array mirror = is_laid ? info[3].As<Napi::Uint8Array>() : bytes;
  if (is_right && mirror.Data() == mapped.mirror && fl_mapping_hold(mapped.id) == 0)
    return HandleOfLaid(env, mapped, bytes, mirror);
  fl_mapping_give_up(mapped.id);
  fl_mapping_release(mapped.id);
  return Result(env, -EINVAL);
}

// leave(lease): the handle is closed. 1 where it was the last one of the mapping, which is then to be closed as well.
Napi::Value Leave(const Napi::CallbackInfo &info) { return Result(info.Env(), Handles::Leave(info.Env(), info[0])); }

// giveUp(lease): the handle is of no use, and nobody was told of it.
Napi::Value GiveUp(const Napi::CallbackInfo &info) {
  Handles::GiveUp(info.Env(), info[0]);
  return info.Env().Undefined();
}

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

Napi::Value Close(const Napi::CallbackInfo &info) { return Result(info.Env(), fl_mapping_close(Integer(info[0]))); }

Napi::Value ReadsBlocks(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), fl_reads_blocks(Integer(info[0])));
}

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

// refreshCount(id): how often refresh was called, by whatever thread.
Napi::Value RefreshCount(const Napi::CallbackInfo &info) {
  return Result(info.Env(), fl_refresh_count(Integer(info[0])));
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
  ExportBatches(env, exports);
  ExportPins(env, exports);
  ExportWaits(env, exports, &instance->waits);
  const std::pair<const char *, Napi::Value (*)(const Napi::CallbackInfo &)> functions[] = {
      {"map", Map},
      {"hasRoomFor", HasRoomFor},
      {"mapLonger", MapLonger},
      {"takeOver", TakeOver},
      {"lay", Lay},
      {"layLonger", LayLonger},
      {"letGo", LetGo},
      {"mirrorLength", MirrorLength},
      {"attach", Attach},
      {"leave", Leave},
      {"giveUp", GiveUp},
      {"close", Close},
      {"claimWord", ClaimWord},
      {"disclaimWord", DisclaimWord},
      {"describe", Describe},
      {"wakeMirror", WakeMirror},
      {"mirrorThreadRuns", MirrorThreadRuns},
      {"damagedBytes", DamagedBytes},
      {"onDamage", OnDamage},
      {"offDamage", OffDamage},
      {"damageWords", DamageWords},
      {"nextDamage", NextDamage},
      {"standFirst", StandFirst},
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
