'use strict'
// Memory of this thread's that pool threads write answers to, and take from what is to be written. A long answer has memory
// of its own, which is lent to them meanwhile; a short one is written to its slot's place on a stage that is lent once and
// for all, and copied from there: lending costs more than copying so few bytes.
//
// What is to be written goes the other way. Heap memory cannot be lent: its owner may transfer it to another thread, or
// shrink it, and it would be gone under a copy. So a slot's bytes are copied when it is filled. Shared memory stays where it
// is, and is lent: it may be another mapping, and a copy would take that one's page faults here.

const { constants } = require('node:os')
const { isSharedArrayBuffer } = require('node:util').types
const native = require('../native/binding')
const { systemError } = require('./errors')
const { SLOTS } = require('../worker/layout')

/** Bytes that an answer on the stage may have. */
const SHORT = 4096

const NO_MEMORY = -constants.errno.ENOMEM

class Answers {
  #stage // made when it is first needed
  #stageId

  /**
   * Makes room for what a slot's part is to be answered with, if there is any; or has ready what is to be written.
   * @param {number} slot
   * @param {import('./request').Part} part
   * @returns {number} the transfer's id; 0 where there is nothing to be transferred, or a negative result of the core
   */
  begin(slot, part) {
    if (part.source !== undefined) return this.#give(slot, part)
    if (part.memory !== undefined) return (part.transfer = native.lend(part.memory))
    return part.isStaged ? this.#openStage() : 0
  }

  /** Where in the transfer the answer of a slot begins, in bytes. */
  placeOf(slot, part) {
    return part.isStaged ? slot * SHORT : 0
  }

  /**
   * The slot has ended, so no thread writes to the memory any more.
   * @returns {number} 0, or a negative result of the core where there is no memory for the answer
   */
  end(slot, part, succeeded) {
    if (part.transfer > 0) native.takeBack(part.transfer)
    if (part.source !== undefined) part.source = undefined // of a request that goes on with others
    else if (part.isStaged && succeeded) return this.#takeFromStage(slot, part)
    return 0
  }

  #takeFromStage(slot, part) {
    const begin = slot * SHORT
    try {
      part.memory = this.#stage.slice(begin, begin + part.length)
    } catch {
      return NO_MEMORY
    }
    return 0
  }

  /** No slot will have an answer any more. */
  close() {
    if (this.#stageId > 0) native.takeBack(this.#stageId)
  }

  #give(slot, part) {
    const { source, length } = part
    if (source.length !== length) return -constants.errno.EFAULT // its memory was transferred, or has shrunk
    if (isSharedArrayBuffer(source.buffer)) return (part.transfer = native.lend(source))
    if (length > SHORT) return (part.transfer = lendCopy(source))
    part.isStaged = true
    const id = this.#openStage()
    if (id > 0) new Uint8Array(this.#stage, slot * SHORT, length).set(source)
    return id
  }

  #openStage() {
    if (this.#stageId > 0) return this.#stageId
    this.#stage ??= memoryOf(SLOTS * SHORT)
    if (this.#stage === undefined) return NO_MEMORY // so far: the next one that needs it tries again
    this.#stageId = native.lend(this.#stage)
    return this.#stageId
  }
}

function lendCopy(bytes) {
  const copy = memoryOf(bytes.length)
  if (copy === undefined) return NO_MEMORY
  new Uint8Array(copy).set(bytes)
  return native.lend(copy)
}

/** Undefined where there is none: what is thrown amid slots would leave them half filled. */
function memoryOf(length) {
  try {
    return new ArrayBuffer(length)
  } catch {
    return undefined
  }
}

/** @throws the system's ENOMEM instead of V8's error without a code */
function allocate(length, syscall = 'read') {
  const memory = memoryOf(length)
  if (memory === undefined) throw systemError(NO_MEMORY, syscall)
  return memory
}

module.exports = { Answers, SHORT, allocate }
