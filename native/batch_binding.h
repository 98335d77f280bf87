// The binding's part for pool threads: see batch_binding.cc.
#ifndef FAULTLESS_BATCH_BINDING_H
#define FAULTLESS_BATCH_BINDING_H

#include <napi.h>

void ExportBatches(Napi::Env env, Napi::Object exports);

#endif
