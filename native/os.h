/*
 * What differs between operating systems, behind one face: os_posix.c with os_linux.c, or with os_portable.c and
 * os_darwin.c (see os_posix.h); os_windows*.c; os_stub.c for systems that nobody has written a file for.
 * Addresses and spans are whole pages unless said otherwise. Results are 0 or -errno.
 */
#ifndef FAULTLESS_OS_H
#define FAULTLESS_OS_H

#include "faultless.h"
#include <pthread.h>

size_t fl_os_page_size(void);

/* Down to the start of a page, and up to the end of one. */
static inline uint64_t fl_page_floor(uint64_t bytes) { return bytes & ~(uint64_t)(fl_os_page_size() - 1); }
static inline uint64_t fl_page_ceil(uint64_t bytes) { return fl_page_floor(bytes + fl_os_page_size() - 1); }

/*
 * Opens a regular file for reading if that waits for nobody: a descriptor that is closed on exec. -EAGAIN where it might
 * wait, and for everything else that is in the way: whoever may wait tries again, and hears what it was.
 */
int fl_os_open_cached(const char *path);

/*
 * Duplicates a descriptor, closed on exec. If it bypasses the page cache (O_DIRECT) the file is opened anew for reading instead,
 * where that is possible. The new descriptor, or -errno.
 */
int fl_os_duplicate(int fd);
void fl_os_close(int fd);

/*
 * The same of a descriptor through which the file is to be written to, at any place and from any memory: where the given
 * one only appends, or bypasses the page cache, another one of the same file.
 */
int fl_os_duplicate_for_writing(int fd);

struct fl_os_status {
  uint64_t size;      /* bytes */
  int64_t changed_ns; /* when data or size were last changed; only good for comparing */
};

/* fl_describe of the core's face. */
int fl_os_describe(int fd, enum fl_file_kind *kind, uint64_t *size);

/* How the file is now. May be called in a signal handler. */
int fl_os_file_status(int fd, struct fl_os_status *status);

/* The same without asking whoever keeps the file: what this machine last heard of it. Waits for nobody. */
int fl_os_cached_file_status(int fd, struct fl_os_status *status);

/*
 * Reads one byte at `offset`, as a program without a mapping would: 0 (also at the end of the file) or the device's
 * -errno.
 */
int fl_os_probe_byte(int fd, uint64_t offset);

/*
 * Copies what is in memory of a range of the file, from its first byte on, past the mapping: how many bytes, which may be
 * fewer than asked for; 0 at the end of the file; -EAGAIN where not even the first is there, or -errno. Waits for no device.
 */
int64_t fl_os_read_cached(int fd, void *bytes, size_t length, uint64_t offset);

/*
 * Whether that can be had of this file, and what is read through the descriptor is in the page cache afterwards, for the
 * mapping as well. May ask for the page at `offset`, without waiting.
 */
bool fl_os_can_read_cached(int fd, uint64_t offset);

/* Maps file pages; `*copy_on_write` says what the mapping became. */
int fl_os_map(int fd, uint64_t file_offset, size_t span, enum fl_mode mode, void **base, bool *copy_on_write);

/* Maps file pages over a range, in place; `copy_on_write` as fl_os_map had it. */
int fl_os_map_again(int fd, uint64_t file_offset, void *base, size_t span, enum fl_mode mode, bool copy_on_write);

/* Replaces a range by zero pages that belong to nobody, in place. Called from signal handlers as well. */
int fl_os_map_zeros(void *base, size_t span);

/* The same for memory that others go on storing to: fails where the system has none left for the stores. */
int fl_os_map_writable_zeros(void *base, size_t span);

/* Whether fl_os_map_again and fl_os_map_zeros can replace memory that fl_os_map did not make. */
bool fl_os_can_map_over(void);

/* Drops the page table entries of a range in steps, so that no step holds the address space for long. */
void fl_os_drop_entries(void *base, size_t span);

void fl_os_unmap(void *base, size_t span);

/* Zeroed memory that costs nothing until it is written; given back by fl_os_unmap. NULL when there is none. */
void *fl_os_reserve_zeroed(size_t span);

int fl_os_advise(void *base, size_t span, enum fl_advice advice);

/* Starts reading a range of the file, mapped at `base`, all of it: advice for a long one may be cut by the kernel. */
void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span);

/*
 * Reads blocks of the file into the page cache, and waits for them: each as one folio, where the file system has such, which
 * takes a fraction of the processor's time. `*large`: so it was, if none of it was there before. -EFAULT where some page
 * cannot be read; some may have been read then.
 */
int fl_os_read_blocks(int fd, uint64_t file_offset, size_t span, bool *large);

/* The size of these blocks, which begin at multiples of it; 0 where there are none. */
size_t fl_os_block_size(void);

/*
 * -EFAULT: a page could not be read, or, `for_writing`, had no block to be written to. -ENOSYS: this kernel cannot do it
 * (probed once, by asking).
 */
int fl_os_populate(void *base, size_t span, bool for_writing);

/* Writes bytes, all of them. What was written before an error stays. */
int fl_os_write(int fd, const void *bytes, size_t length, uint64_t offset);

/*
 * Has blocks for the range, also past the end of the file, which stays where it is. 0 as well where the file system
 * cannot do it.
 */
int fl_os_allocate(int fd, uint64_t offset, uint64_t length);

/* Makes a file of `from` bytes grow to `to`, with blocks for what it grows by; or it has the size that it had. */
int fl_os_grow(int fd, uint64_t from, uint64_t to);

int fl_os_truncate(int fd, uint64_t size);

/* One byte a page, of which bit 0 counts. */
int fl_os_residency(void *base, size_t span, uint8_t *vector);

/* Whether fl_os_residency tells the truth about this file: 1, or 0 where the kernel hides it. */
int fl_os_residency_is_honest(int fd);

/*
 * Locks a range into memory: pages that are there at once, others when they come, or all at once (fl_os_lock_loads).
 * -ENOMEM, -EPERM or -EAGAIN where that is refused; then a part of it may be locked. No step holds the address space for
 * long.
 */
int fl_os_lock(void *base, size_t span);

/*
 * Whether locking loads the pages: so it waits for the device, and what is locked must not be copy-on-write, as it would be
 * copied.
 */
bool fl_os_lock_loads(void);

void fl_os_unlock(void *base, size_t span);

/* Whether the limit of locked memory lets so many bytes more be locked. */
bool fl_os_may_lock(size_t bytes);

/* That limit, and what the process has locked, in bytes; UINT64_MAX for no limit. */
uint64_t fl_os_lock_limit(void);

/* Whether a locked range stays so whatever becomes of its file, until it is unlocked or mapped anew. */
bool fl_os_keeps_locks(void);

/* Entries that the process's map may have: vm.max_map_count of proc(5); UINT64_MAX where nothing is known of a limit. */
uint64_t fl_os_most_map_entries(void);

/* Takes one entry that no other joins, and no memory; NULL where it cannot be had. fl_os_unmap() gives it back. For signal handlers. */
void *fl_os_map_spare(void);

/* Entries that it has; negative where nobody tells. */
int64_t fl_os_map_entries(void);

uint64_t fl_os_locked_bytes(void);

/* Writes what was stored in a shared mapping of the file to the device, and waits. */
int fl_os_flush(int fd, void *base, size_t span);

/* Whether that also writes what was stored in the same pages of the file by way of other mappings. */
bool fl_os_flushes_other_mappings(void);

/*
 * Writes changed pages of the file to the device, and waits: 0, or the device's error, of which the kernel tells nobody else.
 * Nothing, and 0, where this system cannot do that for this file.
 */
int fl_os_write_out(int fd, uint64_t file_offset, size_t span);

/* Drops from the page cache whatever was written to the device, and nothing has mapped. */
int fl_os_evict(int fd, uint64_t file_offset, size_t span);

/*
 * From now on calls `handle` with the address of every load or store that the file could not satisfy, on the thread
 * that made it, inside the signal handler. Where it returns false, what stood before is called. Called again, with the
 * same, it comes before whoever took its place meanwhile; with `only_for_nobody` where that was given up. One call at a time.
 */
int fl_os_catch_faults(bool (*handle)(uintptr_t address), bool only_for_nobody);

/* A clock that only moves forward, in ns. */
int64_t fl_os_now(void);

/* The processor's time that the calling thread has used, in ns. */
int64_t fl_os_thread_cpu_time(void);

/* For about so long; a signal may end it before. */
void fl_os_sleep(int64_t ns);

/* A condition whose waits end at a time by that clock, unless somebody signals it before. */
void fl_os_init_condition(pthread_cond_t *condition);
void fl_os_wait_until(pthread_cond_t *condition, pthread_mutex_t *held, int64_t when);

/* Starts a detached thread that no signal is delivered to. */
int fl_os_spawn(void *(*body)(void *));

/* Maps file pages for looking only, as they are in the file: what is stored into them elsewhere is seen. */
int fl_os_map_window(int fd, uint64_t file_offset, size_t span, void **base);

/* At once, since few of its pages have been looked at, however long it is. */
void fl_os_unmap_window(void *base, size_t span);

/* --- os_linux_ranges.c, os_no_ranges.c: several ranges by one system call ------------------------------------------ */

enum { FL_OS_MOST_PREFETCHED = 128 << 10 };

struct fl_os_range {
  void *base;
  size_t span; /* not 0; to be prefetched no more than FL_OS_MOST_PREFETCHED */
};

/* How many ranges one call takes: FL_PARTS_MAX, or 1 where there is no such call; then none of the following is made. */
size_t fl_os_most_ranges(void);

/*
 * fl_os_populate, for loads, of several ranges: for how many of the first it went well. Of the next nothing is known: it may
 * have failed, or not have been come to.
 */
size_t fl_os_populate_each(const struct fl_os_range *ranges, size_t count);

/* fl_os_prefetch in the same way. */
size_t fl_os_prefetch_each(const struct fl_os_range *ranges, size_t count);

/* --- os_linux_futex.c, os_no_waits.c: words that threads of several processes wait on ------------------------------ */

/* 0, or -ENOTSUP where a word of a file cannot be waited for; then none of the following is called. */
int fl_os_can_wait(void);

/* A word of 32 bits at a multiple of 4. */
struct fl_os_futex {
  const void *address;
  uint32_t expected;
  bool is_private; /* to this process: memory of its own */
  uint32_t mask;   /* of a word that is waited for alone: bits that fl_os_futex_interrupt may name */
};

enum { FL_OS_MOST_FUTEXES = 128 };

/* Whether fl_os_futex_wait takes more than one (Linux 5.16). */
bool fl_os_can_wait_for_many(void);

/*
 * Sleeps while every word is as expected, until one is notified or `until` (by fl_os_now) has come: the index of one that
 * was notified, the highest where there are several; -EAGAIN where a word is not as expected, -EFAULT where one cannot be
 * read, both without saying which; -ETIMEDOUT; -EINTR.
 */
int fl_os_futex_wait(const struct fl_os_futex *futexes, size_t count, int64_t until);

/* Whether a word of a file is as expected, seen in one piece: 0, -EAGAIN, or -EFAULT where it cannot be read. No signal. */
int fl_os_futex_compare(const void *address, uint32_t expected);

/* Wakes so many of those who wait longest: how many there were, or -EFAULT. May load the page of a word of a file. */
int fl_os_futex_wake(const void *address, uint32_t count, bool is_private);

/* Wakes those who wait for this word of a file alone, with one of these bits in their mask. May load the page. */
void fl_os_futex_interrupt(const void *address, uint32_t mask);

#endif
