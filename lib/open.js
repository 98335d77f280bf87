'use strict'
// open() and map(): from whatever names a file to a MappedFile on it.

const { constants } = require('node:os')
const { fileURLToPath } = require('node:url')
const { isUint8Array } = require('node:util').types
const native = require('../native/binding')
const { isNeeded, layFile } = require('./laid-buffer')
const { MappedFile } = require('./mapped-file')
const openPath = require('./open-path')
const { clientOf, getDefaultPool, settleDefaultPool } = require('./pool')
const { DEFAULT_FRESHNESS, checkInteger, lengthWithin, mapFlags, openOptions } = require('./options')
const { fromCore, invalidType, invalidValue, systemError } = require('./errors')

const FILE_KINDS = 'a path (a string, a Buffer or a URL), a file descriptor or a FileHandle'

async function open(file, options) {
  const checked = openOptions(options)
  const pool = checkPool(checked.pool)
  if (pool === undefined) settleDefaultPool()
  if (checked.flags === 'w+') checkBeforeTruncation(checked, pool)
  const given = descriptorOf(file)
  if (given !== undefined) return mapDescriptor(checkExisting(given, checked.flags), checked, pool, undefined)
  const path = displayPath(file)
  const { fd, close } = await openPath(file, checked.flags)
  try {
    return await mapDescriptor(fd, checked, pool, path)
  } finally {
    close(fd) // waits for nobody: the mapping holds the file open, or nothing was done with it
  }
}

/** What can be known before what a file holds is lost. */
function checkBeforeTruncation({ size, offset, length }, pool = getDefaultPool()) {
  lengthWithin(size, offset, length)
  pool.checkRoom() // to resize it
}

/** The descriptor in a number or a FileHandle; undefined for a path. */
function descriptorOf(file) {
  if (typeof file === 'number') return checkInteger('fd', file, 0, 2 ** 31 - 1)
  if (file === null || typeof file !== 'object' || typeof file.fd !== 'number') return undefined
  if (file.fd < 0) throw systemError(-constants.errno.EBADF, 'fstat') // that of a FileHandle that was closed
  return checkInteger('file.fd', file.fd, 0, 2 ** 31 - 1)
}

function checkExisting(fd, flags) {
  if (flags === 'w+') throw invalidValue('options.flags', flags, 'makes a file, so it needs a path and not a descriptor')
  return fd
}

/** How messages and `file.path` name it. What is no URL after all is left to openPath, which says so. */
function displayPath(file) {
  if (typeof file === 'string') return file
  if (isUint8Array(file)) return Buffer.from(file).toString()
  if (typeof file?.href !== 'string') throw invalidType('file', FILE_KINDS, file)
  const isUrl = typeof file.protocol === 'string' // of another realm, or like one, for fs as well
  if (isUrl) return file.protocol === 'file:' ? fileURLToPath(file) : file.href
  return file
}

/** What is behind the pool that was named, if any was. */
function checkPool(pool) {
  const client = clientOf(pool)
  if (pool !== undefined && client === undefined) throw invalidType('options.pool', 'an instance of Pool', pool)
  return client
}

async function mapDescriptor(fd, { flags, offset, length, size, reserve, advice, freshness }, pool, path) {
  const status = describe(fd, path)
  const mapped = lengthWithin(size ?? status.size, offset, length)
  const follows = length === undefined
  const file = create(fd, { offset, length: mapped, reserve, follows, flags, freshness, pool, path })
  if (size === undefined && advice === undefined) return file
  try {
    if (size !== undefined) await file.resize(size)
    if (advice !== undefined) await file.advise(advice)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Only regular files have bytes that can be mapped; the system's own answers to the rest differ and say less. */
function describe(fd, path) {
  const status = native.describe(fd)
  if (typeof status === 'number') throw systemError(status, 'fstat', path)
  if (status.isDirectory) throw systemError(-constants.errno.EISDIR, 'mmap', path)
  if (!status.isFile) throw systemError(-constants.errno.ENODEV, 'mmap', path)
  return status
}

/** `follows`: the length follows the size of the file, where somebody asks what that is. */
function create(fd, { offset, length, reserve = 0, follows = false, flags, freshness, pool, path }) {
  const mode = flags === 'r' ? native.modes.copyOnWrite : native.modes.shared
  const bytes = Math.max(length, reserve)
  const about = [fd, offset, bytes, mode, freshness, follows]
  const mapping = isNeeded && bytes > 0
    ? layFile({ offset, length: bytes }, path, (memory, mirror) => native.lay(...about, memory, mirror))
    : native.map(...about)
  if (typeof mapping === 'number') throw fromCore(mapping, 'mmap', path, offset, length)
  return new MappedFile({ mapping, offset, length, follows, pool, path, flags })
}

function map(size, prot, flags, fd, offset = 0) {
  const openFlags = mapFlags(size, prot, flags, fd, offset)
  settleDefaultPool()
  describe(fd)
  return create(fd, { offset, length: size, flags: openFlags, freshness: DEFAULT_FRESHNESS, pool: undefined, path: undefined })
}

module.exports = { map, open }
