// What the binding asks of the program that has loaded it, and that differs between systems: host_posix.cc, host_windows.cc.
#ifndef FAULTLESS_HOST_H
#define FAULTLESS_HOST_H

// A function of Node's by its name, or null where this Node has none.
void *FindInNode(const char *name);

// A descriptor of JavaScript's as the core knows it; -1 where there is no such.
int CoreDescriptor(int fd);

#endif
