// What the files of the binding share: numbers out of JavaScript values, and back.
#ifndef FAULTLESS_ARGUMENTS_H
#define FAULTLESS_ARGUMENTS_H

#include "faultless.h"
#include <algorithm>
#include <napi.h>

inline uint64_t Integer(const Napi::Value &value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

// From milliseconds, which may be Infinity; an hour says as much.
inline int64_t Nanoseconds(const Napi::Value &milliseconds) {
  double hour = 3600e3;
  return static_cast<int64_t>(std::min(milliseconds.As<Napi::Number>().DoubleValue(), hour) * 1e6);
}

inline Napi::Value Result(Napi::Env env, int64_t result) { return Napi::Number::New(env, static_cast<double>(result)); }

#endif
