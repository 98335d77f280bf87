// The part of the binding that changes files, and their size.
#ifndef FAULTLESS_FILE_CHANGES_H
#define FAULTLESS_FILE_CHANGES_H

#include <napi.h>

void ExportFileChanges(Napi::Env env, Napi::Object exports);

#endif
