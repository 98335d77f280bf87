/* Reading into the page cache of Linux in folios as large as a page table covers: why is said in blocks.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os_posix.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Kernels without transparent huge pages refuse the advice (madvise(2), EINVAL). */
static bool takes_advice(void) {
  void *page = fl_os_reserve_zeroed(fl_os_page_size());
  if (page == NULL)
    return false;
  bool takes = madvise(page, fl_os_page_size(), MADV_HUGEPAGE) == 0;
  munmap(page, fl_os_page_size());
  return takes;
}

/* What one page of entries, of eight bytes each, leads to: 2 MiB with pages of 4 KiB, but 32 MiB with pages of 16. */
static size_t span_of_page_table(void) { return fl_os_page_size() / 8 * fl_os_page_size(); }

/* By default no touch is given longer ranges at once (pools' sliceSize): of a larger block few would ask for all. */
enum { MOST = 8 << 20 };

size_t fl_os_block_size(void) {
  static _Atomic int known; /* 0: not probed; 1: the advice is taken; -1: it is not */
  if (atomic_load(&known) == 0)
    atomic_store(&known, takes_advice() ? 1 : -1);
  bool can = atomic_load(&known) > 0 && fl_sys_can_populate() && span_of_page_table() <= MOST;
  return can ? span_of_page_table() : 0;
}

static long faults_of_thread(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

/* Random: of the block that has the page, and not of the next one as well. A block that is one folio takes one fault. */
static int read_through(char *window, size_t span, bool *large) {
  if (madvise(window, span, MADV_RANDOM) != 0 || madvise(window, span, MADV_HUGEPAGE) != 0)
    return -errno;
  long before = faults_of_thread();
  int result = fl_os_populate(window, span, false);
  *large = faults_of_thread() - before <= 2 * (long)(span / fl_os_block_size());
  return result;
}

int fl_os_read_blocks(int fd, uint64_t file_offset, size_t span, bool *large) {
  size_t block = fl_os_block_size();
  char *room = mmap(NULL, span + block, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED)
    return -errno;
  char *window = room + (block - (uintptr_t)room % block) % block;
  bool mapped = mmap(window, span, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, (off_t)file_offset) != MAP_FAILED;
  int result = mapped ? read_through(window, span, large) : -errno;
  munmap(room, span + block);
  /* A folio of which the device cannot read one page is none of which any can be read: without it, the others can. */
  if (result == -EFAULT)
    posix_fadvise(fd, (off_t)file_offset, (off_t)span, POSIX_FADV_DONTNEED);
  return result;
}
