// See file_changes.h. As everywhere in the binding, JavaScript has checked the arguments.

#include "file_changes.h"
#include "arguments.h"

namespace {

// write(id, offset, length, transfer, at): the bytes written, all of them, or a negative number.
Napi::Value Write(const Napi::CallbackInfo &info) {
  uint64_t length = Integer(info[2]);
  int result = fl_write(Integer(info[0]), Integer(info[1]), length, Integer(info[3]), Integer(info[4]));
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(length));
}

// resize(id, size): the file's size, or a negative number.
Napi::Value Resize(const Napi::CallbackInfo &info) {
  uint64_t size;
  int result = fl_resize(Integer(info[0]), Integer(info[1]), &size);
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(size));
}

// refresh(id): the same.
Napi::Value Refresh(const Napi::CallbackInfo &info) {
  uint64_t size;
  int result = fl_refresh(Integer(info[0]), &size);
  return Result(info.Env(), result < 0 ? result : static_cast<int64_t>(size));
}

} // namespace

void ExportFileChanges(Napi::Env env, Napi::Object exports) {
  exports.Set("write", Napi::Function::New(env, Write, "write"));
  exports.Set("resize", Napi::Function::New(env, Resize, "resize"));
  exports.Set("refresh", Napi::Function::New(env, Refresh, "refresh"));
}
