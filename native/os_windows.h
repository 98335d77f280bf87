/*
 * What the files that speak to Windows share. The core's descriptors are handles here: Windows gives out none that needs
 * more than 32 bits, and -1 is no handle.
 */
#ifndef FAULTLESS_OS_WINDOWS_H
#define FAULTLESS_OS_WINDOWS_H

#include "os.h"
#include <windows.h>

static inline HANDLE fl_windows_handle(int fd) { return (HANDLE)(intptr_t)fd; }

/* os_windows_errors.c: -errno for what GetLastError said. */
int fl_windows_error(DWORD error);

/* A function that not every Windows has, or NULL. Any function pointer may be cast to any other and back. */
typedef void (*fl_windows_function)(void);
fl_windows_function fl_windows_find(const char *library, const char *name);

/* What the system calls a page: a page of the core's is that, or, before placeholders came, what a view begins at. */
size_t fl_windows_page_size(void);

/* Whether a handle may be read from, and written to: 0 or -EACCES. */
int fl_windows_check_access(int fd, bool for_writing);

int fl_windows_set_size(int fd, uint64_t size);

/* --- os_windows_space.c: what addresses hold, with placeholders and without -------------------------------------- */

/* Whether what is there can be replaced with no moment at which others can take the addresses (Windows 10, 1803). */
bool fl_windows_has_placeholders(void);

/* A hole, wherever there is room where the address is NULL; NULL where there is none. Comes before any other call here. */
void *fl_windows_reserve(void *address, size_t span);

/* Makes two holes of one: 0 or -errno, as the others. */
int fl_windows_split_hole(void *address, size_t first, size_t span);

/* Zeros in the place of a hole. A fault in many of them is no failure: it asks for fl_windows_commit_zeros(). */
int fl_windows_put_zeros(void *address, size_t span);
int fl_windows_take_zeros(void *address, size_t span);

/* Whether there is memory for the page of zeros that a fault was in. */
bool fl_windows_commit_zeros(uintptr_t address);

enum fl_windows_access { FL_VIEW_READ_WRITE, FL_VIEW_COPY_ON_WRITE, FL_VIEW_READ_ONLY };

/* The first `bytes` of the hole become a view of the file from that offset on; there is none behind them. */
int fl_windows_put_view(void *address, size_t span, int fd, uint64_t offset, size_t bytes,
                        enum fl_windows_access access);
int fl_windows_take_view(void *address, size_t span);

/* --- os_windows_range.c: address ranges that are a patchwork of views, zeros and holes ------------------------- */

enum fl_windows_fault {
  FL_FAULT_FOREIGN, /* not in any range, or a store to what cannot be written to */
  FL_FAULT_RETRY,   /* there is something there by now */
  FL_FAULT_LOST     /* the file has no such page, or the device did not give it */
};

/* What is to be done about a load or a store that failed. `by_device`: the system has said that the page cannot be read. */
enum fl_windows_fault fl_windows_judge(uintptr_t address, bool is_store, bool by_device);

/*
 * Maps what the file has gained since, where a range of pages has holes. How many bytes may be loaded: all, but for what
 * lies behind the system's page with the file's end in it, where the core's pages are larger.
 */
size_t fl_windows_fill_holes(void *base, size_t span);

/* The file that stores to an address reach, or -1 where they reach none; and for how many bytes that is so. */
int fl_windows_shared_view_at(uintptr_t address, size_t *left);

/* The handle is being closed: the number may be another file's soon. */
void fl_windows_forget_file(int fd);

/*
 * Drops the private copies of pages, in views that lie in the range as a whole: of a view that reaches further those of
 * other pages would be lost with them.
 */
int fl_windows_drop_copies(void *base, size_t span);

/*
 * Sets the size of the file, and maps what it has gained. Windows lets nobody cut a file that is mapped, so if this one is
 * to be cut, its views by that handle are away meanwhile.
 */
int fl_windows_resize(int fd, uint64_t size, bool is_cut);

/* --- os_windows_fault.c ----------------------------------------------------------------------------------------- */

/* Loads a byte of every page, or stores it again: 0, or -EFAULT where one cannot be had; nothing is replaced for that. */
int fl_windows_load(void *base, size_t span, bool for_writing);

#endif
