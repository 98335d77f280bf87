// Mappings for JavaScript: how a thread gets a handle on one and the buffer over it, and how it gives them back. As in
// addon.cc arguments have been checked, and results below zero are turned into errors there.

#include "mapping_binding.h"
#include "arguments.h"
#include "host.h"
#include "instance.h"
#include "shared_buffer.h"
#include <cerrno>

namespace {

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

Napi::Value Close(const Napi::CallbackInfo &info) { return Result(info.Env(), fl_mapping_close(Integer(info[0]))); }

} // namespace

void ExportMappings(Napi::Env env, Napi::Object exports) {
  const std::pair<const char *, Napi::Value (*)(const Napi::CallbackInfo &)> functions[] = {
      {"map", Map},       {"hasRoomFor", HasRoomFor}, {"mapLonger", MapLonger}, {"takeOver", TakeOver},
      {"lay", Lay},       {"layLonger", LayLonger},   {"letGo", LetGo},         {"mirrorLength", MirrorLength},
      {"attach", Attach}, {"leave", Leave},           {"giveUp", GiveUp},       {"close", Close},
  };
  for (const auto &function : functions)
    exports.Set(function.first, Napi::Function::New(env, function.second, function.first));
}
