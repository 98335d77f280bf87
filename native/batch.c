/* What a pool thread does for several requests at once, so that their common costs are paid once; and its manners after. */
#include "guard.h"
#include "mirror.h"
#include "os.h"
#include "pages.h"
#include <errno.h>
#include <sched.h>

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/*
 * Begins the parts that one system call can take, from the first on: short ones of one mapping. What waits for a file holds
 * up the close() of no other. A short part has no blocks (blocks.c). `widen`: with what is read along with each.
 */
static size_t begin_together(const struct fl_part *parts, size_t count, bool widen, struct fl_operation *ops,
                             struct fl_os_range *ranges) {
  size_t i = 0;
  for (; i < count && parts[i].id == parts[0].id; i++) {
    if (fl_operation_begin(&ops[i], parts[i].id, parts[i].offset, parts[i].length) < 0)
      break;
    if (widen)
      fl_widen_by_advice(&ops[i]);
    ranges[i] = (struct fl_os_range){ops[i].base, ops[i].span};
    if (ops[i].span == 0 || ops[i].span > FL_OS_MOST_PREFETCHED) {
      fl_operation_end(&ops[i], 0);
      break;
    }
  }
  return i;
}

static void end_all(struct fl_operation *ops, size_t count) {
  for (size_t i = 0; i < count; i++)
    fl_operation_end(&ops[i], 0);
}

/* By one system call; returns how many, which are none where the first has to go alone. */
static size_t prefetch_together(const struct fl_part *parts, size_t count) {
  struct fl_operation ops[FL_PARTS_MAX];
  struct fl_os_range ranges[FL_PARTS_MAX];
  size_t begun = begin_together(parts, count, true, ops, ranges);
  size_t done = begun > 1 ? fl_os_prefetch_each(ranges, begun) : 0;
  end_all(ops, begun);
  return done;
}

size_t fl_prefetch_each(const struct fl_part *parts, size_t count, size_t together, int64_t most_ns, bool *was_long) {
  size_t most = least(together, fl_os_most_ranges());
  size_t i = 0;
  *was_long = false;
  for (int64_t before = fl_os_now(), after; i < count && !*was_long; before = after) {
    size_t done = most > 1 ? prefetch_together(parts + i, least(count - i, most)) : 0;
    if (done == 0)
      fl_prefetch(parts[i].id, parts[i].offset, parts[i].length);
    i += done > 0 ? done : 1;
    after = fl_os_now();
    *was_long = after - before > most_ns;
  }
  return i;
}

/* As prefetch_together; those that are resident stay begun. */
static size_t load_together(const struct fl_part *parts, size_t count, struct fl_operation *ops, int *results) {
  struct fl_os_range ranges[FL_PARTS_MAX];
  size_t begun = begin_together(parts, count, false, ops, ranges);
  size_t done = begun > 1 ? fl_os_populate_each(ranges, begun) : 0;
  end_all(ops + done, begun - done);
  for (size_t i = 0; i < done; i++)
    results[i] = 0;
  return done;
}

/* What could not begin has no mapping, and a result already. */
static void load_alone(const struct fl_part *part, struct fl_operation *op, int *result) {
  *result = fl_operation_begin(op, part->id, part->offset, part->length);
  if (*result < 0)
    op->mapping = NULL;
  else
    *result = fl_load_pages(op);
}

/* Begins and loads, until that takes longer than `most_ns`. Returns how many were come to. */
static size_t load_each(const struct fl_part *parts, size_t count, size_t most, int64_t most_ns,
                        struct fl_operation *ops, int *results) {
  int64_t began = fl_os_now();
  size_t i = 0;
  while (i < count && (i == 0 || fl_os_now() - began <= most_ns)) {
    size_t done = most > 1 ? load_together(parts + i, least(count - i, most), ops + i, results + i) : 0;
    if (done == 0)
      load_alone(&parts[i], &ops[i], &results[i]);
    i += done > 0 ? done : 1;
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

size_t fl_populate_each(const struct fl_part *parts, size_t count, size_t together, int64_t most_ns, int *results) {
  struct fl_operation ops[FL_PARTS_MAX];
  count = load_each(parts, least(count, FL_PARTS_MAX), least(together, fl_os_most_ranges()), most_ns, ops, results);
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
