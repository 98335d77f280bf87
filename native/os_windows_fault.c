/*
 * Loads that fail, on Windows: a vectored exception handler, which runs on the thread that made the load before any frame
 * of it is asked. It may wait and allocate, as no thread loads from a mapping while it holds a lock.
 */
#include "os_windows.h"
#include <errno.h>

static bool (*fault_handler)(uintptr_t address);
static DWORD attempt_slot = TLS_OUT_OF_INDEXES; /* of the thread's storage: the attempt that it makes, or NULL */

/* Loads that are given up when one fails: the thread goes on where the context was taken. */
struct attempt {
  CONTEXT context;
  uintptr_t base;
  size_t span;
  volatile bool failed;
};

static bool give_up(EXCEPTION_POINTERS *info, uintptr_t address) {
  struct attempt *attempt = TlsGetValue(attempt_slot);
  if (attempt == NULL || address < attempt->base || address - attempt->base >= attempt->span)
    return false;
  attempt->failed = true;
  *info->ContextRecord = attempt->context;
  return true;
}

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *info) {
  enum { LOAD = 0, STORE = 1 };
  const EXCEPTION_RECORD *record = info->ExceptionRecord;
  bool by_device = record->ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR;
  if ((!by_device && record->ExceptionCode != (DWORD)EXCEPTION_ACCESS_VIOLATION) || record->NumberParameters < 2)
    return EXCEPTION_CONTINUE_SEARCH;
  ULONG_PTR what = record->ExceptionInformation[0];
  uintptr_t address = record->ExceptionInformation[1];
  if (what != LOAD && what != STORE)
    return EXCEPTION_CONTINUE_SEARCH;
  DWORD kept = GetLastError();
  enum fl_windows_fault fault = fl_windows_judge(address, what == STORE, by_device);
  bool handled =
      fault == FL_FAULT_RETRY || (fault == FL_FAULT_LOST && (give_up(info, address) || fault_handler(address)));
  SetLastError(kept);
  return handled ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

/* The handler, and finalizers of buffers, may be called after the last thread that loaded the addon has ended. */
static bool stay_loaded(void) {
  HMODULE self;
  DWORD flags = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
  return GetModuleHandleExW(flags, (LPCWSTR)(uintptr_t)on_exception, &self);
}

/* Vectored handlers are a list, of which nobody takes another's place. */
int fl_os_catch_faults(bool (*handle)(uintptr_t address), bool only_for_nobody) {
  (void)only_for_nobody;
  static bool is_installed;
  if (is_installed)
    return 0;
  fault_handler = handle;
  if (attempt_slot == TLS_OUT_OF_INDEXES) /* else an earlier try got as far as that */
    attempt_slot = TlsAlloc();
  if (attempt_slot == TLS_OUT_OF_INDEXES || !stay_loaded() || AddVectoredExceptionHandler(1, on_exception) == NULL)
    return fl_windows_error(GetLastError());
  is_installed = true;
  return 0;
}

static void load_each_page(const void *base, size_t span) {
  const volatile unsigned char *bytes = base;
  for (size_t at = 0; at < span; at += fl_windows_page_size())
    (void)bytes[at];
}

/* Changes nothing, and takes back no store of another thread's or process's. */
static void store_to_each_page(void *base, size_t span) {
  unsigned char *bytes = base;
  for (size_t at = 0; at < span; at += fl_windows_page_size())
    __atomic_fetch_or(&bytes[at], 0, __ATOMIC_RELAXED);
}

/* Comes back from RtlCaptureContext a second time when a load has failed. */
int fl_windows_load(void *base, size_t span, bool for_writing) {
  struct attempt attempt = {.base = (uintptr_t)base, .span = span};
  TlsSetValue(attempt_slot, &attempt);
  RtlCaptureContext(&attempt.context);
  if (!attempt.failed && for_writing)
    store_to_each_page(base, span);
  else if (!attempt.failed)
    load_each_page(base, span);
  TlsSetValue(attempt_slot, NULL);
  return attempt.failed ? -EFAULT : 0;
}
