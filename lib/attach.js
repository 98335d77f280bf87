'use strict'
// attach(): from a handle to a MappedFile on the same mapping.

const { constants } = require('node:os')
const native = require('../native/binding')
const { wholeOf } = require('./laid-buffer')
const { findPool, readHandle } = require('./handle')
const { MappedFile } = require('./mapped-file')
const { fromCore, invalidValue } = require('./errors')

function attach(handle) {
  const { id, buffer, mirror, path, flags, pool } = readHandle(handle)
  const mapping = native.attach(id, wholeOf(buffer), flags !== 'r', mirror && wholeOf(mirror))
  if (mapping === -constants.errno.EINVAL) throw invalidValue('handle', handle, 'must be as the file gave it')
  if (typeof mapping === 'number') throw fromCore(mapping, 'mmap', path)
  const { offset, length, follows } = mapping
  return new MappedFile({ mapping: { mirror, ...mapping, buffer }, offset, length, follows, pool: findPool(pool), path, flags })
}

module.exports = { attach }
