/*
 * The face of the C core: files mapped into memory, made resident, copied, described and given back.
 *
 * It knows nothing of Node. Every function may be called from any thread unless its comment says otherwise, returns 0
 * (or a count, where said) when it succeeded, and a negative number when it failed: -errno from the system, or one of
 * the results below. Offsets and lengths are bytes, counted from the first mapped byte; they need not be aligned.
 */
#ifndef FAULTLESS_H
#define FAULTLESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results that no errno names. They lie above every errno, so that `-result` tells which it is. */
enum {
  FL_TRUNCATED = 4096, /* the file no longer reaches to the end of the range */
  FL_CLOSED = 4097,    /* no such mapping: it was closed, or its last reference is gone */
  FL_PIN_LIMIT = 4098, /* the system's limit of locked memory does not allow it */
  FL_ABSENT = 4099,    /* the page is not known to be in memory: whoever may wait touches it and calls again */
  FL_DEVICE = 8192     /* FL_DEVICE + errno: what the device answered when the range was read */
};

/* Takes what is needed when the process has no map entry left. Once, when the core is loaded; else such a process may die. */
void fl_prepare(void);

/* Names a mapping, a transfer, a pin or a wait. Below 2^53, so that a JavaScript number holds it; never used twice; never 0. */
typedef uint64_t fl_id;

/* How the pages of a mapping relate to the file. */
enum fl_mode {
  FL_COPY_ON_WRITE = 0, /* a store lands in a private copy of its page; the file stays as it is */
  FL_SHARED = 1         /* a store reaches the file; the descriptor must be open for reading and writing */
};

/* What a program may tell the kernel of its use of a range: madvise(2). */
enum fl_advice {
  FL_NORMAL,
  FL_RANDOM,
  FL_SEQUENTIAL,
  FL_WILLNEED,
  FL_DONTNEED,
  FL_COLD,
  FL_PAGEOUT,
  FL_HUGEPAGE,
  FL_ADVICE_COUNT
};

/* --- files that nobody has mapped yet ----------------------------------------------------------------------------- */

enum fl_file_kind { FL_REGULAR, FL_DIRECTORY, FL_OTHER };

/*
 * Opens a regular file for reading, for JavaScript's own use, if that waits for no device, server or other process: a
 * descriptor. -EAGAIN where it might, and where it fails, whatever the reason: open(2) on a thread that may wait tells
 * which. `path` is UTF-8, and relative to the working directory of the process.
 */
int fl_open_cached(const char *path);
void fl_close_cached(int fd);

/*
 * What an open descriptor stands for, and how many bytes it has: as opening it told, without asking a server again, so
 * that the caller waits for nobody. 0 or -EBADF.
 */
int fl_describe(int fd, enum fl_file_kind *kind, uint64_t *size);

/* --- mappings, of all the process: how they come, who holds them, how they go ------------------------------------- */

struct fl_map_request {
  int fd;          /* borrowed: the core keeps a duplicate of its own until the mapping is closed */
  uint64_t offset; /* bytes into the file; need not be page-aligned */
  uint64_t
      length; /* bytes, also past the end of the file; 0 makes an empty mapping, if the file could be mapped at all */
  enum fl_mode mode;
  int64_t freshness_ns; /* for so long the mirror believes what it was told; less than a millisecond: pins alone */
  bool follows; /* nobody asks for ranges past the file's end, as it was at first or at the last refresh or resize */
};

struct fl_map_info {
  fl_id id;
  fl_id file;      /* the id of the mapping that the file had first: all that follow one another have the same */
  void *data;      /* the byte at `offset` of the file; NULL for an empty mapping */
  uint64_t length; /* as it was asked for */
  uint64_t offset; /* the same */
  uint64_t
      known_length;   /* bytes of these that the file was last known to have, if it follows; else all. Of one that was
                            attached: more than `length` where the file has outgrown it */
  bool follows;       /* as it was asked for */
  enum fl_mode mode;  /* the same */
  bool copy_on_write; /* false for FL_SHARED, and where the system grants no copy-on-write: then stores fault */
  unsigned char *mirror; /* see mirror.c; stays as long as the mapping has a reference. NULL where there is none */
  size_t mirror_length;
  unsigned mirror_believed; /* an entry is believed while it is fewer epochs old than this; 0: there are no epochs */
};

/*
 * Maps a file and enters it in the table with one reference, which is the caller's. Blocks for no device.
 * Fails with -ENODEV, -EIO (files that cannot be mapped, as in /proc), -EACCES, -EBADF, -EOVERFLOW, -EMFILE, -ENOMEM.
 */
int fl_mapping_create(const struct fl_map_request *request, struct fl_map_info *info);

/*
 * The same over memory of the caller's, of which `address` is the first byte: what it held is lost. It reaches to the end of
 * the last page; `mirror` is fl_mirror_length(length) bytes of zeros. Both must stay mapped, private and writable until the
 * mapping is closed: zeros lie at `address` then, writable as it came. -EINVAL unless `address` and the offset lie on page
 * boundaries; -EBUSY where pages of another mapping lie there.
 */
int fl_mapping_create_in(const struct fl_map_request *request, void *address, void *mirror, struct fl_map_info *info);

/*
 * What a file gets that outgrows a mapping: one handle more on the longest mapping that it has, if that has `least` bytes, as
 * another thread may have followed the file before; else one mapping more of `length` bytes, from the same byte on, with all
 * that was asked for the first. The latter in any case over memory of the caller's as above, unless `address` is NULL. Fails as
 * these do, and with -FL_CLOSED. The former stays, and goes with the new one at the earliest; fl_advise, fl_evict, fl_flush, fl_resize
 * and fl_refresh of one do the same to the others, as far as these reach and are open.
 */
int fl_mapping_create_longer(fl_id id, uint64_t least, uint64_t length, void *address, void *mirror,
                             struct fl_map_info *info);

/* Whether the process may have so many bytes of addresses more, as of now (RLIMIT_AS; getrlimit(2)). */
bool fl_has_room_for(uint64_t bytes);

/* The file has grown into it: advice that was given for all of the former holds for it. */
void fl_mapping_take_over(fl_id id);

/*
 * For mappings over the caller's memory (fl_mapping_create_in). A hold is a promise that this memory stays mapped; whoever
 * made the mapping has the first. fl_mapping_hold adds one: 0 or -FL_CLOSED. fl_mapping_let_go gives one up, and the last one
 * closes the mapping if nobody did. It returns 1 if the mapping is closed now, 0 if not, or the error of closing: then the hold
 * remains.
 */
int fl_mapping_hold(fl_id id);
int fl_mapping_let_go(fl_id id);

/* One reference more: 0 or -FL_CLOSED. */
int fl_mapping_retain(fl_id id);

/*
 * One reference less; ids that are gone are ignored. The last one gives the address range back on the reaper's
 * thread (reaper.c), so the caller never waits for it. May be called when the caller's thread is being torn down.
 */
void fl_mapping_release(fl_id id);

/*
 * Handles: a mapping may be open in several threads at a time, and is closed with the last of them. fl_mapping_create
 * makes the first. Here is one more, with a reference of its own: 0, or -FL_CLOSED where the mapping is closed, or is
 * about to be.
 */
int fl_mapping_attach(fl_id id, struct fl_map_info *info);

/*
 * A handle ends in one of four ways. The reference that came with it stays.
 * leave: its holder closes it. 1 if it was the last handle, and then the caller must call fl_mapping_close; else 0, or -FL_CLOSED.
 * forget: it was collected. This closes nothing, since the memory may be in use without a handle.
 * abandon: its thread has ended. If no handle is left and any of them was closed, another thread closes the mapping, when no
 * operation is under way any more. It may follow leave, where the thread ended before it could call fl_mapping_close; then it closes
 * nothing if the last that ended since went by forget.
 * give_up: nobody was told of it. If no handle is left, another thread closes the mapping, as above; unless the last that ended
 * before went by forget, or by abandon where none had been closed.
 */
int fl_mapping_leave(fl_id id);
void fl_mapping_forget(fl_id id);
void fl_mapping_abandon(fl_id id, bool has_left);
void fl_mapping_give_up(fl_id id);

/*
 * Lays zero pages over the whole range and closes the descriptor, so that pages, disk space and descriptor are free
 * when it returns, and whoever still holds the memory reads zeros. Waits for operations that run on other threads;
 * they and all later ones answer -FL_CLOSED. References stay as they are. Takes tens of ms for populated GiBs.
 * Where an overlay's memory cannot be given back (-ENOMEM), it stays, and this can be called again.
 */
int fl_mapping_close(fl_id id);

/* Entries in the table, closed ones included: for tests of leaks. */
size_t fl_mapping_count(void);

/* Ranges of collected mappings that the reaper has not given back yet: for tests of leaks. */
size_t fl_reaper_backlog(void);

/* --- damage: pages that were lost and replaced by zeros, and that come back --------------------------------------- */

/* Bytes of the mapping that the fault guard replaced by zeros, in whole pages; 0 for ids that are gone. */
uint64_t fl_mapping_damaged_bytes(fl_id id);

/*
 * Calls `hook` whenever a page was replaced by zeros: on the thread that faulted, inside the signal handler, so it may do
 * nothing but what a signal handler may. One hook for the process; it must stay callable for ever.
 */
void fl_on_damage(void (*hook)(void));

/*
 * Catches faults before whoever took that over since the first mapping was made; nothing where there has been none. For
 * handlers that pass nothing on to us, as libuv's: 0, -EAGAIN when there were too many, or -errno.
 */
int fl_guard_stand_first(void);

/*
 * The next run of damaged pages from byte `from` on that `seen` does not name, as a range of the mapping, and adds it to
 * `seen`: 1, or 0 when there is none, or -FL_CLOSED. `seen` is the caller's: fl_damage_words(length of the mapping) words, zeros first.
 */
int fl_next_damage(fl_id id, uint64_t *seen, uint64_t from, uint64_t *offset, uint64_t *length);
size_t fl_damage_words(uint64_t length);

/*
 * Maps damaged pages anew where the file reaches them again and the device answers: 0 or the system's error. What
 * cannot be had stays damaged. Operations that run meanwhile are repeated. `size` is that of the file, in bytes. What
 * fl_flush was told of stores that the device did not take is forgotten.
 */
int fl_refresh(fl_id id, uint64_t *size);

/*
 * How often that was done, so that who has told of damage learns that it may have come a second time. 0: ids that are
 * gone.
 */
unsigned fl_refresh_count(fl_id id);

/* --- overlays: file pages laid over memory that is somebody else's ------------------------------------------------ */

/*
 * Takes hold of the memory from `address` on for a range of the mapping: pages of the file are going to be laid over it
 * (fl_overlay_lay). The overlay is a mapping of its own, with a descriptor, damage and one reference of its own, which is
 * the caller's; it lives as long as that, whatever becomes of the first. Its byte 0 is the range's.
 *
 * `address` and the range's first byte must lie on page boundaries, and its end as well unless it is the mapping's: else
 * -EINVAL. The memory must stay mapped, private and writable until fl_mapping_close of the overlay has given it back: as
 * pages of zeros, or untouched where nothing was laid over it. -EBUSY where another overlay has some of it; -ENOTSUP
 * where the system cannot map over memory (Windows); -ERANGE, -FL_CLOSED, -EMFILE, -ENOMEM.
 */
int fl_overlay_create(fl_id id, uint64_t offset, uint64_t length, void *address, fl_id *overlay);

/*
 * Lays the pages: what the memory held is lost. From then on every operation on mappings serves for the overlay as well.
 * Takes ms for each GiB that the memory held. After a failure the memory holds zeros.
 */
int fl_overlay_lay(fl_id overlay);

/* --- pages: making them resident, asking whether they are, advice, writing them back, letting go ------------------ */

/*
 * Starts reading the range from the device and waits for nothing, as far as the file system allows. More than the range where
 * advice for all of the mapping says so: FL_NORMAL what lies around a short one, FL_SEQUENTIAL what follows.
 */
int fl_prefetch(fl_id id, uint64_t offset, uint64_t length);

/*
 * Makes every page of the range resident and enters it in the page table, waiting for the device. Whoever wants
 * many ranges calls fl_prefetch on all of them first. Fails with -FL_TRUNCATED, -(FL_DEVICE + errno), -FL_CLOSED.
 */
int fl_populate(fl_id id, uint64_t offset, uint64_t length);

/*
 * The same, and makes the pages writable, so that a store to them is no fault until the kernel writes them back. Blocks
 * are allocated where the file has holes: a full file system is -ENOSPC here and no lost store. FL_SHARED alone; -EACCES.
 */
int fl_populate_for_writing(fl_id id, uint64_t offset, uint64_t length);

/* How many pages the range reaches into. */
uint64_t fl_page_count(fl_id id, uint64_t offset, uint64_t length);

/*
 * Writes one byte a page (1: in the page cache) to `vector`, which holds fl_page_count() of them, and the number of
 * ones to `resident`. Pages past the end of the file, and lost ones, are 0. -EPERM where the kernel will not say: since Linux 5.2 mincore(2) calls every page resident to
 * whoever neither owns the file nor may write it (kernel commit 134fca9063ad).
 */
int fl_residency(fl_id id, uint64_t offset, uint64_t length, uint8_t *vector, uint64_t *resident);

/*
 * Whether every page of the range is known to be in the page cache and undamaged: 1 or 0, or negative as above.
 * Stops at the first page that is not. Waits for no device.
 */
int fl_is_resident(fl_id id, uint64_t offset, uint64_t length);

/* Whether the file still reaches to the end of the range, and nothing of it is known to be lost: as above. Asks for no page. */
int fl_is_intact(fl_id id, uint64_t offset, uint64_t length);

/*
 * madvise(2) on the pages that the range reaches into. FL_DONTNEED drops private copies of pages. It, FL_COLD and
 * FL_PAGEOUT are -EINVAL, and do nothing, where a page of the range is pinned. FL_NORMAL, FL_RANDOM, FL_SEQUENTIAL and
 * FL_HUGEPAGE for all that is known of the file hold for the whole mapping, also where it reaches further. What splits the mapping is -ENOMEM where the
 * process's map is half full.
 */
int fl_advise(fl_id id, uint64_t offset, uint64_t length, enum fl_advice advice);

/* Whether long ranges are read in blocks, after FL_HUGEPAGE: then one that is populated piece by piece would be read page by page. */
bool fl_reads_blocks(fl_id id);

/*
 * Writes the range back and drops it from the page cache. Pages that another mapping holds or that are pinned stay;
 * private copies that stray stores made are lost, but for pinned pages.
 */
int fl_evict(fl_id id, uint64_t offset, uint64_t length);

/*
 * Writes what was stored in the range to the device and waits for it: msync(2) with MS_SYNC. Fails as fl_populate does,
 * and with -(FL_DEVICE + errno) where the device takes it not: from then on, for any range, until fl_refresh. Without
 * effect on copy-on-write mappings.
 */
int fl_flush(fl_id id, uint64_t offset, uint64_t length);

size_t fl_page_size(void);

/* --- batches: the same for several requests at once --------------------------------------------------------------- */

enum { FL_PARTS_MAX = 16 };

/* A range of a mapping, in bytes. */
struct fl_part {
  fl_id id;
  uint64_t offset, length;
};

/*
 * fl_prefetch on one after the other, until one has taken longer than `most_ns`, which `was_long` tells: then the device's
 * queue is full, or it does not answer, and the caller may want to look around. Returns how many were asked for. Where
 * the system can (Linux 6.15), up to `together` short parts of one mapping, at least one, go by one system call, and as one.
 */
size_t fl_prefetch_each(const struct fl_part *parts, size_t count, size_t together, int64_t most_ns, bool *was_long);

/*
 * fl_populate on one after the other of at most FL_PARTS_MAX parts, with the result of each, until more than `most_ns` have
 * passed: then the device is slow, and the caller may want to look around. Returns how many were done, which is at least
 * one. Of parts of one mapping that come together the file's size is asked for but once, when the last has been made
 * resident. `together` as above: the time is looked at after each system call.
 */
size_t fl_populate_each(const struct fl_part *parts, size_t count, size_t together, int64_t most_ns, int *results);

/*
 * Lets another thread that waits for this processor go first. Who was just told of an answer may do so, and else wait
 * for the rest of this thread's time slice, some milliseconds.
 */
void fl_yield(void);

/* --- pins: pages that the kernel may not evict -------------------------------------------------------------------- */

/*
 * Makes a pin of a range, which holds nothing yet: 0, -FL_CLOSED, -ERANGE or -ENOMEM. Blocks for nothing. `pin` is a
 * handle of its own: pins may overlap, and a page is unlocked when the last that holds it lets go. They hold no reference
 * on the mapping, and end with it.
 */
int fl_pin_create(fl_id id, uint64_t offset, uint64_t length, fl_id *pin);

/*
 * Locks a part of the pin's range, `from` bytes into it, and makes it resident. Parts come in order, from 0 on; one that
 * comes again is locked but once. Fails as fl_populate does, and with -FL_PIN_LIMIT, -FL_CLOSED when the pin has been let
 * go, -ENOMEM (map entries), -ENOSYS (no mlock2). After a failure of its own making nothing more is locked than before;
 * what is locked stays until the pin is let go.
 */
int fl_pin_lock(fl_id pin, uint64_t from, uint64_t length);

/*
 * Lets go of the first `upto` bytes of the pin, in whole pages; of the pin itself once that is all. Always 0, also for
 * pins that are gone. From the first call on nothing can be locked by this pin any more.
 */
int fl_pin_drop(fl_id pin, uint64_t upto);

/* Lets go of all of it on the reaper's thread. May be called when the caller's thread is being torn down. */
void fl_pin_abandon(fl_id pin);

struct fl_pin_usage {
  uint64_t limit;  /* bytes that the process may lock; UINT64_MAX for no limit */
  uint64_t locked; /* bytes that it has locked, whoever did it */
  uint64_t pinned; /* bytes of the pages that pins hold */
};

void fl_get_pin_usage(struct fl_pin_usage *usage);

/* Pins that have not been let go: for tests of leaks. */
size_t fl_pin_count(void);

/* --- mirrors: what is known to be resident, for whoever may make no system call ----------------------------------- */

/*
 * A mirror is bytes: a header, of which the first bytes have a meaning; from FL_MIRROR_PAGES on one for each page of
 * the mapping, the epoch in which it was last known to be resident, or 0, or FL_MIRROR_PINNED; after these one for each
 * block of pages, which the reader sets to FL_MIRROR_USED to say that it is looking there: for so many sweeps, one an
 * epoch as a rule, the kernel is asked. Epochs go from 1 to FL_MIRROR_EPOCHS and round again.
 */
enum {
  FL_MIRROR_EPOCH = 0,   /* the epoch of now */
  FL_MIRROR_AWAKE = 1,   /* 1: epochs advance. 0: nothing may be believed before fl_mirror_wake */
  FL_MIRROR_SHOWN = 2,   /* the reader sets it to 1 before anybody who may store is handed the mapping's memory */
  FL_MIRROR_CHANGES = 4, /* a word of 32 bits: counts how often the file was seen to have changed */
  FL_MIRROR_PAGES = 64,
  FL_MIRROR_EPOCHS = 254,
  FL_MIRROR_PINNED = 255, /* of a page: a pin holds it, so it is resident whatever the epoch */
  FL_MIRROR_USED = 16,
  FL_MIRROR_BLOCK = 512 /* pages */
};

/* Bytes of the mirror of a mapping that starts on a page boundary. */
size_t fl_mirror_length(uint64_t length);

/* Has the epochs advance from now on, until nobody has used the mirror for a while. Ids that are gone are ignored. */
void fl_mirror_wake(fl_id id);

/* Whether the thread that looks after mirrors runs: it ends when all are asleep. For tests. */
bool fl_mirror_thread_runs(void);

/* --- transfers: memory of one thread that other threads fill, or take bytes from ---------------------------------- */

/*
 * Registers memory to be used, which must stay until fl_transfer_end: 0 or -ENOMEM. Only ids travel between threads,
 * so that a request which outlives the memory of the thread that made it finds nothing instead of a stray pointer.
 */
int fl_transfer_create(void *data, uint64_t length, fl_id *id);

/*
 * After it nobody uses the memory any more. Waits for a copy that is under way (of one slice at most); returns at
 * once when the request has ended. Ids that are gone are ignored.
 */
void fl_transfer_end(fl_id id);

/* Transfers that have not ended: for tests of leaks. */
size_t fl_transfer_count(void);

/* Copies a range of the mapping to byte `at` of the transfer. Fails as fl_populate does; then bytes are undefined. */
int fl_read(fl_id id, uint64_t offset, uint64_t length, fl_id transfer, uint64_t at);

/* fl_residency into byte `at` of the transfer. */
int fl_read_residency(fl_id id, uint64_t offset, uint64_t length, fl_id transfer, uint64_t at, uint64_t *resident);

/* --- writes: changing the file. FL_SHARED alone; -EACCES ---------------------------------------------------------- */

/*
 * Writes bytes from `at` on of a transfer to a range of the file, which does not grow by it: the mapping shows them at
 * once. Fails as fl_populate does, also where pages of the range are damaged, and with the system's error (-ENOSPC,
 * -EDQUOT, -EIO, …); then some of the bytes may have been written.
 */
int fl_write(fl_id id, uint64_t offset, uint64_t length, fl_id transfer, uint64_t at);

/*
 * Sets the size of the file, in bytes. What it grows by has its blocks, so that no store there finds the disk full; when
 * they cannot be had (-ENOSPC, …) the file has the size that it had. Pages that were lost past the old end are mapped
 * again. `*new_size` is what it has become, which is more where others have made it grow meanwhile.
 */
int fl_resize(fl_id id, uint64_t size, uint64_t *new_size);

/* --- waits: words of the file on which threads of several processes wait for each other --------------------------- */

/* How a wait ended, where it did not fail. */
enum fl_wait_outcome {
  FL_WAIT_OK,        /* somebody notified the word, or may have done so as it is no longer as expected */
  FL_WAIT_TIMED_OUT, /* it was as expected all the time */
  FL_WAIT_NOT_EQUAL  /* it was not as expected at the start */
};

/* Where a thread hears of the waits that it made: as many as it likes. */
struct fl_inbox;

/*
 * `ring` is called with `context` when the first outcome comes into an empty inbox: on a thread of the core, which holds a
 * lock then, so it may call nothing of the core. NULL where there is no memory.
 */
struct fl_inbox *fl_inbox_create(void (*ring)(void *context), void *context);

/* Ends the inbox with all its waits, of which nobody hears any more: `ring` is not called after it. Waits for nobody. */
void fl_inbox_close(struct fl_inbox *inbox);

struct fl_wait_result {
  fl_id wait;
  int result; /* a fl_wait_outcome, or negative: -FL_TRUNCATED, -(FL_DEVICE + errno), -FL_CLOSED, -ECANCELED, … */
};

/* Takes the next outcomes out of the inbox, at most so many: how many there were. Only for the inbox's own thread. */
size_t fl_inbox_take(struct fl_inbox *inbox, struct fl_wait_result *results, size_t most);

struct fl_wait_request {
  fl_id mapping;
  uint64_t offset; /* of a word of 32 bits, in bytes; at a multiple of 4 in the file */
  int32_t expected;
  int64_t timeout_ns; /* from now; INT64_MAX: none */
  bool loaded;        /* the page was touched just now: it need not be asked whether it is in memory */
};

/*
 * Has a thread of the core wait until the word is notified; its outcome comes into the inbox. A change without a
 * notification wakes nobody; a notification without a change may be missed. 0, or: -FL_ABSENT, unless the page is known to
 * be in memory, -FL_CLOSED, -ERANGE, -EINVAL (not aligned), -ENOMEM, -EAGAIN (no thread can be had), or what mmap(2) says
 * of a shared mapping of the file.
 */
int fl_wait(struct fl_inbox *inbox, const struct fl_wait_request *request, fl_id *wait);

/* Ends a wait with -ECANCELED, unless its outcome has come before. Ids that are gone are ignored. */
void fl_wait_cancel(fl_id wait);

/*
 * Wakes so many of those who wait on the word, in any process: how many there were, or -FL_ABSENT, -FL_TRUNCATED, and as
 * for fl_wait. With `loaded` it may wait for the device.
 */
int fl_notify(fl_id id, uint64_t offset, uint32_t count, bool loaded);

/* Waits whose outcome nobody has taken yet, and threads that serve them: for tests. They end when nothing is left. */
size_t fl_wait_count(void);
size_t fl_wait_thread_count(void);

/* --- page faults of the calling thread: getrusage(2) with RUSAGE_THREAD ------------------------------------------- */

struct fl_thread_usage {
  uint64_t major_faults;
  uint64_t minor_faults;
};

int fl_get_thread_usage(struct fl_thread_usage *usage);

/* How often the calling thread has slept so far, for the device or for anything else (ru_nvcsw); -1 where nobody tells. */
int64_t fl_thread_sleeps(void);

/* --- for tests ---------------------------------------------------------------------------------------------------- */

/* Behave as on a kernel without MADV_POPULATE_READ (before 5.14). Not to be called while operations run. */
void fl_test_disable_populate(bool disabled);

/* Behave as on a kernel that takes one range of memory a call (before 6.15). */
void fl_test_disable_ranges(bool disabled);

/* Behave as on a kernel without futex_waitv (before 5.16), for threads that are started from now on. */
void fl_test_disable_futex_waitv(bool disabled);

/* Waits until the mirrors' thread holds no mapping that was released before. */
void fl_test_await_mirrors(void);

/* Waits until the reaper has nothing left to give back. */
void fl_test_drain_reaper(void);

#ifdef __cplusplus
}
#endif
#endif
