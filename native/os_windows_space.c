/*
 * What addresses of Windows hold: nothing yet (a hole), zeros, or a view of a file; each is put there and taken away as a
 * whole, and what takes its place is a hole.
 *
 * Placeholders keep the addresses meanwhile. Windows before 10 1803 has none: there they are unreserved for a moment, and if
 * somebody else is given them just then, what was to be put there is lost. There views begin at multiples of 64 KiB, which
 * is why this is then what the core takes for a page.
 */
#include "os_windows.h"

/* Newer than the headers may be: memoryapi.h of Windows 10 1803. */
#ifndef MEM_RESERVE_PLACEHOLDER
#define MEM_RESERVE_PLACEHOLDER 0x00040000
#define MEM_REPLACE_PLACEHOLDER 0x00004000
#endif
#ifndef MEM_PRESERVE_PLACEHOLDER
#define MEM_PRESERVE_PLACEHOLDER 0x00000002
#endif

typedef void *(WINAPI *virtual_alloc_2)(HANDLE, void *, SIZE_T, ULONG, ULONG, void *, ULONG);
typedef void *(WINAPI *map_view_of_file_3)(HANDLE, HANDLE, void *, ULONG64, SIZE_T, ULONG, ULONG, void *, ULONG);
typedef BOOL(WINAPI *unmap_view_of_file_2)(HANDLE, void *, ULONG);

static virtual_alloc_2 allocate;
static map_view_of_file_3 map_view;
static unmap_view_of_file_2 unmap_view;

/* Zeros are committed at once up to here, and beyond page by page when they are first touched: memory is accounted for. */
static const size_t COMMITTED_AT_ONCE = 1u << 20;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_placeholders;

/* Asked by doing it: the functions are there before the flags are understood. */
static void probe_placeholders(void) {
  allocate = (virtual_alloc_2)fl_windows_find("kernelbase.dll", "VirtualAlloc2");
  map_view = (map_view_of_file_3)fl_windows_find("kernelbase.dll", "MapViewOfFile3");
  unmap_view = (unmap_view_of_file_2)fl_windows_find("kernelbase.dll", "UnmapViewOfFile2");
  if (allocate == NULL || map_view == NULL || unmap_view == NULL)
    return;
  ULONG type = MEM_RESERVE | MEM_RESERVE_PLACEHOLDER;
  void *memory = allocate(GetCurrentProcess(), NULL, 1u << 16, type, PAGE_NOACCESS, NULL, 0);
  has_placeholders = memory != NULL;
  if (memory != NULL)
    VirtualFree(memory, 0, MEM_RELEASE);
}

bool fl_windows_has_placeholders(void) {
  pthread_once(&once, probe_placeholders);
  return has_placeholders;
}

static int last_error(void) { return fl_windows_error(GetLastError()); }

/* --- holes ------------------------------------------------------------------------------------------------------ */

void *fl_windows_reserve(void *address, size_t span) {
  if (!fl_windows_has_placeholders())
    return VirtualAlloc(address, span, MEM_RESERVE, PAGE_NOACCESS);
  ULONG type = MEM_RESERVE | MEM_RESERVE_PLACEHOLDER;
  return allocate(GetCurrentProcess(), address, span, type, PAGE_NOACCESS, NULL, 0);
}

int fl_windows_split_hole(void *address, size_t first, size_t span) {
  if (has_placeholders)
    return VirtualFree(address, first, MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER) ? 0 : last_error();
  bool done = VirtualFree(address, 0, MEM_RELEASE) && fl_windows_reserve(address, first) != NULL &&
              fl_windows_reserve((char *)address + first, span - first) != NULL;
  return done ? 0 : last_error();
}

/* --- zeros ------------------------------------------------------------------------------------------------------ */

int fl_windows_put_zeros(void *address, size_t span) {
  void *memory = address;
  ULONG commit = span <= COMMITTED_AT_ONCE ? MEM_COMMIT : 0;
  if (has_placeholders) {
    ULONG type = MEM_RESERVE | MEM_REPLACE_PLACEHOLDER | commit;
    memory = allocate(GetCurrentProcess(), address, span, type, PAGE_READWRITE, NULL, 0);
  } else if (commit != 0) {
    memory = VirtualAlloc(address, span, MEM_COMMIT, PAGE_READWRITE);
  }
  return memory == NULL ? last_error() : 0;
}

bool fl_windows_commit_zeros(uintptr_t address) {
  void *page = (void *)(address & ~(uintptr_t)(fl_windows_page_size() - 1));
  return VirtualAlloc(page, 1, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

int fl_windows_take_zeros(void *address, size_t span) {
  DWORD type = has_placeholders ? MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER : MEM_DECOMMIT;
  return VirtualFree(address, span, type) ? 0 : last_error();
}

/* --- views ------------------------------------------------------------------------------------------------------ */

static DWORD protection_of(enum fl_windows_access access) {
  return access == FL_VIEW_READ_WRITE      ? PAGE_READWRITE
         : access == FL_VIEW_COPY_ON_WRITE ? PAGE_WRITECOPY
                                           : PAGE_READONLY;
}

/* The last view ends with the file, and not with the page. */
static void *map_placeholder(HANDLE section, void *address, uint64_t offset, size_t bytes, DWORD protection) {
  return map_view(section, GetCurrentProcess(), address, offset, bytes, MEM_REPLACE_PLACEHOLDER, protection, NULL, 0);
}

static void *map_in_place(HANDLE section, void *address, size_t span, uint64_t offset, size_t bytes,
                          enum fl_windows_access access) {
  DWORD views[] = {[FL_VIEW_READ_WRITE] = FILE_MAP_WRITE,
                   [FL_VIEW_COPY_ON_WRITE] = FILE_MAP_COPY,
                   [FL_VIEW_READ_ONLY] = FILE_MAP_READ};
  if (!VirtualFree(address, 0, MEM_RELEASE))
    return NULL;
  void *memory = MapViewOfFileEx(section, views[access], (DWORD)(offset >> 32), (DWORD)offset, bytes, address);
  DWORD error = GetLastError();
  if (memory == NULL)
    fl_windows_reserve(address, span);
  SetLastError(error);
  return memory;
}

int fl_windows_put_view(void *address, size_t span, int fd, uint64_t offset, size_t bytes,
                        enum fl_windows_access access) {
  DWORD protection = protection_of(access);
  HANDLE section = CreateFileMappingW(fl_windows_handle(fd), NULL, protection, 0, 0, NULL);
  if (section == NULL)
    return last_error();
  void *memory;
  if (!has_placeholders)
    memory = map_in_place(section, address, span, offset, bytes, access);
  else if ((memory = map_placeholder(section, address, offset, bytes, protection)) == NULL && bytes < span)
    memory = map_placeholder(section, address, offset, span, protection);
  int result = memory == NULL ? last_error() : 0;
  CloseHandle(section); /* the view holds it */
  return result;
}

int fl_windows_take_view(void *address, size_t span) {
  bool done = has_placeholders ? unmap_view(GetCurrentProcess(), address, MEM_PRESERVE_PLACEHOLDER)
                               : UnmapViewOfFile(address) && fl_windows_reserve(address, span) != NULL;
  return done ? 0 : last_error();
}
