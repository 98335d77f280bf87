/*
 * What Windows says has gone wrong, as the numbers of errno by which the core tells it.
 */
#include "os_windows.h"
#include <errno.h>

int fl_windows_error(DWORD error) {
  static const struct {
    DWORD error;
    int number;
  } known[] = {
      {ERROR_SUCCESS, EIO},
      {ERROR_FILE_NOT_FOUND, ENOENT},
      {ERROR_PATH_NOT_FOUND, ENOENT},
      {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
      {ERROR_ACCESS_DENIED, EACCES},
      {ERROR_INVALID_HANDLE, EBADF},
      {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
      {ERROR_OUTOFMEMORY, ENOMEM},
      {ERROR_COMMITMENT_LIMIT, ENOMEM},
      {ERROR_NO_SYSTEM_RESOURCES, ENOMEM},
      {ERROR_WORKING_SET_QUOTA, ENOMEM},
      {ERROR_COMMITMENT_MINIMUM, ENOMEM},
      {ERROR_INVALID_ADDRESS, ENOMEM}, /* somebody else was given the addresses */
      {ERROR_WRITE_PROTECT, EROFS},
      {ERROR_NOT_SUPPORTED, ENOTSUP},
      {ERROR_INVALID_FUNCTION, ENOTSUP},
      {ERROR_CALL_NOT_IMPLEMENTED, ENOSYS},
      {ERROR_INVALID_PARAMETER, EINVAL},
      {ERROR_NEGATIVE_SEEK, EINVAL},
      {ERROR_SHARING_VIOLATION, EBUSY},
      {ERROR_LOCK_VIOLATION, EBUSY},
      {ERROR_USER_MAPPED_FILE, EBUSY},
      {ERROR_FILE_INVALID, ENODEV},
      {ERROR_BAD_EXE_FORMAT, ENODEV}, /* a kind of file that no section can be made of */
      {ERROR_DISK_FULL, ENOSPC},
      {ERROR_HANDLE_DISK_FULL, ENOSPC},
      {1295, ENOSPC}, /* ERROR_DISK_QUOTA_EXCEEDED, which some headers have not */
      {ERROR_FILE_TOO_LARGE, EFBIG},
      {ERROR_NOACCESS, EFAULT},
      {ERROR_OPERATION_ABORTED, ECANCELED},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].error == error)
      return -known[i].number;
  return -EIO;
}
