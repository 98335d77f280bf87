'use strict'
// Where a miss of a bar comes from, as far as it is known: each was found by measuring (docs/internals.md), and is printed beside
// the bars that were missed in a run.

const DEVICE = 'The device has nothing to do while what it has answered in a burst is taken up, which takes longer with JavaScript than ' +
  'in C (docs/internals.md, "What the device waits for"). Runs differ by a few percent.'

module.exports = {
  DEVICE,
  LOOP: 'More reads a second are more answers for the loop to handle. One that is only woken for them is late as well.',
  LONGEST: 'The longest delay is a single event, and differs more from run to run than by what is missed.',
  BUFFER: 'A Buffer over the mapping that nobody asks about, the least that there is in JavaScript, does not reach it either.',
  FOLIOS: 'What is prefetched comes in single pages, for 0.3 s of processor time a GiB. fs may get large folios, which cost less, but several ' +
    'times as much where a hypervisor has taken their memory back (native/blocks.c): its figure differs as much from run to run.',
  COMPILED: 'V8 compiles our functions when they are first called, as the row with --no-lazy shows.',
  TWO_WAKES: 'In each process a thread of the core is woken, and wakes the loop, where a socket wakes the loop itself.'
}
