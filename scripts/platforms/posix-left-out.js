// Why: a test that the portable code cannot pass is left out by name and with its reason, so that one that fails there says
// something.
'use strict'

// Whole files.
const FILES = {
  bench: 'the benchmarks compare with what Linux does',
  docs: 'an example of the docs waits across processes',
  package: 'what is packed is never built so',
  wait: 'POSIX has no word of a file to wait on: wait() and notify() are refused with ENOTSUP'
}

// Patterns of full names, by file.
const ADVICE = 'an advice of Linux'
const WAITS = 'waits for a word of the file'
const TESTS = {
  copies: [
    [/^of memory that nobody was handed/, 'copies come from the mapping']
  ],
  flush: [
    [/evict\(\) may not write/, 'asks for Linux\'s own way of writing back']
  ],
  'full-disk': [
    [/a device that does not take what was stored/, 'a file grows by zeros written to it, for which its small disk has no room'],
    [/takes the blocks that the file has past its end/, 'POSIX knows of none: the zeros are written to others']
  ],
  growth: [
    [/waits are woken by way of the other buffer/, WAITS]
  ],
  open: [
    [/advice is taken and changes no byte/, 'is `cold` among others']
  ],
  'open-path': [
    [/^is opened without a thread/, 'asks for Linux\'s own way of opening']
  ],
  pin: [
    [/locks its pages and copies none/, 'another look at the file is locked, and not the mapping'],
    [/leaves no more map entries behind/, 'that other look has entries of its own'],
    [/and was lost is pinned again by refresh/, 'pages that the file has lost stay locked in that other look'],
    [/stays when all is evicted, and refuses the advice/, 'asks for advice of Linux']
  ],
  residency: [
    [/^advise (cold|pageout)/, ADVICE],
    [/^advise hugepage/, 'refused with ENOTSUP, not with EINVAL']
  ],
  resize: [
    [/a size that the process may not give to a file/, 'what is written up to the limit is not cut off again, which the test forbids']
  ],
  runners: [
    [/a realm of which all files were closed/, WAITS],
    [/several copies in one thread/, WAITS]
  ],
  runtime: [
    [/^wait and notify/, WAITS]
  ],
  'slow-device': [
    [/a device that cannot read a range/, 'a page that could not be loaded is replaced, and so counts as damaged']
  ],
  'stray-stores': [
    [/says so in its stats, and is read/, 'zeros in place of a closed file count against Linux\'s limit on data, which lets them pass']
  ]
}

const leftOutFile = (name) => FILES[name]

/** @returns {[RegExp, string][]} what is left out of a file, and why */
const leftOutTests = (name) => TESTS[name] ?? []

module.exports = { leftOutFile, leftOutTests }
