// What the files of the binding share: numbers, durations and ids out of JavaScript values, and back.
#ifndef FAULTLESS_ARGUMENTS_H
#define FAULTLESS_ARGUMENTS_H

#include "faultless.h"
#include <cmath>
#include <napi.h>

inline uint64_t Integer(const Napi::Value &value) {
  return static_cast<uint64_t>(value.As<Napi::Number>().Int64Value());
}

// From milliseconds, never less than was asked for. Infinity, and what is longer than the core counts, is INT64_MAX.
inline int64_t Nanoseconds(const Napi::Value &milliseconds) {
  double ns = std::ceil(milliseconds.As<Napi::Number>().DoubleValue() * 1e6);
  return ns < 9e18 ? static_cast<int64_t>(ns) : INT64_MAX;
}

inline Napi::Value Result(Napi::Env env, int64_t result) { return Napi::Number::New(env, static_cast<double>(result)); }

// A number of bytes, which is UINT64_MAX where nothing limits it.
inline Napi::Value Bytes(Napi::Env env, uint64_t bytes) {
  return Napi::Number::New(env, bytes == UINT64_MAX ? HUGE_VAL : static_cast<double>(bytes));
}

// An id of the core's travels as the pointer that finalizers are given.
static_assert(sizeof(void *) >= sizeof(fl_id), "an id must fit into a pointer");
inline void *IdAsPointer(fl_id id) { return reinterpret_cast<void *>(static_cast<uintptr_t>(id)); }
inline fl_id IdOfPointer(void *pointer) { return static_cast<fl_id>(reinterpret_cast<uintptr_t>(pointer)); }

#endif
