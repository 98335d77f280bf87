'use strict'
// What all that is random, and the same each time, is made of.

const { imul } = Math // under jest a global costs a look-up at every use

/** The finalizer of MurmurHash3: a bijection, and every bit of the result depends on every bit of `x`. */
module.exports = function mix(x) {
  x = imul(x ^ (x >>> 16), 0x85ebca6b)
  x = imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
