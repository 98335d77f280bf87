// See opened_files.h.

#include "opened_files.h"
#include "arguments.h"
#include <string>

OpenedFiles::~OpenedFiles() {
  for (int fd : opened_)
    fl_close_cached(fd);
}

int OpenedFiles::Open(const char *path) {
  int fd = fl_open_cached(path);
  if (fd >= 0)
    opened_.insert(fd);
  return fd;
}

void OpenedFiles::Close(int fd) {
  if (opened_.erase(fd) == 1)
    fl_close_cached(fd);
}

namespace {

OpenedFiles *FilesOf(const Napi::CallbackInfo &info) { return static_cast<OpenedFiles *>(info.Data()); }

// openCached(path): a descriptor or a negative number.
Napi::Value OpenCached(const Napi::CallbackInfo &info) {
  std::string path = info[0].As<Napi::String>().Utf8Value();
  return Result(info.Env(), FilesOf(info)->Open(path.c_str()));
}

// closeCached(fd): and not fs, which would warn in worker threads that it never opened it.
Napi::Value CloseCached(const Napi::CallbackInfo &info) {
  FilesOf(info)->Close(info[0].As<Napi::Number>().Int32Value());
  return info.Env().Undefined();
}

} // namespace

void ExportOpenedFiles(Napi::Env env, Napi::Object exports, OpenedFiles *files) {
  exports.Set("openCached", Napi::Function::New(env, OpenCached, "openCached", files));
  exports.Set("closeCached", Napi::Function::New(env, CloseCached, "closeCached", files));
}
