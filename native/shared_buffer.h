/* The SharedArrayBuffer over memory that the core owns. */
#ifndef FAULTLESS_SHARED_BUFFER_H
#define FAULTLESS_SHARED_BUFFER_H

#include <napi.h>

/*
 * Runs when the last reference in any thread is gone: on any thread, with no JavaScript environment, possibly after
 * the environment that made the buffer has ended. It must use the core alone.
 */
typedef void (*SharedBufferFinalizer)(void *data, void *hint);

/* Whether this is Node, and a build for this Node could make one, but this one cannot. */
bool IsForAnotherNode(napi_env env);

/*
 * Whether the runtime makes any: where it has a call for it, this is tried. A V8 with a memory cage refuses, as all its
 * buffers have to lie in the cage. FAULTLESS_TEST_NO_EXTERNAL in the environment has it say no: for tests.
 */
bool CanCreateSharedBuffer(napi_env env);

/*
 * A SharedArrayBuffer over `data`; null when the runtime has no way to make one (then the finalizer is not called).
 */
napi_value CreateSharedBuffer(napi_env env, void *data, size_t length, SharedBufferFinalizer finalize, void *hint);

#endif
