'use strict'
// The buffer of a file where the runtime makes none over memory that it was given: one of the runtime's own, over which the
// file is laid. Deno has no call for it, and a V8 with a memory cage, as Electron's, refuses.
//
// It is a growable one that does not grow, since V8 gives those whole pages of their own, of any number, and commits no memory
// to them before it is used. A small plain one would come from the heap of malloc(), at any address; and a
// WebAssembly.Memory ends at 4 GiB.

const native = require('../native/binding')
const { mapUnsupported } = require('./errors')

/** Whether this runtime needs them. */
const isNeeded = !native.makesBuffers

/** The shared memory's bytes by their number: views without one follow its growth, and are slow. */
const wholeOf = (buffer) => new Uint8Array(buffer, 0, buffer.byteLength)

/**
 * As native.map(), for a range that is not empty.
 * @param {{offset: number, length: number}} range of the file, in bytes
 * @param {string | undefined} path
 * @param {(bytes: Uint8Array, mirror: Uint8Array) => object | number} lay has the core do it
 * @returns {object | number}
 * @throws ERR_MAP_UNSUPPORTED where the runtime or the range does not allow it
 */
function layFile({ offset, length }, path, lay) {
  if (offset % native.pageSize !== 0) {
    throw mapUnsupported(path, offset, length, `its offset has to be a multiple of ${native.pageSize} here`)
  }
  const about = (bytes) => makeBuffer(bytes, path, offset, length)
  const [buffer, mirror] = [about(length), about(native.mirrorLength(length))]
  const mapping = lay(wholeOf(buffer), wholeOf(mirror))
  return typeof mapping === 'number' ? mapping : { ...mapping, buffer, mirror }
}

function makeBuffer(bytes, path, offset, length) {
  try {
    const buffer = new SharedArrayBuffer(bytes, { maxByteLength: bytes })
    if (buffer.growable) return buffer
  } catch (error) {
    throw mapUnsupported(path, offset, length, `it makes none of ${bytes} bytes`, error)
  }
  throw mapUnsupported(path, offset, length, 'it has no growable ones')
}

module.exports = { wholeOf, isNeeded, layFile }
