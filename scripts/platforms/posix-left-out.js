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
const TESTS = {
  'full-disk': [
    [/a device that does not take what was stored/, 'a file grows by zeros written to it, for which its small disk has no room']
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
  'slow-device': [
    [/a device that cannot read a range/, 'a page that could not be loaded is replaced, and so counts as damaged']
  ]
}

const leftOutFile = (name) => FILES[name]

/** @returns {[RegExp, string][]} what is left out of a file, and why */
const leftOutTests = (name) => TESTS[name] ?? []

module.exports = { leftOutFile, leftOutTests }
