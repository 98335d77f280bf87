// The binding's part for damage: see damage_binding.cc.
#ifndef FAULTLESS_DAMAGE_BINDING_H
#define FAULTLESS_DAMAGE_BINDING_H

#include <napi.h>

void ExportDamage(Napi::Env env, Napi::Object exports);

#endif
