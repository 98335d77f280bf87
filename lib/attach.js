'use strict'
// attach(): from a handle to a MappedFile on the same mapping.

const { constants } = require('node:os')
const native = require('../native/binding')
const { wholeOf } = require('./laid-buffer')
const { findPool, readHandle } = require('./handle')
const { MappedFile } = require('./mapped-file')
const { fromCore, invalidValue } = require('./errors')

/**
 * Opens a file that another thread of the process has open, or this one: the same memory and what is known of it, the
 * same pool; with requests, events and a life of its own. Nobody waits for anything.
 * @param {object} handle a file's `handle`, as it has come by postMessage() or workerData
 * @returns {MappedFile}
 * @throws ERR_MAP_CLOSED, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
function attach(handle) {
  const { id, buffer, mirror, path, flags, pool } = readHandle(handle)
  const mapping = native.attach(id, wholeOf(buffer), flags !== 'r', mirror && wholeOf(mirror))
  if (mapping === -constants.errno.EINVAL) throw invalidValue('handle', handle, 'must be as the file gave it')
  if (typeof mapping === 'number') throw fromCore(mapping, 'mmap', path)
  const { offset, length, follows } = mapping
  return new MappedFile({ mapping: { mirror, ...mapping, buffer }, offset, length, follows, pool: findPool(pool), path, flags })
}

module.exports = { attach }
