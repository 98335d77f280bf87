// Why: a test that an emulated program cannot pass is left out by name and with its reason, so that one that fails there
// says something. Seen with qemu-user 10.0.
'use strict'

// Functions of the C tests.
const NO_MLOCK2 = 'qemu has no mlock2'
const CORE = {
  test_laid: { pins_end_with_it: NO_MLOCK2 },
  test_mapping: { says_which_files_cannot_be_mapped_and_keeps_nothing: 'qemu makes /proc/self/maps up, in a regular file' },
  test_open: { a_cached_file_is_opened_at_once: 'qemu has no statmount' },
  test_pins: {
    a_pin_locks_exactly_its_pages_until_it_is_dropped: NO_MLOCK2,
    a_pin_comes_and_goes_in_parts: NO_MLOCK2,
    overlaps_are_counted: NO_MLOCK2,
    what_is_pinned_stays_when_all_is_evicted: NO_MLOCK2,
    the_mirror_knows_pins_for_ever: NO_MLOCK2,
    closing_and_forgetting_end_pins: NO_MLOCK2,
    a_file_that_shrank_is_refused_and_lost_pages_are_pinned_again: NO_MLOCK2,
    what_was_lost_unseen_is_there_again_after_refresh: NO_MLOCK2,
    the_limit_is_told_and_nothing_more_is_locked: NO_MLOCK2,
    borders_of_a_mapping_take_no_map_entries: NO_MLOCK2,
    what_is_kept_up_to_a_border_goes_with_the_last_pin: NO_MLOCK2,
    what_is_kept_and_mapped_anew_is_let_go_of: NO_MLOCK2,
    what_is_kept_and_mapped_anew_splits_nothing: NO_MLOCK2,
    threads_share_pages_and_leave_none_locked: NO_MLOCK2
  }
}

// Whole files.
const FILES = {
  package: 'packs what the compiler of the emulating machine makes, which is for that machine'
}

// Patterns of full names, by file.
const NO_ADVICE = 'qemu passes no advice on but to drop pages'
const READS_AROUND = `${NO_ADVICE}: one fault of a direct load reads what is around it, too`
const NO_SMAPS = 'qemu makes /proc/self/smaps up, and says there that nothing is in memory'
const NO_POPULATE = 'qemu populates no pages: one that could not be loaded is replaced, and so counts as damaged'
const TESTS = {
  bench: [
    [/memory-limit gave figures|succeeds, and prints every trial/, 'qemu itself needs more memory than the limit of the trial memory-limit']
  ],
  chunks: [
    [/and the direct way does$/, READS_AROUND]
  ],
  cli: [
    [/^pin (keeps files|ends by itself|names the limit)|its commands run as they stand$/, NO_MLOCK2]
  ],
  'cli-report': [
    [/finds the file cold, and counts who waited/, READS_AROUND]
  ],
  docs: [
    [/runs as it stands \(it pins\)$/, NO_MLOCK2]
  ],
  flush: [
    [/^writes the pages of the range that were stored to/, NO_SMAPS]
  ],
  libraries: [
    [/^examples geoip\.mjs/, NO_MLOCK2]
  ],
  lifetimes: [
    [/^a mapping of 1 GiB/, 'strace sees the calls of qemu itself, on its own addresses']
  ],
  'main-thread-faults': [
    [/without touch\(\) cost it major faults/, READS_AROUND]
  ],
  mirror: [
    [/as strace sees them .*: none$/, 'strace sees the calls of qemu itself, which protects pages whose code it has translated'],
    [/^with far less memory than the file has/, 'qemu itself needs more memory than the limit of that test']
  ],
  observability: [
    [/^messages tell of every kind of request that works on pages/, NO_MLOCK2]
  ],
  open: [
    [/every file of \/proc that says it is empty/, 'qemu makes /proc/self/maps and /proc/cpuinfo up, in regular files']
  ],
  'open-path': [
    [/^is opened without a thread/, 'qemu has no statmount']
  ],
  pin: [
    [/^(?!pin\(\) rejects for bad arguments)/, NO_MLOCK2]
  ],
  pool: [
    [/are as few as one for a burst/, 'a slice takes more than 20 ms there at times, and then its thread counts as stuck']
  ],
  residency: [
    [/^advise willneed makes the device read/, NO_ADVICE]
  ],
  resize: [
    [/^reserve of 16 TiB/, NO_MLOCK2]
  ],
  runtime: [
    [/^pin$/, NO_MLOCK2],
    [/^a SIGBUS that somebody sends still ends/, 'qemu writes to stderr that it ends by a signal']
  ],
  'slow-device': [
    [/^50 touches of a slow device stall no (busy event loop|loop whose)/, 'stalls of 50 ms are no news on an emulated machine'],
    [/rejects touch, view and read of .* with its error$/, NO_POPULATE]
  ],
  'stray-stores': [
    [/^JSZip, which stores into its input|^without a store all pages of a file/, NO_SMAPS]
  ],
  wait: [
    [/ten thousand takes 79 threads/, 'qemu has no futex_waitv, and without it each wait is a thread']
  ],
  wasm: [
    [/a scan of pages that nobody made resident costs some/, READS_AROUND]
  ]
}

module.exports = {
  leftOutCore: (name) => Object.entries(CORE[name] ?? {}),
  leftOutFile: (name) => FILES[name],
  leftOutTests: (name) => TESTS[name] ?? []
}
