'use strict'
// What each operation of a slot does to one slice of its range: `run(channel, slot, offset, length, done)`, where
// `done` bytes of the slot's range lie before the slice. A slice may be run again by another thread if the one that
// ran it died, so it must depend on nothing that an earlier run left behind.

const native = require('../native/binding')
const { Op } = require('./layout')

// Asking for residency costs far less a byte than reading does.
const LIGHT = 64

// sliceFactor: slices are so many times the pool's sliceSize long; 0: the operation is not cut.
// readsPages: what it needs of the device is asked for ahead. isQuick: a short one waits for no device, as a rule.
const operations = []

operations[Op.TOUCH] = {
  sliceFactor: 1,
  readsPages: true,
  run(channel, slot, offset, length) {
    const populate = channel.argument[slot] === 1 ? native.populateForWriting : native.populate
    return populate(channel.mapping[slot], offset, length)
  }
}

operations[Op.READ] = {
  sliceFactor: 1,
  readsPages: true,
  run: (channel, slot, offset, length, done) =>
    native.read(channel.mapping[slot], offset, length, channel.argument[slot], channel.at[slot] + done)
}

// Right only because serve.js ends slices on page boundaries: no page is counted twice.
operations[Op.RESIDENCY] = {
  sliceFactor: LIGHT,
  run(channel, slot, offset, length, done) {
    const id = channel.mapping[slot]
    const at = channel.at[slot] + native.pageCount(id, offset - done, done)
    return native.readResidency(id, offset, length, channel.argument[slot], at)
  }
}

// Not cut: the kernel drops no folio of which a part lies outside, and folios may be large.
operations[Op.EVICT] = {
  sliceFactor: 0,
  run: (channel, slot, offset, length) => native.evict(channel.mapping[slot], offset, length)
}

operations[Op.ADVISE] = {
  sliceFactor: 0,
  run: (channel, slot, offset, length) => native.advise(channel.mapping[slot], offset, length, channel.argument[slot])
}

operations[Op.CLOSE] = {
  sliceFactor: 0,
  run: (channel, slot) => native.close(channel.mapping[slot])
}

operations[Op.FLUSH] = {
  sliceFactor: 8,
  run: (channel, slot, offset, length) => native.flush(channel.mapping[slot], offset, length)
}

// Pages that are overwritten as a whole are not read, so nothing is asked for ahead.
operations[Op.WRITE] = {
  sliceFactor: 1,
  isQuick: true,
  run: (channel, slot, offset, length, done) =>
    native.write(channel.mapping[slot], offset, length, channel.argument[slot], channel.at[slot] + done)
}

operations[Op.RESIZE] = {
  sliceFactor: 0,
  run: (channel, slot) => native.resize(channel.mapping[slot], channel.argument[slot])
}

operations[Op.REFRESH] = {
  sliceFactor: 0,
  run: (channel, slot) => native.refresh(channel.mapping[slot])
}

operations[Op.LAY] = {
  sliceFactor: 0,
  run: (channel, slot) => native.layOverlay(channel.mapping[slot])
}

// A pin knows how far it has come, so a part that is run again locks nothing twice.
operations[Op.PIN] = {
  sliceFactor: 1,
  readsPages: true,
  run: (channel, slot, offset, length, done) => native.lockPin(channel.argument[slot], done, length)
}

operations[Op.UNPIN] = {
  sliceFactor: 1,
  run: (channel, slot, offset, length, done) => native.dropPin(channel.argument[slot], done + length)
}

module.exports = operations
