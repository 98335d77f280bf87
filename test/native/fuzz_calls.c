/*
 * A libFuzzer target over sequences of the core's calls, since tests try the orders that somebody thought of. The bytes
 * of the input say which call comes next and with what, on one thread, so a model of a file and of what is mapped knows
 * what each call must answer and which byte each load must give. `make fuzz` runs it for some seconds.
 */
#include "check.h"
#include <dirent.h>

enum {
  PAGES = 12,          /* at most: of 4 KiB; larger pages are fewer */
  MOST = PAGES * 4096, /* bytes that the file ever has, and that a mapping with a model reaches to */
  SLOTS = 4            /* mappings, and transfers, at a time */
};

/* --- the input ------------------------------------------------------------------------------------------------ */

static const uint8_t *input;
static size_t input_left;

static uint8_t next_byte(void) {
  if (input_left == 0)
    return 0;
  input_left--;
  return *input++;
}

/* From 0 to `most`, ends included; half of them whole pages. */
static uint64_t next_bytes_up_to(uint64_t most) {
  uint64_t word = next_byte() | (uint64_t)next_byte() << 8 | (uint64_t)next_byte() << 16;
  uint64_t bytes = (word >> 1) % (most + 1);
  return word & 1 ? bytes : bytes / PAGE * PAGE;
}

/* --- the model ------------------------------------------------------------------------------------------------ */

struct mapping {
  fl_id id; /* 0: none was made in this slot; it stays when the last reference is gone */
  unsigned references;
  bool closed;
  bool shared;
  bool stained; /* a stray store: its pages are its own from then on, so bytes are not compared */
  uint64_t offset;
  uint64_t length;
  unsigned char *data;
  bool damaged[PAGES + 1]; /* by page of the file */
  unsigned damaged_count;
};

struct transfer {
  fl_id id;
  unsigned char *memory; /* NULL once ended */
  uint64_t length;
};

static int file_fd = -1;
static uint64_t file_size;
static unsigned char content[MOST]; /* zeros from file_size on */
static bool unsure[MOST]; /* stored to past the end of the file, in its last page: anything may be seen there */
static struct mapping mappings[SLOTS];
static struct transfer transfers[SLOTS];

static struct mapping *next_mapping(void) { return &mappings[next_byte() % SLOTS]; }

static uint64_t pages_from(uint64_t bytes) { return bytes / PAGE; }
static uint64_t pages_to(uint64_t bytes) { return (bytes + PAGE - 1) / PAGE; }

/* What every operation answers before it does anything; 0 where it goes on. */
static int refusal(const struct mapping *m, uint64_t offset, uint64_t length) {
  if (m->references == 0 || m->closed)
    return -FL_CLOSED;
  return offset > m->length || length > m->length - offset ? -ERANGE : 0;
}

static bool has_damage(const struct mapping *m, uint64_t offset, uint64_t length) {
  for (uint64_t page = pages_from(m->offset + offset); page < pages_to(m->offset + offset + length); page++)
    if (m->damaged[page])
      return true;
  return false;
}

/* Whether bytes of the range can be trusted: 0 or -FL_TRUNCATED. */
static int verdict(const struct mapping *m, uint64_t offset, uint64_t length) {
  if (length == 0)
    return 0;
  return m->offset + offset + length > file_size || has_damage(m, offset, length) ? -FL_TRUNCATED : 0;
}

/* A load from this page of the file has come to the mapping. */
static void note_load(struct mapping *m, uint64_t page) {
  if (m->closed || m->damaged[page] || page < pages_to(file_size))
    return;
  m->damaged[page] = true;
  m->damaged_count++;
}

static bool populate_disabled, ranges_disabled;

static void check_byte(const struct mapping *m, uint64_t offset, unsigned char byte) {
  uint64_t at = m->offset + offset;
  if (m->closed || m->damaged[pages_from(at)])
    CHECK_EQUAL(byte, 0);
  else if (!unsure[at])
    CHECK_EQUAL(byte, content[at]);
}

/* --- the calls ------------------------------------------------------------------------------------------------ */

struct range {
  uint64_t offset, length;
};

/* Mostly one that lies in the mapping. */
static struct range next_range(const struct mapping *m) {
  uint8_t kind = next_byte();
  if (kind == 255)
    return (struct range){UINT64_MAX - next_byte(), next_byte()};
  if (kind == 254)
    return (struct range){next_byte(), UINT64_MAX - next_byte()};
  if (kind > 240)
    return (struct range){next_bytes_up_to(MOST), next_bytes_up_to(MOST)};
  uint64_t offset = next_bytes_up_to(m->length);
  return (struct range){offset, kind > 120 ? m->length - offset : next_bytes_up_to(m->length - offset)};
}

static void drop_references(struct mapping *m) {
  while (m->references > 0) {
    fl_mapping_release(m->id);
    m->references--;
  }
}

static void call_create(void) {
  struct mapping *m = next_mapping();
  drop_references(m);
  *m = (struct mapping){0};
  m->offset = next_bytes_up_to(MOST);
  m->length = next_bytes_up_to(MOST - m->offset);
  m->shared = next_byte() % 3 == 0;
  struct fl_map_request request = {file_fd,   m->offset, m->length, m->shared ? FL_SHARED : FL_COPY_ON_WRITE,
                                   FRESHNESS, false};
  struct fl_map_info info;
  CHECK_EQUAL(fl_mapping_create(&request, &info), 0);
  CHECK(info.id != 0);
  CHECK((info.data == NULL) == (m->length == 0));
  m->id = info.id;
  m->data = info.data;
  m->references = 1;
  /* Copies come from the mapping then, and past it otherwise. */
  if (info.mirror != NULL)
    info.mirror[FL_MIRROR_SHOWN] = next_byte() % 2;
}

/* Sizes that no file has: refused, or mapped and given back, but never wrapped around. */
static void call_create_hugely(void) {
  static const uint64_t sizes[] = {UINT64_MAX, (uint64_t)INT64_MAX, (uint64_t)INT64_MAX + 1, (uint64_t)1 << 36, MOST, 1,
                                   0};
  enum { COUNT = sizeof sizes / sizeof *sizes };
  uint64_t offset = sizes[next_byte() % COUNT] - next_byte() % 2;
  uint64_t length = sizes[next_byte() % COUNT] - next_byte() % 2;
  struct fl_map_request request = {next_byte() == 7 ? -1 : file_fd, offset, length, FL_COPY_ON_WRITE, FRESHNESS, false};
  struct fl_map_info info;
  int result = fl_mapping_create(&request, &info);
  CHECK(result == 0 || result == -EOVERFLOW || result == -ENOMEM || result == -EINVAL || result == -EBADF);
  if (offset + length < offset || offset + length > INT64_MAX)
    CHECK(result < 0);
  if (result == 0)
    fl_mapping_release(info.id);
}

static void call_retain(void) {
  struct mapping *m = next_mapping();
  CHECK_EQUAL(fl_mapping_retain(m->id), m->references == 0 ? -FL_CLOSED : 0);
  if (m->references > 0)
    m->references++;
}

static void call_release(void) {
  struct mapping *m = next_mapping();
  fl_mapping_release(m->id);
  if (m->references > 0 && --m->references == 0)
    fl_test_await_mirrors(); /* whose thread may have one more, until it has looked */
}

static void call_close(void) {
  struct mapping *m = next_mapping();
  CHECK_EQUAL(fl_mapping_close(m->id), m->references == 0 ? -FL_CLOSED : 0);
  if (m->references > 0 && !m->closed) {
    m->closed = true;
    m->stained = false; /* zeros, all of it, and the second time nothing */
  }
}

static void call_populate(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  bool prefetches = next_byte() % 2 == 0;
  int expected = refusal(m, range.offset, range.length);
  if (expected == 0)
    expected = verdict(m, range.offset, range.length);
  CHECK_EQUAL((prefetches ? touch : fl_populate)(m->id, range.offset, range.length), expected);
}

static void call_populate_each(void) {
  enum { COUNT = 4 };
  struct fl_part parts[COUNT];
  int expected[COUNT], results[COUNT];
  for (int i = 0; i < COUNT; i++) {
    struct mapping *m = next_mapping();
    struct range range = next_range(m);
    parts[i] = (struct fl_part){m->id, range.offset, range.length};
    expected[i] = refusal(m, range.offset, range.length);
    if (expected[i] == 0)
      expected[i] = verdict(m, range.offset, range.length);
  }
  size_t together = 1 + next_byte() % FL_PARTS_MAX;
  bool was_long;
  CHECK_EQUAL(fl_prefetch_each(parts, COUNT, together, INT64_MAX, &was_long), COUNT);
  CHECK(!was_long);
  CHECK_EQUAL(fl_populate_each(parts, COUNT, together, INT64_MAX, results), COUNT);
  for (int i = 0; i < COUNT; i++)
    CHECK_EQUAL(results[i], expected[i]);
}

static void call_prefetch(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  CHECK_EQUAL(fl_prefetch(m->id, range.offset, range.length), refusal(m, range.offset, range.length));
}

static void call_read(void) {
  struct mapping *m = next_mapping();
  struct transfer *transfer = &transfers[next_byte() % SLOTS];
  struct range range = next_range(m);
  uint64_t at = next_byte() % 4 == 0 ? next_bytes_up_to(MOST) : 0;
  int expected = refusal(m, range.offset, range.length);
  if (expected == 0)
    expected = verdict(m, range.offset, range.length);
  if (expected == 0 && transfer->memory == NULL)
    expected = -FL_CLOSED;
  else if (expected == 0 && (at > transfer->length || range.length > transfer->length - at))
    expected = -ERANGE;
  CHECK_EQUAL(fl_read(m->id, range.offset, range.length, transfer->id, at), expected);
  if (expected == 0 && !m->stained)
    for (uint64_t i = 0; i < range.length; i++)
      check_byte(m, range.offset + i, transfer->memory[at + i]);
}

static void call_transfer_create(void) {
  struct transfer *transfer = &transfers[next_byte() % SLOTS];
  if (transfer->memory != NULL)
    return;
  transfer->length = next_bytes_up_to(MOST);
  transfer->memory = malloc(transfer->length + (transfer->length == 0));
  CHECK_EQUAL(fl_transfer_create(transfer->memory, transfer->length, &transfer->id), 0);
}

/* The sanitizer sees whoever writes to the memory after it. */
static void end_transfer(struct transfer *transfer) {
  fl_transfer_end(transfer->id);
  free(transfer->memory);
  transfer->memory = NULL;
}

static void call_transfer_end(void) { end_transfer(&transfers[next_byte() % SLOTS]); }

static uint64_t page_count(const struct mapping *m, struct range range) {
  if (refusal(m, range.offset, range.length) < 0 || range.length == 0)
    return 0;
  return pages_to(m->offset + range.offset + range.length) - pages_from(m->offset + range.offset);
}

static void call_residency(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  uint64_t pages = page_count(m, range), resident = 0, ones = 0;
  CHECK_EQUAL(fl_page_count(m->id, range.offset, range.length), pages);
  uint8_t *vector = malloc(pages + 1);
  int result = fl_residency(m->id, range.offset, range.length, vector, &resident);
  int refused = refusal(m, range.offset, range.length);
  if (result != -EPERM || pages == 0)
    CHECK_EQUAL(result, refused);
  if (result == 0) {
    for (uint64_t i = 0; i < pages; i++) {
      CHECK(vector[i] <= 1);
      ones += vector[i];
    }
    CHECK_EQUAL(resident, ones);
  }
  free(vector);
}

static void call_read_residency(void) {
  struct mapping *m = next_mapping();
  struct transfer *transfer = &transfers[next_byte() % SLOTS];
  struct range range = next_range(m);
  uint64_t at = next_bytes_up_to(MOST), resident = 0;
  int expected = refusal(m, range.offset, range.length);
  if (transfer->memory == NULL)
    expected = -FL_CLOSED;
  else if (at > transfer->length || page_count(m, range) > transfer->length - at)
    expected = -ERANGE;
  int result = fl_read_residency(m->id, range.offset, range.length, transfer->id, at, &resident);
  CHECK(result == expected || (expected == 0 && result == -EPERM));
}

static void call_is_resident(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  int refused = refusal(m, range.offset, range.length);
  int result = fl_is_resident(m->id, range.offset, range.length);
  if (refused < 0)
    CHECK_EQUAL(result, refused);
  else
    CHECK(result == 0 || result == 1 || result == -EPERM);
  if (result == 1)
    CHECK_EQUAL(verdict(m, range.offset, range.length), 0);
}

static void call_advise(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  enum fl_advice advice = next_byte() % FL_ADVICE_COUNT;
  int result = fl_advise(m->id, range.offset, range.length, advice);
  int refused = refusal(m, range.offset, range.length);
  /* The system has its own opinion of some advice on some pages. */
  CHECK(result == refused || (refused == 0 && result == -EINVAL && (advice == FL_HUGEPAGE || advice >= FL_COLD)));
}

static void call_evict(void) {
  struct mapping *m = next_mapping();
  struct range range = next_range(m);
  CHECK_EQUAL(fl_evict(m->id, range.offset, range.length), refusal(m, range.offset, range.length));
}

static void call_truncate(void) {
  file_size = next_bytes_up_to(MOST);
  CHECK_EQUAL(ftruncate(file_fd, (off_t)file_size), 0);
  memset(content + file_size, 0, MOST - file_size);
}

/* Grows the file, if need be, by bytes that differ from what was there. */
static void call_write(void) {
  uint64_t offset = next_bytes_up_to(file_size);
  uint64_t length = next_bytes_up_to(MOST - offset);
  for (uint64_t i = 0; i < length; i++)
    content[offset + i] = (unsigned char)(byte_at(offset + i) + length);
  memset(unsure + offset, 0, length);
  CHECK_EQUAL(pwrite(file_fd, content + offset, length, (off_t)offset), length);
  if (offset + length > file_size)
    file_size = offset + length;
}

/* Memory stays as long as there is a reference, whether the mapping is closed or not. */
static bool next_place(struct mapping **m, uint64_t *at) {
  *m = next_mapping();
  *at = next_bytes_up_to(MOST);
  if ((*m)->references == 0 || (*m)->length == 0)
    return false;
  *at %= (*m)->length;
  return true;
}

static void call_load(void) {
  struct mapping *m;
  uint64_t at;
  if (!next_place(&m, &at))
    return;
  note_load(m, pages_from(m->offset + at));
  unsigned char byte = ((volatile unsigned char *)m->data)[at];
  if (!m->stained)
    check_byte(m, at, byte);
}

static void call_store(void) {
  struct mapping *m;
  uint64_t at;
  if (!next_place(&m, &at))
    return;
  uint64_t place = m->offset + at;
  unsigned char byte = next_byte();
  note_load(m, pages_from(place));
  ((volatile unsigned char *)m->data)[at] = byte;
  bool reaches_page = m->shared && !m->closed && !m->damaged[pages_from(place)];
  if (reaches_page && place < file_size)
    content[place] = byte;
  else if (reaches_page)
    unsure[place] = true;
  else
    m->stained = true;
}

static void call_damaged_bytes(void) {
  struct mapping *m = next_mapping();
  CHECK_EQUAL(fl_mapping_damaged_bytes(m->id), m->references == 0 ? 0 : m->damaged_count * PAGE);
}

/* Damaged pages that the file reaches again are the file's once more. */
static void call_refresh(void) {
  struct mapping *m = next_mapping();
  int expected = refusal(m, 0, 0);
  uint64_t size = 0;
  CHECK_EQUAL(fl_refresh(m->id, &size), expected);
  CHECK(expected != 0 || size == file_size);
  for (uint64_t page = 0; expected == 0 && page < pages_to(file_size); page++) {
    m->damaged_count -= m->damaged[page];
    m->damaged[page] = false;
  }
}

/* All runs of damage, told once each, cover what is damaged of the mapping. */
static void call_next_damage(void) {
  struct mapping *m = next_mapping();
  int refused = refusal(m, 0, 0);
  uint64_t *seen = calloc(fl_damage_words(m->length), sizeof *seen);
  uint64_t offset, length, pages = 0;
  int result;
  while ((result = fl_next_damage(m->id, seen, 0, &offset, &length)) == 1) {
    CHECK(refused == 0 && length > 0 && offset + length <= m->length);
    for (uint64_t page = pages_from(m->offset + offset); page < pages_to(m->offset + offset + length); page++, pages++)
      CHECK(m->damaged[page]);
  }
  CHECK_EQUAL(result, refused);
  CHECK_EQUAL(pages, refused == 0 ? m->damaged_count : 0);
  free(seen);
}

/* Ids that nobody was given, or long ago. */
static void call_with_stray_id(void) {
  fl_id id = 0;
  for (int i = 0; i < 7; i++)
    id = id << 8 | next_byte();
  for (int i = 0; i < SLOTS; i++)
    if (id == mappings[i].id || id == transfers[i].id)
      return;
  uint8_t vector[PAGES + 1];
  uint64_t resident;
  CHECK_EQUAL(fl_mapping_retain(id), -FL_CLOSED);
  CHECK_EQUAL(touch(id, 0, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_read(id, 0, 1, transfers[0].id, 0), -FL_CLOSED);
  CHECK_EQUAL(fl_residency(id, 0, 1, vector, &resident), -FL_CLOSED);
  CHECK_EQUAL(fl_evict(id, 0, 1), -FL_CLOSED);
  CHECK_EQUAL(fl_mapping_close(id), -FL_CLOSED);
  fl_mapping_release(id);
  fl_transfer_end(id);
}

static void call_toggle_populate(void) {
  populate_disabled = !populate_disabled;
  fl_test_disable_populate(populate_disabled);
}

static void call_toggle_ranges(void) {
  ranges_disabled = !ranges_disabled;
  fl_test_disable_ranges(ranges_disabled);
}

static void (*const calls[])(void) = {
    call_create,
    call_create,
    call_create_hugely,
    call_retain,
    call_release,
    call_close,
    call_populate,
    call_populate,
    call_populate_each,
    call_prefetch,
    call_read,
    call_read,
    call_read,
    call_transfer_create,
    call_transfer_end,
    call_residency,
    call_read_residency,
    call_is_resident,
    call_advise,
    call_evict,
    call_truncate,
    call_truncate,
    call_write,
    call_load,
    call_load,
    call_store,
    call_damaged_bytes,
    call_load,
    call_with_stray_id,
    call_refresh,
    call_refresh,
    call_next_damage,
    call_toggle_populate,
    call_toggle_ranges,
};

/* --- one input ------------------------------------------------------------------------------------------------ */

/* Of the file alone: the fuzzer has pipes that come and go. */
static unsigned open_descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  CHECK(folder != NULL);
  unsigned count = 0;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char link[256] = "";
    if (readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1) > 0 && strstr(link, "/faultless-core-") != NULL)
      count++;
  }
  closedir(folder);
  return count;
}

static void begin(void) {
  if (file_fd < 0)
    file_fd = make_file(0);
  CHECK_EQUAL(ftruncate(file_fd, 0), 0);
  for (uint64_t i = 0; i < MOST; i++)
    content[i] = byte_at(i);
  file_size = MOST;
  memset(unsure, 0, sizeof unsure);
  CHECK_EQUAL(pwrite(file_fd, content, MOST, 0), MOST);
}

static void end(void) {
  for (int i = 0; i < SLOTS; i++) {
    drop_references(&mappings[i]);
    mappings[i] = (struct mapping){0};
    if (transfers[i].memory != NULL)
      end_transfer(&transfers[i]);
    transfers[i] = (struct transfer){0};
  }
  fl_test_await_mirrors();
  fl_test_drain_reaper();
  CHECK_EQUAL(fl_mapping_count(), 0);
  CHECK_EQUAL(fl_transfer_count(), 0);
  if (populate_disabled)
    call_toggle_populate();
  if (ranges_disabled)
    call_toggle_ranges();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input = data;
  input_left = size;
  begin();
  while (input_left > 0)
    calls[next_byte() % (sizeof calls / sizeof *calls)]();
  end();
  CHECK_EQUAL(open_descriptors(), 1);
  return 0;
}
