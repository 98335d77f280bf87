/*
 * What the core asks of Windows: files, memory, clocks, threads. Address ranges are in os_windows_range.c, loads that fail
 * in os_windows_fault.c, the numbers of errors in os_windows_errors.c.
 *
 * Windows does not let anybody cut a file that is mapped, so pages are lost to devices and servers alone. It tells nobody
 * which pages of a file are in its cache, nor drops those of one file: residency is what was touched, and eviction
 * is refused.
 */
#include "os_windows.h"
#include <errno.h>
#include <stdatomic.h>
#include <winternl.h>

static int last_error(void) { return fl_windows_error(GetLastError()); }

static int error_unless(BOOL done) { return done ? 0 : last_error(); }

fl_windows_function fl_windows_find(const char *library, const char *name) {
  HMODULE module = GetModuleHandleA(library);
  return module == NULL ? NULL : (fl_windows_function)GetProcAddress(module, name);
}

static const SYSTEM_INFO *system_info(void) {
  static SYSTEM_INFO info;
  static _Atomic bool known;
  if (!atomic_load(&known)) {
    GetSystemInfo(&info); /* gives every thread the same */
    atomic_store(&known, true);
  }
  return &info;
}

size_t fl_windows_page_size(void) { return system_info()->dwPageSize; }

size_t fl_os_page_size(void) {
  return fl_windows_has_placeholders() ? fl_windows_page_size() : system_info()->dwAllocationGranularity;
}

/* --- files ------------------------------------------------------------------------------------------------------- */

/* Access rights, or 0 where the system will not say. */
static ACCESS_MASK access_of(HANDLE file) {
  typedef NTSTATUS(NTAPI * query)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, int);
  enum { FILE_ACCESS_INFORMATION = 8 };
  query ask = (query)fl_windows_find("ntdll.dll", "NtQueryInformationFile");
  IO_STATUS_BLOCK status;
  ACCESS_MASK access = 0;
  bool told = ask != NULL && ask(file, &status, &access, sizeof access, FILE_ACCESS_INFORMATION) >= 0;
  return told ? access : 0;
}

/*
 * Rather one that has a file position of its own: what is read and written here would move the other's, as a handle of
 * Windows has one whatever place a call names. Of a file that nobody may open any more it is a plain duplicate.
 */
static int duplicate(int fd, DWORD access) {
  DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  HANDLE copy = access == 0 ? INVALID_HANDLE_VALUE : ReOpenFile(fl_windows_handle(fd), access, share, 0);
  if (copy == INVALID_HANDLE_VALUE) {
    HANDLE self = GetCurrentProcess();
    if (!DuplicateHandle(self, fl_windows_handle(fd), self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
      return last_error();
  }
  return (int)(intptr_t)copy;
}

int fl_windows_check_access(int fd, bool for_writing) {
  ACCESS_MASK needed = FILE_READ_DATA | (for_writing ? FILE_WRITE_DATA : 0);
  ACCESS_MASK access = access_of(fl_windows_handle(fd));
  return access == 0 || (access & needed) == needed ? 0 : -EACCES;
}

int fl_os_duplicate(int fd) {
  ACCESS_MASK access = access_of(fl_windows_handle(fd));
  DWORD wanted = GENERIC_READ | ((access & FILE_WRITE_DATA) != 0 ? GENERIC_WRITE : 0);
  return duplicate(fd, (access & FILE_READ_DATA) != 0 ? wanted : 0);
}

/* A handle that may only append is no reason to refuse: who may append may write. */
int fl_os_duplicate_for_writing(int fd) {
  ACCESS_MASK access = access_of(fl_windows_handle(fd));
  bool writes = (access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0;
  return duplicate(fd, (access & FILE_READ_DATA) != 0 && writes ? GENERIC_READ | GENERIC_WRITE : 0);
}

void fl_os_close(int fd) {
  fl_windows_forget_file(fd);
  CloseHandle(fl_windows_handle(fd));
}

static const int64_t UNIX_EPOCH = 116444736000000000; /* by the system's clock: in 100 ns, since 1601 */

int fl_os_file_status(int fd, struct fl_os_status *status) {
  FILE_STANDARD_INFO standard;
  FILE_BASIC_INFO basic;
  HANDLE file = fl_windows_handle(fd);
  if (!GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard) ||
      !GetFileInformationByHandleEx(file, FileBasicInfo, &basic, sizeof basic))
    return last_error();
  status->size = (uint64_t)standard.EndOfFile.QuadPart;
  status->changed_ns = (basic.LastWriteTime.QuadPart - UNIX_EPOCH) * 100; /* since 1601 ns do not fit */
  return 0;
}

int fl_os_cached_file_status(int fd, struct fl_os_status *status) { return fl_os_file_status(fd, status); }

int fl_os_describe(int fd, enum fl_file_kind *kind, uint64_t *size) {
  HANDLE file = fl_windows_handle(fd);
  SetLastError(ERROR_SUCCESS);
  DWORD type = GetFileType(file);
  if (type == FILE_TYPE_UNKNOWN && GetLastError() != ERROR_SUCCESS)
    return -EBADF;
  *kind = FL_OTHER;
  *size = 0;
  FILE_STANDARD_INFO standard;
  if (type != FILE_TYPE_DISK || !GetFileInformationByHandleEx(file, FileStandardInfo, &standard, sizeof standard))
    return 0;
  *kind = standard.Directory ? FL_DIRECTORY : FL_REGULAR;
  *size = (uint64_t)standard.EndOfFile.QuadPart;
  return 0;
}

static OVERLAPPED place(uint64_t offset) {
  return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

int fl_os_probe_byte(int fd, uint64_t offset) {
  OVERLAPPED at = place(offset);
  char byte;
  DWORD count;
  BOOL done = ReadFile(fl_windows_handle(fd), &byte, 1, &count, &at);
  return done || GetLastError() == ERROR_HANDLE_EOF ? 0 : last_error();
}

int fl_os_write(int fd, const void *bytes, size_t length, uint64_t offset) {
  const size_t most = 1u << 30;
  for (size_t done = 0; done < length;) {
    OVERLAPPED at = place(offset + done);
    DWORD count, wanted = (DWORD)(length - done < most ? length - done : most);
    if (!WriteFile(fl_windows_handle(fd), (const char *)bytes + done, wanted, &count, &at))
      return last_error();
    if (count == 0)
      return -EIO;
    done += count;
  }
  return 0;
}

/* A file has blocks for all of it, unless it is sparse: then they can be had by writing alone, over what others write. */
int fl_os_allocate(int fd, uint64_t offset, uint64_t length) {
  (void)fd, (void)offset, (void)length;
  return 0;
}

int fl_windows_set_size(int fd, uint64_t size) {
  FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (LONGLONG)size};
  return error_unless(SetFileInformationByHandle(fl_windows_handle(fd), FileEndOfFileInfo, &end, sizeof end));
}

/* All blocks, or the size stays. */
int fl_os_grow(int fd, uint64_t from, uint64_t to) {
  (void)from;
  return fl_windows_resize(fd, to, false);
}

int fl_os_truncate(int fd, uint64_t size) { return fl_windows_resize(fd, size, true); }

/* --- pages ------------------------------------------------------------------------------------------------------- */

/* Unlocking what is not locked takes it out of the working set, says VirtualUnlock's description. */
void fl_os_drop_entries(void *base, size_t span) {
  const size_t step = 64u << 20;
  for (size_t at = 0; at < span; at += step)
    VirtualUnlock((char *)base + at, span - at < step ? span - at : step);
}

/* Windows takes no advice about how a view will be used; where that changes no result it is taken for given. */
int fl_os_advise(void *base, size_t span, enum fl_advice advice) {
  if (advice == FL_HUGEPAGE)
    return -ENOTSUP;
  if (advice == FL_WILLNEED)
    fl_os_prefetch(-1, 0, base, span);
  if (advice == FL_DONTNEED || advice == FL_COLD || advice == FL_PAGEOUT)
    fl_os_drop_entries(base, span);
  return advice == FL_DONTNEED ? fl_windows_drop_copies(base, span) : 0;
}

struct memory_range { /* WIN32_MEMORY_RANGE_ENTRY of Windows 8 */
  void *address;
  SIZE_T bytes;
};

void fl_os_prefetch(int fd, uint64_t file_offset, void *base, size_t span) {
  (void)fd, (void)file_offset;
  typedef BOOL(WINAPI * prefetch)(HANDLE, ULONG_PTR, struct memory_range *, ULONG);
  prefetch call = (prefetch)fl_windows_find("kernel32.dll", "PrefetchVirtualMemory");
  struct memory_range range = {base, fl_windows_fill_holes(base, span)};
  if (call != NULL)
    call(GetCurrentProcess(), 1, &range, 0);
}

void fl_test_disable_populate(bool disabled) { (void)disabled; }

int fl_os_populate(void *base, size_t span, bool for_writing) {
  return fl_windows_load(base, fl_windows_fill_holes(base, span), for_writing);
}

int fl_os_residency(void *base, size_t span, uint8_t *vector) {
  (void)base, (void)span, (void)vector;
  return -ENOSYS;
}

int fl_os_residency_is_honest(int fd) {
  (void)fd;
  return 0;
}

static int flush_view(uintptr_t address, size_t bytes, int fd) {
  if (!FlushViewOfFile((void *)address, bytes))
    return last_error();
  return error_unless(FlushFileBuffers(fl_windows_handle(fd)));
}

/* A view that is replaced meanwhile, as the file is resized or refreshed, is flushed as what it is then. */
int fl_os_flush(int file, void *base, size_t span) {
  (void)file; /* of a range without stores that reach it nothing is written */
  int result = 0;
  size_t left;
  for (size_t at = 0; at < span && result == 0; at += left) {
    uintptr_t address = (uintptr_t)base + at;
    left = span - at;
    int fd = fl_windows_shared_view_at(address, &left);
    left = left < span - at ? left : span - at;
    if (fd != -1 && (result = flush_view(address, left, fd)) < 0 && fl_windows_shared_view_at(address, &left) != fd)
      result = left = 0;
  }
  return result;
}

/* FlushViewOfFile is about what was stored by way of that view. */
bool fl_os_flushes_other_mappings(void) { return false; }

int fl_os_write_out(int fd, uint64_t file_offset, size_t span) {
  (void)fd, (void)file_offset, (void)span;
  return 0;
}

int fl_os_evict(int fd, uint64_t file_offset, size_t span) {
  (void)fd, (void)file_offset, (void)span;
  return -ENOTSUP;
}

/* --- locked memory ------------------------------------------------------------------------------------------------ */

/* A process may lock as much as its working set is sure to have, and may ask for more of that. */
static bool grow_working_set(size_t bytes) {
  SIZE_T least, most;
  HANDLE self = GetCurrentProcess();
  return GetProcessWorkingSetSize(self, &least, &most) && SetProcessWorkingSetSize(self, least + bytes, most + bytes);
}

static int lock_loaded(void *base, size_t span) {
  bool done = VirtualLock(base, span);
  if (!done && GetLastError() == ERROR_WORKING_SET_QUOTA)
    done = grow_working_set(span) && VirtualLock(base, span);
  return done ? 0 : -ENOMEM;
}

/* What cannot be read cannot be locked; why not, whoever makes it resident finds out. */
int fl_os_lock(void *base, size_t span) {
  size_t mapped = fl_windows_fill_holes(base, span), page = fl_windows_page_size();
  if (fl_windows_load(base, mapped, false) == 0)
    return mapped == 0 ? 0 : lock_loaded(base, mapped);
  int result = 0;
  for (size_t at = 0; at < mapped && result == 0; at += page)
    if (fl_windows_load((char *)base + at, page, false) == 0)
      result = lock_loaded((char *)base + at, page);
  return result;
}

bool fl_os_lock_loads(void) { return false; }

bool fl_os_keeps_locks(void) { return false; }

/* Of a range of which a part is not locked, as where the file does not reach, Windows unlocks nothing at all. */
void fl_os_unlock(void *base, size_t span) {
  if (VirtualUnlock(base, span))
    return;
  for (size_t at = 0; at < span; at += fl_windows_page_size())
    VirtualUnlock((char *)base + at, fl_windows_page_size());
}

/* Only asked after a refusal, of which the working set is the one reason that there is. */
bool fl_os_may_lock(size_t bytes) {
  (void)bytes;
  return false;
}

uint64_t fl_os_most_map_entries(void) { return UINT64_MAX; }

int64_t fl_os_map_entries(void) { return -ENOSYS; }

void *fl_os_map_spare(void) { return NULL; } /* no limit is known */

uint64_t fl_os_lock_limit(void) {
  SIZE_T least, most;
  return GetProcessWorkingSetSize(GetCurrentProcess(), &least, &most) ? least : UINT64_MAX;
}

/* Windows does not tell. */
uint64_t fl_os_locked_bytes(void) { return 0; }

/* --- clocks and threads ------------------------------------------------------------------------------------------- */

int64_t fl_os_now(void) {
  LARGE_INTEGER ticks, frequency;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&ticks);
  int64_t seconds = ticks.QuadPart / frequency.QuadPart;
  return seconds * 1000000000 + ticks.QuadPart % frequency.QuadPart * 1000000000 / frequency.QuadPart;
}

static int64_t nanoseconds(FILETIME time) {
  return (int64_t)(((uint64_t)time.dwHighDateTime << 32) + time.dwLowDateTime) * 100;
}

int64_t fl_os_thread_cpu_time(void) {
  FILETIME created, ended, kernel, user;
  return GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel, &user) ? nanoseconds(user) + nanoseconds(kernel)
                                                                              : 0;
}

void fl_os_sleep(int64_t ns) { Sleep((DWORD)(ns / 1000000)); }

void fl_os_init_condition(pthread_cond_t *condition) { pthread_cond_init(condition, NULL); }

/* These threads know the calendar's clock alone. */
void fl_os_wait_until(pthread_cond_t *condition, pthread_mutex_t *held, int64_t when) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  int64_t rest = when - fl_os_now();
  int64_t end = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + (rest > 0 ? rest : 0);
  struct timespec until = {.tv_sec = end / 1000000000, .tv_nsec = (long)(end % 1000000000)};
  pthread_cond_timedwait(condition, held, &until);
}

int fl_os_spawn(void *(*body)(void *)) {
  pthread_t thread;
  int result = pthread_create(&thread, NULL, body, NULL);
  if (result == 0)
    pthread_detach(thread);
  return -result;
}

/* Windows counts faults for whole processes. */
int fl_get_thread_usage(struct fl_thread_usage *usage) {
  (void)usage;
  return -ENOTSUP;
}

int64_t fl_thread_sleeps(void) { return -1; }
