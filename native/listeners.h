/* Functions of one environment's JavaScript that hear of something: several copies of lib/, as test runners make, share the addon. */
#ifndef FAULTLESS_LISTENERS_H
#define FAULTLESS_LISTENERS_H

#include <initializer_list>
#include <napi.h>
#include <vector>

class Listeners {
public:
  void Add(Napi::Function function) {
    if (Find(function) == functions_.end())
      functions_.push_back(Napi::Persistent(function));
  }

  void Remove(Napi::Function function) {
    auto found = Find(function);
    if (found != functions_.end())
      functions_.erase(found);
  }

  void Clear() { functions_.clear(); }

  /* Calls each, whatever another throws. With a handle scope open. */
  void Tell(Napi::Env env, std::initializer_list<napi_value> arguments) {
    std::vector<napi_value> now; // they may come and go meanwhile
    for (const auto &function : functions_)
      now.push_back(function.Value());
    for (napi_value function : now) {
      napi_value result, exception;
      napi_status status =
          napi_make_callback(env, nullptr, env.Global(), function, arguments.size(), arguments.begin(), &result);
      // Any other failure means that the environment is being torn down and runs no JavaScript any more.
      if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &exception) == napi_ok)
        napi_fatal_exception(env, exception); // 'uncaughtException', as for any listener of an event
    }
  }

private:
  using Functions = std::vector<Napi::FunctionReference>;

  Functions::iterator Find(Napi::Function function) {
    auto at = functions_.begin();
    while (at != functions_.end() && !at->Value().StrictEquals(function))
      ++at;
    return at;
  }

  Functions functions_;
};

#endif
