'use strict'
// What a scan (scan.js) is handed out as: an async iterator of chunks, and a Readable of them, which ends with its file.

const { nextTick } = require('node:process') // test runners replace the global one's
const { Readable, addAbortSignal } = require('node:stream')
const { onAbort } = require('./abort')
const { mapClosed } = require('./errors')
const { chunkOptions, streamOptions } = require('./options')
const { Scan } = require('./scan')

// In a pipeline, chunks are held by the buffers on both sides, and by each stage between: 2 of each for two stages.
const STREAM_GRACE_CHUNKS = 4
const STREAM_GRACE = 8 << 20 // bytes

async function * iterate(scan, signal) {
  const abort = () => scan.stop(signal.reason)
  if (signal?.aborted) abort()
  const forgetSignal = signal && onAbort(signal, abort)
  try {
    for (let chunk; (chunk = await scan.next()) !== undefined;) yield chunk
  } finally {
    forgetSignal?.()
    scan.stop()
  }
}

const streams = new WeakMap() // of a file: the Set of its streams that are not over, as WeakRefs: a forgotten one is not held
const forgotten = new FinalizationRegistry(({ among, reference }) => among.delete(reference))

class ChunkStream extends Readable {
  #scan
  #left // bytes to come
  #forget

  constructor(file, scan, { length, highWaterMark, encoding, signal }) {
    super({ highWaterMark, encoding })
    this.#scan = scan
    this.#left = length
    this.#forget = remember(file, this)
    if (signal !== undefined) addAbortSignal(signal, this) // not by super(), which may destroy at once
  }

  _read() {
    // In a tick of its own: what a listener throws is an uncaught exception, and not a rejection of ours.
    this.#scan.next().then((chunk) => nextTick(() => this.#pass(chunk)), (error) => this.destroy(error))
  }

  /** What a Readable still gives once it is destroyed may be zeros. */
  read(size) {
    return this.destroyed ? null : super.read(size)
  }

  #pass(chunk) {
    if (this.destroyed) return
    this.#left -= chunk?.length ?? 0
    this.push(chunk ?? null)
  }

  /** The file is being closed. Who has every byte already is not to hear of it. */
  endWith(error) {
    if (this.#left === 0 && this.readableLength === 0) return
    // Of what nobody listens to, no error shall end the process.
    if (['data', 'readable', 'error'].every((name) => this.listenerCount(name) === 0)) this.on('error', () => {})
    this.destroy(error)
  }

  _destroy(error, callback) {
    this.#forget()
    this.#scan.stop()
    callback(error)
  }
}

/** @returns {() => void} forgets the stream again */
function remember(file, stream) {
  if (!streams.has(file)) streams.set(file, new Set())
  const among = streams.get(file)
  const reference = new WeakRef(stream)
  among.add(reference)
  forgotten.register(stream, { among, reference }, reference)
  return () => {
    among.delete(reference)
    forgotten.unregister(reference)
  }
}

/** The file is being closed: what its streams still hold turns to zeros, and is not to be handed out. */
function endStreams(file) {
  for (const reference of [...streams.get(file) ?? []]) reference.deref()?.endWith(mapClosed(file.path))
}

/**
 * For MappedFile.chunks(). A chunk is dropped when the next but one is asked for.
 * @param {import('./scan').Source} source
 * @returns {AsyncGenerator<Buffer>}
 * @throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE
 */
function chunks(source, given) {
  const { signal, ...options } = chunkOptions(source.file.byteLength, given)
  return iterate(new Scan(source, { ...options, grace: options.chunkSize }), signal)
}

/**
 * For MappedFile.createReadStream().
 * @param {import('./scan').Source} source
 * @returns {Readable}
 * @throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
function createReadStream(source, given) {
  const { file } = source
  const { signal, encoding, ...options } = streamOptions(file.byteLength, given)
  const grace = Math.max(STREAM_GRACE, STREAM_GRACE_CHUNKS * options.chunkSize)
  const length = options.end - options.start
  const scan = new Scan(source, { ...options, grace })
  return new ChunkStream(file, scan, { length, highWaterMark: options.chunkSize, encoding, signal })
}

module.exports = { chunks, createReadStream, endStreams }
