'use strict'
// What the thread that listens tells the thread that draws, in shared memory: words of 32 bits.

const Shared = {
  STOP: 0, // 1: end; notified
  COLUMNS: 1, // of the terminal, as it is now
  ROWS: 2, // the same; 0 where there is none
  LENGTH: 3
}

const makeShared = () => new SharedArrayBuffer(Shared.LENGTH * Int32Array.BYTES_PER_ELEMENT)

module.exports = { Shared, makeShared }
