'use strict'
// What each operation of a slot does to one slice of its range: `run(channel, slot, offset, length, done)`, where
// `done` bytes of the slot's range lie before the slice. A slice may be run again by another thread if the one that
// ran it died, so it must depend on nothing that an earlier run left behind.

const native = require('../native/binding')
const { Op } = require('./layout')

// Asking for residency costs far less a byte than reading does.
const LIGHT = 64

const operations = []

/**
 * All of one shape: code that was compiled for touches alone is thrown away, on every thread of the pool, when it meets an
 * operation of another.
 * @param {number} op
 * @param {object} about
 * @param {number} about.sliceFactor slices are so many times the pool's sliceSize long; 0: the operation is not cut
 * @param {boolean} [about.readsPages] what it needs of the device is asked for ahead
 * @param {boolean} [about.isQuick] a short one waits for no device, as a rule
 * @param {(channel: object, slot: number, offset: number, length: number, done: number) => number} about.run
 */
function define(op, { sliceFactor, readsPages = false, isQuick = false, run }) {
  operations[op] = { sliceFactor, readsPages, isQuick, run }
}

define(Op.TOUCH, {
  sliceFactor: 1,
  readsPages: true,
  run(channel, slot, offset, length) {
    const populate = channel.argument[slot] === 1 ? native.populateForWriting : native.populate
    return populate(channel.mapping[slot], offset, length)
  }
})

define(Op.READ, {
  sliceFactor: 1,
  readsPages: true,
  run: (channel, slot, offset, length, done) =>
    native.read(channel.mapping[slot], offset, length, channel.argument[slot], channel.at[slot] + done)
})

// Right only because slices end on page boundaries (slices.js): no page is counted twice.
define(Op.RESIDENCY, {
  sliceFactor: LIGHT,
  isQuick: true,
  run(channel, slot, offset, length, done) {
    const id = channel.mapping[slot]
    const at = channel.at[slot] + native.pageCount(id, offset - done, done)
    return native.readResidency(id, offset, length, channel.argument[slot], at)
  }
})

// Not cut: the kernel drops no folio of which a part lies outside, and folios may be large.
define(Op.EVICT, {
  sliceFactor: 0,
  run: (channel, slot, offset, length) => native.evict(channel.mapping[slot], offset, length)
})

define(Op.ADVISE, {
  sliceFactor: 0,
  run: (channel, slot, offset, length) => native.advise(channel.mapping[slot], offset, length, channel.argument[slot])
})

define(Op.CLOSE, {
  sliceFactor: 0,
  run: (channel, slot) => native.close(channel.mapping[slot])
})

define(Op.FLUSH, {
  sliceFactor: 8,
  run: (channel, slot, offset, length) => native.flush(channel.mapping[slot], offset, length)
})

// Pages that are overwritten as a whole are not read, so nothing is asked for ahead.
define(Op.WRITE, {
  sliceFactor: 1,
  isQuick: true,
  run: (channel, slot, offset, length, done) =>
    native.write(channel.mapping[slot], offset, length, channel.argument[slot], channel.at[slot] + done)
})

define(Op.RESIZE, {
  sliceFactor: 0,
  run: (channel, slot) => native.resize(channel.mapping[slot], channel.argument[slot])
})

define(Op.REFRESH, {
  sliceFactor: 0,
  run: (channel, slot) => native.refresh(channel.mapping[slot])
})

define(Op.LAY, {
  sliceFactor: 0,
  run: (channel, slot) => native.layOverlay(channel.mapping[slot])
})

// A pin knows how far it has come, so a part that is run again locks nothing twice.
define(Op.PIN, {
  sliceFactor: 1,
  readsPages: true,
  run: (channel, slot, offset, length, done) => native.lockPin(channel.argument[slot], done, length)
})

define(Op.UNPIN, {
  sliceFactor: 1,
  isQuick: true,
  run: (channel, slot, offset, length, done) => native.dropPin(channel.argument[slot], done + length)
})

module.exports = operations
