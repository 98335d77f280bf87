/* What a pool thread does for several requests at once, so that their common costs are paid once; and its manners after. */
#include "mapping.h"
#include "os.h"
#include <errno.h>
#include <sched.h>

bool fl_prefetch_each(const struct fl_part *parts, size_t count, int64_t most_ns) {
  int64_t before = fl_os_now();
  for (size_t i = 0; i < count; i++) {
    fl_prefetch(parts[i].id, parts[i].offset, parts[i].length);
    int64_t after = fl_os_now();
    if (after - before > most_ns)
      return true;
    before = after;
  }
  return false;
}

/*
 * Begins and loads, until that takes longer than `most_ns`; what could not begin has no mapping, and a result already.
 * Returns how many were come to.
 */
static size_t load_each(const struct fl_part *parts, size_t count, int64_t most_ns, struct fl_operation *ops,
                        int *results) {
  int64_t began = fl_os_now();
  size_t i = 0;
  while (i < count && (i == 0 || fl_os_now() - began <= most_ns)) {
    results[i] = fl_operation_begin(&ops[i], parts[i].id, parts[i].offset, parts[i].length);
    if (results[i] < 0)
      ops[i].mapping = NULL;
    else
      results[i] = fl_load_pages(&ops[i]);
    i++;
  }
  return i;
}

static int judge_and_mark(const struct fl_operation *op, int asked, const struct fl_os_status *status) {
  if (op->span == 0)
    return 0;
  int result = fl_guard_judge(op, asked, status);
  if (result == 0)
    fl_mirror_mark(op);
  return result;
}

size_t fl_populate_each(const struct fl_part *parts, size_t count, int64_t most_ns, int *results) {
  struct fl_operation ops[FL_PARTS_MAX];
  count = load_each(parts, count < FL_PARTS_MAX ? count : FL_PARTS_MAX, most_ns, ops, results);
  const struct fl_mapping *known = NULL;
  struct fl_os_status status = {0, 0};
  int asked = 0;
  for (size_t i = 0; i < count; i++) {
    struct fl_mapping *m = ops[i].mapping;
    if (m == NULL)
      continue;
    if (m != known)
      asked = fl_os_file_status(m->fd, &status);
    known = m;
    if (results[i] == 0)
      results[i] = judge_and_mark(&ops[i], asked, &status);
  }
  /* Not before all are judged: until then the mapping stays what it is. */
  for (size_t i = 0; i < count; i++)
    if (ops[i].mapping != NULL)
      results[i] = fl_operation_end(&ops[i], results[i]);
  for (size_t i = 0; i < count; i++)
    if (results[i] == -FL_MAPPED_ANEW)
      results[i] = fl_populate(parts[i].id, parts[i].offset, parts[i].length);
  return count;
}

void fl_yield(void) { sched_yield(); }
