'use strict'
// Random, but the same each time: so that all ways read the same blocks in the same order.

const mix = require('./mix')

const SEED = 0x9e3779b9

/** `count` distinct numbers below `total`: Fisher-Yates, with a map in place of the array of all. @returns {number[]} */
function shuffled(total, count) {
  const moved = new Map()
  return Array.from({ length: Math.min(count, total) }, (_, i) => {
    const word = mix(SEED + i) * 2 ** 21 + (mix(~SEED - i) >>> 11)
    const pick = i + Math.floor(word / 2 ** 53 * (total - i))
    const chosen = moved.get(pick) ?? pick
    moved.set(pick, moved.get(i) ?? i)
    return chosen
  })
}

module.exports = { shuffled }
