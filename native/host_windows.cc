// See host.h: what Node exports is in the program itself, and descriptors are numbers of its C library, which libuv knows.

#include "host.h"
#include <uv.h>
#include <windows.h>

void *FindInNode(const char *name) { return reinterpret_cast<void *>(GetProcAddress(GetModuleHandleW(nullptr), name)); }

// A handle needs no more than 32 bits, and none is -1 (os_windows.h).
int CoreDescriptor(int fd) { return static_cast<int>(reinterpret_cast<intptr_t>(uv_get_osfhandle(fd))); }
