// Why: a test that Windows cannot pass is left out by name and with its reason, so that one that fails there says something.
'use strict'

const LINUX = 'is about Linux: its /proc, its signals, its mounts or its programs'

const CUT = 'the file is cut or replaced while it is mapped, which Windows allows nobody'

const OVER_MEMORY = 'Windows maps nothing over memory of V8\'s: windows.test.js tests that mapInto() says so'

// Whole files.
const FILES = {
  bench: 'compares with programs of Linux',
  'cli-slow': LINUX,
  damage: CUT,
  'full-disk': LINUX,
  guard: CUT,
  'laid-buffers': OVER_MEMORY,
  'main-thread-faults': 'counts faults of one thread, which Windows does not tell',
  package: 'packs and installs with npm, which is not there under Wine',
  'slow-device': 'needs a file system of FUSE',
  storm: CUT,
  wasm: OVER_MEMORY
}

const WORDS = 'Windows has no words of a file that processes wait on: windows.test.js tests that wait() says so'
const EVICTED = 'is about eviction, which Windows refuses'
const RESIDENCY = 'Windows does not tell what its page cache holds'
const NAMES = 'such names, links and modes are not there on Windows'
const GIGABYTES = 'touches gigabytes of a hole, which takes minutes under Wine'
const TOUCHED_LATELY = 'tryView knows but what was touched within `freshness`, which is over here before the test looks'

// Patterns of full names, by file.
const TESTS = {
  abort: [
    [/ends a touch of gigabytes early/, GIGABYTES],
    [/a touch of gigabytes does not hold up/, GIGABYTES]
  ],
  attach: [
    [/are not marked before the threads have ended/, LINUX],
    [/hear of damage that others met/, CUT]
  ],
  bytes: [
    [/touch of a list makes every byte of it readable/, TOUCHED_LATELY],
    [/tryView gives every byte of any range that was touched/, TOUCHED_LATELY],
    [/thousands of ranges at once are made resident/, TOUCHED_LATELY],
    [/shows the file again once its range is evicted/, EVICTED],
    [/stays as it is when the file changes, shrinks/, CUT],
    [/onProgress tells of a long range more than once/, EVICTED]
  ],
  chunks: [
    [/^dropBehind/, EVICTED],
    [/^read-ahead .*evict/, EVICTED],
    [/goes through pipeline\(\) to a file/, 'needs the name localhost, which is not there under Wine'],
    [/a failing read-ahead that nobody comes for/, CUT],
    [/a scan of a cold file costs/, LINUX],
    [/that is cut|file that is cut behind/, CUT]
  ],
  cli: [
    [/^stat (tells what|draws it|looks at|knows sparse)/, RESIDENCY],
    [/^touch and evict/, EVICTED],
    [/^files (folders are walked|options choose|names can come|what cannot be handled)/, NAMES],
    [/^pin keeps files/, LINUX],
    [/^watch (tells of each|draws at its pace)/, RESIDENCY],
    [/a reader that has seen enough|its commands run as they stand/, LINUX],
    [/characters that the locale has/, RESIDENCY]
  ],
  'cli-report': [
    [/finds the file cold/, EVICTED],
    [/warms up on a program that is/, LINUX],
    [/the map alone shows what is in memory/, EVICTED]
  ],
  close: [
    [/the memory that stray stores took is free/, LINUX],
    [/the garbage collector/, LINUX]
  ],
  fuzz: [
    [/^calls (on a file of which the size is known|from several threads)/, CUT]
  ],
  'file-kinds': [
    [/tells residency for each of its pages/, RESIDENCY],
    [/has as many pages as it reaches into/, RESIDENCY]
  ],
  flush: [
    [/writes the pages of the range that were stored to/, LINUX],
    [/rejects where pages are damaged/, CUT]
  ],
  lifetimes: [
    [/^ten thousand rounds/, LINUX],
    [/^a mapping of 4 GiB/, GIGABYTES]
  ],
  'merged-ranges': [
    [/is all resident, whatever was merged/, RESIDENCY]
  ],
  mirror: [
    [/of a range that ends with zeros is asked once/, RESIDENCY],
    [/before the mirror fell asleep is asked again/, RESIDENCY],
    [/comes from a touch, from the kernel’s answer/, RESIDENCY],
    [/and is never missing, while refreshes go on/, TOUCHED_LATELY],
    [/^an eviction by (evict|others)/, EVICTED],
    [/^an eviction sends view\(\) and touch\(\)/, EVICTED],
    [/^a file that is cut/, CUT],
    [/freshness of 0 believes nothing/, RESIDENCY]
  ],
  open: [
    [/symbolic link/, NAMES],
    [/a path in a Buffer that is no UTF-8/, NAMES],
    [/whose name is gone by the time it is read/, CUT],
    [/ENOTDIR|ELOOP|ENAMETOOLONG|ERR_INVALID_FILE_URL_HOST/, NAMES],
    [/a directory: EISDIR|\/dev\/|\/sys\/|\/proc|FIFO/, LINUX]
  ],
  pin: [
    [/leaves no more map entries behind/, LINUX],
    [/fails half-way leaves locked|is not handed out as zeros when the file is cut|was lost is pinned again by refresh/, CUT],
    [/while others ask the kernel/, RESIDENCY],
    [/stays when all is evicted/, EVICTED]
  ],
  ranges: [
    [/and length to the end: tryView/, TOUCHED_LATELY]
  ],
  residency: [
    [/^residency of/, RESIDENCY],
    [/^residency in slices/, RESIDENCY],
    [/makes the device read each of them|their neighbours|by view and read makes the pages resident/, RESIDENCY],
    [/^evict/, EVICTED],
    [/makes the device read nothing|sees the one cold page/, EVICTED],
    [/willneed makes the device read/, LINUX]
  ],
  resize: [
    [/follows a file that others make grow and cut/, CUT]
  ],
  runtime: [
    [/^a file that shrinks/, CUT],
    [/^mapInto/, OVER_MEMORY],
    [/^wait and notify/, WORDS],
    [/SIGBUS/, LINUX]
  ],
  service: [
    [/has the mappings of its process/, LINUX],
    [/the end by SIGTERM/, LINUX],
    [/^the load script/, LINUX]
  ],
  'stray-stores': [
    [/JSZip, which stores into its input|without a store all pages/, LINUX]
  ],
  wait: [
    [/^several processes (lose no wake-up|are woken)/, WORDS],
    [/^the example/, WORDS],
    [/^wait\(\) (resolves as|is woken|takes no thread|of (ten thousand|a thread)|works on|wants words|ends with its signal|rejects when|says when)/, WORDS],
    [/^wait\(\) and notify\(\) have no page fault/, WORDS],
    [/^notify\(\) wakes nobody/, WORDS]
  ],
  'write-faults': [
    [/no fault after a touch for writing/, 'counts faults of one thread, which Windows does not tell'],
    [/with ERR_MAP_TRUNCATED past the end of the file/, CUT]
  ],
  'write-order': [
    [/also after one that failed/, CUT]
  ],
  write: [
    [/refuses a file that was cut|refuses pages that are damaged/, CUT]
  ]
}

const leftOutFile = (name) => FILES[name]

/** @returns {[RegExp, string][]} what is left out of a file, and why */
const leftOutTests = (name) => TESTS[name] ?? []

module.exports = { leftOutFile, leftOutTests }
