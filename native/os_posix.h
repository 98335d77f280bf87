/*
 * How the files of POSIX systems share their work. os_posix.c and os_posix_fault.c are for all of them. Linux adds
 * os_linux*.c; the others add os_portable.c, and a file of their own for what even they do differently: os_darwin.c, or
 * os_plain.c with os_linux_any.c, which stand in for it where the portable code is tried on Linux. The names here that
 * begin with fl_sys_ are those differences.
 */
#ifndef FAULTLESS_OS_POSIX_H
#define FAULTLESS_OS_POSIX_H

#include "os.h"
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* Steps in which long ranges are worked on, so that no step holds the address space for more than about a millisecond. */
enum {
  FL_POSIX_STEP = 64 << 20,
  FL_POSIX_LOCK_STEP = 8 << 20 /* locking walks all pages of it */
};

static inline int fl_posix_result(int result) { return result == 0 ? 0 : -errno; }

enum fl_file_kind fl_posix_kind(unsigned mode);

/* Whether two descriptors are of one file: a path that was opened again may lead to another by now. */
bool fl_posix_is_same_file(int fd, int other);

/* Blocks by writing zeros, where they cannot be had otherwise: 0 or -errno. */
int fl_posix_write_zeros(int fd, uint64_t from, uint64_t to);

/* A point of time of a clock that only moves forward. */
struct timespec fl_posix_time(int64_t ns);

/* --- each system has its own -------------------------------------------------------------------------------------- */

/* When data or size of the file were last changed. */
int64_t fl_sys_changed_ns(const struct stat *status);

/* A name under which the file of a descriptor can be opened once more: 0 or -errno. */
int fl_sys_path(int fd, char *path, size_t size);

/*
 * Flags of a descriptor with which nobody can write at any place from any memory: O_APPEND, and what bypasses the page
 * cache.
 */
extern const int fl_sys_flags_in_the_way;

/* Signals of a load or store that a mapped file could not satisfy; the list ends with 0. */
enum { FL_SYS_MOST_SIGNALS = 2 };
extern const int fl_sys_fault_signals[FL_SYS_MOST_SIGNALS + 1];

/*
 * Whether BUS_ADRALN says what POSIX says: that an access of more than a byte, such as an atomic one of arm64, is not
 * aligned. That is no fault of the file's.
 */
extern const bool fl_sys_tells_misaligned;

/* os_linux.c: whether fl_os_populate does anything. */
bool fl_sys_can_populate(void);

/* Has no more of a range in memory than the pages that are stored to: no huge page, of which most would be empty. */
void fl_sys_keep_sparse(void *memory, size_t span);

/* --- for os_portable.c alone -------------------------------------------------------------------------------------- */

/* madvise(2)'s number of each advice, or FL_SYS_NO_ADVICE. */
enum { FL_SYS_NO_ADVICE = -1 };
extern const int fl_sys_advice[FL_ADVICE_COUNT];

/* Has blocks past the end of the file, which stays where it is: 0, -errno, or -ENOTSUP where that cannot be had. */
int fl_sys_preallocate(int fd, uint64_t from, uint64_t to);

/* Drops the file's pages from the page cache, as `window` shows them. They have been written back. */
int fl_sys_drop_cache(int fd, uint64_t file_offset, void *window, size_t span);

/* What was written to the file leaves the device's own cache. */
int fl_sys_sync_device(int fd);

#endif
