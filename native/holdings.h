/* What a JavaScript thread holds that others must learn of when it ends, however it ends. */
#ifndef FAULTLESS_HOLDINGS_H
#define FAULTLESS_HOLDINGS_H

#include "faultless.h"
#include <atomic>
#include <map>
#include <napi.h>
#include <set>

/* A handle on a mapping: what became of it. */
struct HandleLease;

/* The handles of one environment. */
class Handles {
public:
  /*
   * A value whose life is the handle's: takes over the handle and its reference. Null, and both given up, where none can
   * be made.
   */
  napi_value Make(napi_env env, fl_id id);

  /* The holder of a handle closes it: fl_mapping_leave. A second time it does nothing, and gives 0. */
  static int Leave(napi_env env, napi_value lease);
  /* Nobody was told of it: fl_mapping_give_up. */
  static void GiveUp(napi_env env, napi_value lease);

  /* The environment ends. */
  void Abandon();

private:
  static void Finalize(napi_env env, void *lease, void *hint);
  std::set<HandleLease *> open_;
};

/*
 * Words of shared memory that say which of its JavaScript threads holds something. The bit kGone is set when the holder's
 * environment ends; those above it are the word's generation, which every new holder changes (worker/layout.js).
 */
class HeldWords {
public:
  static constexpr int32_t kGone = 0x80;
  static constexpr int32_t kGeneration = ~(2 * kGone - 1);

  /* Exchanges the word if it is as expected, and holds it from then on. */
  bool Claim(Napi::Int32Array array, uint32_t index, int32_t expected, int32_t desired);

  /* Holds it no longer; the word stays as it is. */
  void Disclaim(Napi::Int32Array array, uint32_t index);

  /* The environment ends. */
  void Abandon();

private:
  struct Held {
    int32_t word;
    Napi::Reference<Napi::Int32Array> array; // keeps the memory
  };
  std::map<std::atomic<int32_t> *, Held> held_;
};

#endif
