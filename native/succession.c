/*
 * The mappings of one file, where it has outgrown some. They are a chain, from the longest down, in which each holds the one
 * before. A thread that needs a longer one takes the longest that is open, if it is long enough: so all threads that follow the
 * file end up on the same one. But what is laid over a buffer is that buffer's: each thread that grows lays one more, which holds
 * what that thread has had before.
 *
 * What is done to pages by way of one mapping says nothing of the others, so whatever is about pages of the file, and not about
 * what is to be loaded from, is done to all of them.
 */
#include "succession.h"
#include "mapping_table.h"

/* With the table's lock held: the longest that is open, with a reference; NULL where none is. */
static struct fl_mapping *acquire_longest(const struct fl_mapping *m) {
  struct fl_mapping *longest = m->first->longest == NULL ? m->first : m->first->longest;
  for (; longest != NULL; longest = longest->outgrown) {
    bool open = longest->entry.refs > 0 && !longest->is_left && !atomic_load(&longest->closed);
    if (open) {
      longest->entry.refs++;
      return longest;
    }
  }
  return NULL;
}

/* With the lock held: the longest with one handle more, and a reference, where that will do; else NULL. */
static struct fl_mapping *attach_longest(const struct fl_mapping *m, uint64_t least) {
  struct fl_mapping *longest = acquire_longest(m);
  if (longest == NULL || longest->length >= least) {
    if (longest != NULL)
      longest->handles++;
    return longest;
  }
  longest->entry.refs--; /* not the last: somebody has it open */
  return NULL;
}

/* With the lock held. Nobody knows what was made as yet. */
static void enchain(struct fl_mapping *m, struct fl_mapping *made) {
  made->first = m->first;
  made->outgrown = made->fills_buffer ? NULL : acquire_longest(m);
  if (made->outgrown == NULL) {
    made->outgrown = m;
    m->entry.refs++;
  }
  made->outgrown->successors++;
  if (!made->fills_buffer)
    m->first->longest = made;
}

struct fl_mapping *fl_mapping_attach_longest(const struct fl_mapping *m, uint64_t least) {
  pthread_mutex_lock(&fl_mappings.lock);
  struct fl_mapping *longest = attach_longest(m, least);
  pthread_mutex_unlock(&fl_mappings.lock);
  return longest;
}

struct fl_mapping *fl_mapping_succeed(struct fl_mapping *m, fl_id made_id, uint64_t least) {
  pthread_mutex_lock(&fl_mappings.lock);
  struct fl_mapping *made = fl_table_acquire_locked(&fl_mappings, made_id);
  made->entry.refs--; /* not the last: it is the caller's */
  struct fl_mapping *longest = made->fills_buffer ? NULL : attach_longest(m, least);
  if (longest == NULL)
    enchain(m, made);
  pthread_mutex_unlock(&fl_mappings.lock);
  return longest == NULL ? made : longest;
}

uint64_t fl_mapping_longest_known(const struct fl_mapping *m) {
  uint64_t known = fl_mapping_known(m);
  if (m->fills_buffer)
    return known;
  pthread_mutex_lock(&fl_mappings.lock);
  struct fl_mapping *longest = acquire_longest(m);
  pthread_mutex_unlock(&fl_mappings.lock);
  if (longest == NULL)
    return known;
  uint64_t most = fl_mapping_known(longest);
  fl_mapping_release(longest->entry.id);
  return most > known ? most : known;
}

void fl_mapping_end_succession(struct fl_mapping *m) {
  pthread_mutex_lock(&fl_mappings.lock);
  if (m->first->longest == m)
    m->first->longest = m->outgrown;
  if (m->outgrown != NULL)
    m->outgrown->successors--; /* its reference is the caller's to release */
  pthread_mutex_unlock(&fl_mappings.lock);
}

/* As far as it reaches. */
static int act_on_one(const struct fl_mapping *m, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  if (offset > m->length)
    return 0;
  uint64_t rest = m->length - offset;
  int result = fl_act_on(m->entry.id, offset, length < rest ? length : rest, act, argument);
  return result == -FL_CLOSED ? 0 : result;
}

/* With a reference, which holds the others: where the chain begins. */
static const struct fl_mapping *acquire_top(struct fl_mapping *m) {
  pthread_mutex_lock(&fl_mappings.lock);
  struct fl_mapping *top = m->fills_buffer ? NULL : acquire_longest(m);
  if (top == NULL) {
    top = m;
    m->entry.refs++;
  }
  pthread_mutex_unlock(&fl_mappings.lock);
  return top;
}

int fl_act_on_others(struct fl_mapping *m, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  const struct fl_mapping *top = acquire_top(m);
  int result = 0;
  for (const struct fl_mapping *other = top; other != NULL; other = other->outgrown) {
    int one = other == m ? 0 : act_on_one(other, offset, length, act, argument);
    if (result == 0 && one < 0)
      result = one;
  }
  fl_mapping_release(top->entry.id);
  return result;
}

int fl_act_on_all(fl_id id, uint64_t offset, uint64_t length, fl_act *act, void *argument) {
  struct fl_operation op;
  int result = fl_operation_begin(&op, id, offset, length);
  if (result < 0)
    return result;
  result = fl_act_on(id, offset, length, act, argument);
  int others = fl_act_on_others(op.mapping, offset, length, act, argument);
  return fl_operation_end(&op, result != 0 ? result : others);
}
