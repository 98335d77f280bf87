/* Claims of entries of the process's map: when they are refused, and when they are not. */
#include "check.h"
#include "map_entries.h"
#include <sys/resource.h>

enum { MANY = 100000 }; /* more than are taken */

static uint64_t most;
uint64_t __wrap_fl_os_most_map_entries(void);
uint64_t __wrap_fl_os_most_map_entries(void) { return most; }

static void claim_many(void) {
  for (int i = 0; i < MANY; i++)
    CHECK_EQUAL(fl_map_entries_claim(2), 0);
}

static void a_map_that_is_half_full_is_told(void) {
  most = 2;
  CHECK_EQUAL(fl_map_entries_claim(2), -ENOMEM);
  CHECK_EQUAL(fl_map_entries_claim_again(2), -ENOMEM);
  most = MANY;
  UNTIL(fl_map_entries_claim_again(2) == 0);
}

static void what_was_claimed_and_not_taken_comes_back(void) {
  most = MANY;
  claim_many();
}

/* Not for want of a descriptor, nor where there is no /proc; and as soon as somebody can count, what there is counts. */
static void nothing_is_refused_while_nobody_can_count(void) {
  struct rlimit limit, none;
  CHECK_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = (struct rlimit){0, limit.rlim_max};
  most = MANY;
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
  claim_many();
  CHECK_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  most = 2;
  if (!is_portable())
    CHECK_EQUAL(fl_map_entries_claim(2), -ENOMEM);
}

static void no_limit_refuses_nothing(void) {
  most = UINT64_MAX;
  claim_many();
}

int main(void) {
  if (!is_portable()) /* where nobody can ever count */
    RUN(a_map_that_is_half_full_is_told);
  RUN(what_was_claimed_and_not_taken_comes_back);
  RUN(nothing_is_refused_while_nobody_can_count);
  RUN(no_limit_refuses_nothing);
  return 0;
}
