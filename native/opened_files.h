// Descriptors of paths that JavaScript has had opened at once, and closes itself (lib/open-path.js). When its thread is
// terminated before, they are closed with it, as Node does with what fs has opened.
#ifndef FAULTLESS_OPENED_FILES_H
#define FAULTLESS_OPENED_FILES_H

#include <napi.h>
#include <unordered_set>

class OpenedFiles {
public:
  ~OpenedFiles();
  int Open(const char *path);
  void Close(int fd);

private:
  std::unordered_set<int> opened_;
};

// `files` lives as long as the thread's JavaScript.
void ExportOpenedFiles(Napi::Env env, Napi::Object exports, OpenedFiles *files);

#endif
