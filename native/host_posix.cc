// See host.h: what Node exports is found by the dynamic linker, and a descriptor is one everywhere.

#include "host.h"
#include <dlfcn.h>

void *FindInNode(const char *name) { return dlsym(RTLD_DEFAULT, name); }

int CoreDescriptor(int fd) { return fd; }
