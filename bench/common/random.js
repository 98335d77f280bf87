'use strict'
// Where everything random comes from. A run is repeated by its seed, and no two streams of one seed are alike.

const mix = require('../../cli/trial/mix')

// xoshiro128** (Blackman and Vigna), seeded as its authors advise from a splitmix generator. Distinct inputs of mix() cannot give
// one stream twice.
function xoshiro128(seed, stream) {
  let state = mix(mix(seed) + stream)
  const next = () => mix(state = (state + 0x9e3779b9) | 0)
  let a = next(), b = next(), c = next(), d = next()

  return function word() {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return scrambled >>> 0
  }
}

function rotate(word, bits) {
  return (word << bits) | (word >>> (32 - bits))
}

// `count` distinct blocks of `total`, in random order: Fisher-Yates, with a map in place of the array of all blocks,
// which for a file of some terabytes would not fit.
function chooseBlocks(seed, count, total) {
  const word = xoshiro128(seed, -1)
  const below = (n) => Math.floor(((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53 * n)
  const moved = new Map()
  const chosen = new Array(count)
  for (let i = 0; i < count; i++) {
    const pick = i + below(total - i)
    chosen[i] = moved.get(pick) ?? pick
    moved.set(pick, moved.get(i) ?? i)
    moved.delete(i)
  }
  return chosen
}

/** A copy in random order. */
const shuffle = (seed, items) => chooseBlocks(seed, items.length, items.length).map((i) => items[i])

module.exports = { xoshiro128, chooseBlocks, shuffle }
