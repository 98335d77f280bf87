// The binding's part for pins: see pin_binding.cc.
#ifndef FAULTLESS_PIN_BINDING_H
#define FAULTLESS_PIN_BINDING_H

#include <napi.h>

void ExportPins(Napi::Env env, Napi::Object exports);

#endif
