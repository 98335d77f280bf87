// Makes the external SharedArrayBuffer: by Node-API where the running Node has the call, by V8 where it has not.

#include "shared_buffer.h"
#include "host.h"
#include <cstdlib>
#include <cstring>

// node_version.h names the newest Node-API version that its Node has; ours, in binding.gyp, is the oldest we need.
#pragma push_macro("NAPI_VERSION")
#undef NAPI_VERSION
#include <node_version.h>
#pragma pop_macro("NAPI_VERSION")

// Node 22.23, 24.21 and everything from 26 on have the Node-API call, so a build against those needs no V8 symbol.
#if NODE_MAJOR_VERSION >= 26 || (NODE_MAJOR_VERSION == 24 && NODE_MINOR_VERSION >= 21) ||                              \
    (NODE_MAJOR_VERSION == 22 && NODE_MINOR_VERSION >= 23)
#define FAULTLESS_NEEDS_V8 0
#elif defined(V8_ENABLE_SANDBOX)
#define FAULTLESS_NEEDS_V8 0 // and would be of no use: V8 ends the process that gives it memory outside its cage
#else
#define FAULTLESS_NEEDS_V8 1
#include <v8.h>
#endif

namespace {

bool IsNode(const napi_node_version *version) { return strcmp(version->release, "node") == 0; }

typedef napi_status(NAPI_CDECL *CreateExternal)(napi_env env, void *data, size_t length, SharedBufferFinalizer finalize,
                                                void *hint, napi_value *result);

// Looked up when it runs: naming it would tie the binary to an experimental Node-API version, and to new Nodes.
CreateExternal FindNodeApiCall() {
  static const CreateExternal call =
      reinterpret_cast<CreateExternal>(FindInNode("node_api_create_external_sharedarraybuffer"));
  return call;
}

#if FAULTLESS_NEEDS_V8

struct Owner {
  SharedBufferFinalizer finalize;
  void *hint;
};

void DeleteStore(void *data, size_t, void *owner_pointer) {
  Owner *owner = static_cast<Owner *>(owner_pointer);
  owner->finalize(data, owner->hint);
  delete owner;
}

// V8's classes differ between major versions; a binary that was built against another one must not try.
bool BuiltForThisNode(napi_env env) {
  const napi_node_version *version;
  bool known = napi_get_node_version(env, &version) == napi_ok;
  return known && IsNode(version) && version->major == NODE_MAJOR_VERSION;
}

napi_value CreateByV8(napi_env env, void *data, size_t length, SharedBufferFinalizer finalize, void *hint) {
  if (!BuiltForThisNode(env))
    return nullptr;
  auto store = v8::SharedArrayBuffer::NewBackingStore(data, length, DeleteStore, new Owner{finalize, hint});
  v8::Local<v8::Value> buffer = v8::SharedArrayBuffer::New(v8::Isolate::GetCurrent(), std::move(store));
  // A napi_value is a v8::Local in other clothes (node's src/js_native_api_v8.h, JsValueFromV8LocalValue).
  static_assert(sizeof(napi_value) == sizeof(v8::Local<v8::Value>), "napi_value does not hold a v8::Local");
  napi_value result;
  memcpy(&result, &buffer, sizeof result);
  return result;
}

#else

bool BuiltForThisNode(napi_env) { return false; }
napi_value CreateByV8(napi_env, void *, size_t, SharedBufferFinalizer, void *) { return nullptr; }

#endif

void Free(void *data, void *) { free(data); }

} // namespace

bool IsForAnotherNode(napi_env env) {
#ifdef V8_ENABLE_SANDBOX
  (void)env;
  return false;
#else
  const napi_node_version *version;
  bool is_node = napi_get_node_version(env, &version) == napi_ok && IsNode(version);
  return is_node && FindNodeApiCall() == nullptr && !BuiltForThisNode(env);
#endif
}

bool CanCreateSharedBuffer(napi_env env) {
  if (getenv("FAULTLESS_TEST_NO_EXTERNAL") != nullptr)
    return false;
  void *data = malloc(1);
  bool made = data != nullptr && CreateSharedBuffer(env, data, 1, Free, nullptr) != nullptr;
  if (!made)
    free(data);
  return made;
}

napi_value CreateSharedBuffer(napi_env env, void *data, size_t length, SharedBufferFinalizer finalize, void *hint) {
  CreateExternal create = FindNodeApiCall();
  if (create == nullptr)
    return CreateByV8(env, data, length, finalize, hint);
  napi_value result;
  return create(env, data, length, finalize, hint, &result) == napi_ok ? result : nullptr;
}
