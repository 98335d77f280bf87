/* Paths are opened at once where that waits for nobody; all others are left to who may wait, and nothing stays open. */
#include "check.h"
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

static char folder[] = "/tmp/faultless-open-XXXXXX";
static char file[64], fifo[64], loop[64];

static void make_paths(void) {
  CHECK(mkdtemp(folder) != NULL);
  snprintf(file, sizeof file, "%s/file", folder);
  snprintf(fifo, sizeof fifo, "%s/fifo", folder);
  snprintf(loop, sizeof loop, "%s/loop", folder);
  int fd = open(file, O_WRONLY | O_CREAT, 0600);
  CHECK(write(fd, "content", 7) == 7);
  close(fd);
  CHECK_EQUAL(mkfifo(fifo, 0600), 0);
  CHECK_EQUAL(symlink("loop", loop), 0);
}

static void remove_paths(void) {
  unlink(file);
  unlink(fifo);
  unlink(loop);
  rmdir(folder);
}

/* Linux 6.8 tells on what kind of file system a path leads, and these kinds open at once. */
static bool is_due(void) {
  static const unsigned long kinds[] = {0xEF53, 0x58465342, 0x9123683E, 0x01021994};
  int major = 0, minor = 0;
  bool is_known = false;
  struct utsname system;
  struct statfs status;
  CHECK(uname(&system) == 0 && statfs(folder, &status) == 0);
  sscanf(system.release, "%d.%d", &major, &minor);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    is_known = is_known || kinds[i] == (unsigned long)status.f_type;
  return is_known && !is_portable() && major * 100 + minor >= 608;
}

static void expect_content(int fd) {
  char bytes[8] = {0};
  CHECK_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
  CHECK_EQUAL(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  CHECK(read(fd, bytes, sizeof bytes) == 7 && strcmp(bytes, "content") == 0);
}

static void a_cached_file_is_opened_at_once(void) {
  int before = count_descriptors();
  int fd = fl_open_cached(file);
  if (is_due()) {
    CHECK(fd >= 0);
    CHECK_EQUAL(count_descriptors(), before + 1);
    expect_content(fd);
    fl_close_cached(fd);
  } else {
    CHECK_EQUAL(fd, -EAGAIN);
  }
  CHECK_EQUAL(count_descriptors(), before);
}

static void all_else_is_left_to_who_may_wait(void) {
  const char *const paths[] = {"", "/tmp/there is none", "/tmp", "/proc/self/status", "/dev/null", fifo, loop};
  int before = count_descriptors();
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
    CHECK_EQUAL(fl_open_cached(paths[i]), -EAGAIN);
  CHECK_EQUAL(count_descriptors(), before);
}

/* Of others than the owner the kernel may have to read from the device who may open it. */
static void a_file_of_somebody_else_is_left_as_well(void) {
  if (geteuid() != 0)
    return;
  CHECK_EQUAL(chown(file, 65534, 65534), 0);
  CHECK_EQUAL(fl_open_cached(file), -EAGAIN);
  CHECK_EQUAL(chown(file, 0, 0), 0);
}

/* Opening once more may wait for a server: only where the descriptor is of no use as it is. */
static void a_descriptor_that_appends_is_read_as_it_is(void) {
  int fd = open(file, O_RDWR | O_APPEND), own = fl_os_duplicate(fd);
  CHECK(own >= 0);
  CHECK_EQUAL(lseek(own, 3, SEEK_SET), 3);
  CHECK_EQUAL(lseek(fd, 0, SEEK_CUR), 3); /* one description */
  close(own);
  close(fd);
}

int main(void) {
  make_paths();
  RUN(a_file_of_somebody_else_is_left_as_well);
  RUN(a_descriptor_that_appends_is_read_as_it_is);
  RUN(a_cached_file_is_opened_at_once);
  RUN(all_else_is_left_to_who_may_wait);
  remove_paths();
  return 0;
}
