// The binding's part for mappings and handles on them: see mapping_binding.cc.
#ifndef FAULTLESS_MAPPING_BINDING_H
#define FAULTLESS_MAPPING_BINDING_H

#include <napi.h>

void ExportMappings(Napi::Env env, Napi::Object exports);

#endif
