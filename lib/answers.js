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

  /** The slot has ended, so no thread writes to the memory any more. */
  end(slot, part, succeeded) {
    if (part.transfer > 0) native.takeBack(part.transfer)
    if (part.source !== undefined) part.source = undefined // of a request that goes on with others
    else if (part.isStaged && succeeded) part.memory = this.#stage.slice(slot * SHORT, slot * SHORT + part.length)
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
    new Uint8Array(this.#stage, slot * SHORT, length).set(source)
    return id
  }

  #openStage() {
    if (this.#stageId > 0) return this.#stageId
    this.#stage ??= new ArrayBuffer(SLOTS * SHORT)
    this.#stageId = native.lend(this.#stage)
    return this.#stageId
  }
}

function lendCopy(bytes) {
  let copy
  try {
    copy = new ArrayBuffer(bytes.length)
  } catch {
    return -constants.errno.ENOMEM
  }
  new Uint8Array(copy).set(bytes)
  return native.lend(copy)
}

/** @throws the system's ENOMEM instead of V8's error without a code */
function allocate(length) {
  try {
    return new ArrayBuffer(length)
  } catch {
    throw systemError(-constants.errno.ENOMEM, 'read')
  }
}

module.exports = { Answers, SHORT, allocate }
