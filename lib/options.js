'use strict'
// Defaults and validation of options, ranges and other numbers that users pass in: what comes out is clean. Handles are read in
// handle.js, and what names a file in open.js.

const { AsyncResource } = require('node:async_hooks')
const { Buffer, constants } = require('node:buffer')
const { isAnyArrayBuffer, isSharedArrayBuffer, isTypedArray } = require('node:util').types
const native = require('../native/binding')
const { MAX_THREADS } = require('../worker/layout')
const { intoPage } = require('../worker/pages')
const { invalidType, invalidValue, outOfRange } = require('./errors')

/** Bytes that one Buffer may have in the running Node: 4 GiB in Node 20. */
const MAX_VIEW = constants.MAX_LENGTH

function checkInteger(name, value, min = 0, max = Number.MAX_SAFE_INTEGER) {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value)
  return value
}

/** A finite number above 0 that need not be whole. */
function checkLeast(name, value, least) {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
  const allowed = least > 0 ? `>= ${least} and finite` : '> 0 and finite'
  if (!(value > 0 && value >= least && value < Infinity)) throw outOfRange(name, allowed, value)
  return value
}

/** An integer, or Infinity for "no limit". */
const checkLimit = (name, value, min) => (value === Infinity ? value : checkInteger(name, value, min))

function checkObject(name, value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidType(name, 'of type object', value)
  }
  return value
}

function checkFunction(name, value) {
  if (value !== undefined && typeof value !== 'function') throw invalidType(name, 'of type function', value)
  return value
}

function checkSignal(signal) {
  if (signal === undefined) return undefined
  const methods = [signal?.addEventListener, signal?.removeEventListener]
  const looksRight = typeof signal?.aborted === 'boolean' && methods.every((method) => typeof method === 'function')
  if (!looksRight) throw invalidType('options.signal', 'an instance of AbortSignal', signal)
  return signal
}

function checkString(name, value) {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value)
  return value
}

function checkOneOf(name, value, choices) {
  checkString(name, value)
  if (!choices.includes(value)) {
    throw invalidValue(name, value, `must be one of: ${choices.map((choice) => `'${choice}'`).join(', ')}`)
  }
  return value
}

/**
 * A range of a file: both in bytes; `offset` defaults to 0 and `length` to all that follows.
 * @returns {{offset: number, length: number}}
 */
function range(byteLength, offset = 0, length = undefined) {
  checkInteger('offset', offset, 0, byteLength)
  const most = byteLength - offset
  return { offset, length: length === undefined ? most : checkInteger('length', length, 0, most) }
}

/** A range named by its two ends, in bytes. */
function sliceRange(byteLength, start = 0, end = byteLength) {
  checkInteger('start', start, 0, byteLength)
  checkInteger('end', end, start, byteLength)
  return { offset: start, length: end - start }
}

/** A list of [offset, length]. */
function rangeList(byteLength, list) {
  if (!Array.isArray(list)) throw invalidType('ranges', 'an array', list)
  return Array.from(list, (pair, index) => { // and not by map(), which passes holes over
    if (!Array.isArray(pair)) throw invalidType(`ranges[${index}]`, 'an array of offset and length', pair)
    return range(byteLength, pair[0], pair[1])
  })
}

/** What one Buffer can hold, in this Node. */
function viewLength(length) {
  if (length > MAX_VIEW) throw outOfRange('length', `<= ${MAX_VIEW}, the most that a Buffer holds in this Node`, length)
}

const ADVICE = Object.keys(native.advice)

/** @returns {number} the core's number of the advice */
const adviceNumber = (name, value) => native.advice[checkOneOf(name, value, ADVICE)]

const FLAGS = ['r', 'r+', 'w+']

const checkFlags = (name, value) => checkOneOf(name, value, FLAGS)

/** For so many ms it is believed that a page is still resident: pages that are in use live for seconds under pressure. */
const DEFAULT_FRESHNESS = 50

const OPEN_DEFAULTS = Object.freeze({ flags: 'r', offset: 0, reserve: 0, freshness: DEFAULT_FRESHNESS })

/**
 * @returns {{flags: string, offset: number, length?: number, size?: number, reserve: number, advice?: string,
 *   pool?: object, freshness: number}}
 */
function openOptions(options) {
  return options === undefined ? OPEN_DEFAULTS : checkOpenOptions(options) // apart, so that V8 does not compile it where no options are given
}

function checkOpenOptions(options) {
  const given = typeof options === 'string' ? { flags: options } : checkObject('options', options)
  const { flags = OPEN_DEFAULTS.flags, offset = OPEN_DEFAULTS.offset, freshness = OPEN_DEFAULTS.freshness } = given
  const { length, size, reserve, advice, pool } = given
  checkFlags('options.flags', flags)
  checkInteger('options.offset', offset)
  if (length !== undefined) checkInteger('options.length', length)
  checkSize(flags, size)
  if (reserve !== undefined) checkReserve(reserve, length)
  if (advice !== undefined) checkOneOf('options.advice', advice, ADVICE)
  checkLimit('options.freshness', freshness, 0)
  return { flags, offset, length, size, reserve: reserve ?? OPEN_DEFAULTS.reserve, advice, pool, freshness }
}

/** What 'w+' makes has a size; any other file has one already. */
function checkSize(flags, size) {
  if (flags === 'w+') checkInteger('options.size', size)
  else if (size !== undefined) throw invalidValue('options.size', size, 'is for the flags \'w+\' alone')
}

function checkReserve(reserve, length) {
  checkInteger('options.reserve', reserve)
  if (length !== undefined) {
    throw invalidValue('options.reserve', reserve, 'cannot go with options.length, which says that the mapping does not grow')
  }
}

/** What a file may be opened with that has so many bytes. @returns {number} how many of them are mapped */
function lengthWithin(size, offset, length) {
  if (offset > size) throw outOfRange('options.offset', `<= ${size}, the file's size`, offset)
  const most = size - offset
  if (length > most) throw outOfRange('options.length', `<= ${most}, the file's size less the offset`, length)
  return length ?? most
}

function touchOptions(options = {}) {
  const { signal, onProgress, write = false } = checkObject('options', options)
  return {
    signal: checkSignal(signal),
    // What it does belongs to this call, whoever hears of the progress.
    onProgress: checkFunction('options.onProgress', onProgress) && AsyncResource.bind(onProgress),
    write: checkBoolean('options.write', write)
  }
}

/** Throws for one whose memory was made smaller than it: such a one says of itself that it is empty. */
const checkInBounds = (array) => void Uint8Array.prototype.values.call(array)

/** The bytes of whatever may be written, where they are; of a string in UTF-8. @returns {Uint8Array} */
function bytesOf(name, data) {
  if (typeof data === 'string') return new Uint8Array(Buffer.from(data))
  try {
    if (isAnyArrayBuffer(data)) return new Uint8Array(data)
    if (isTypedArray(data)) checkInBounds(data)
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  } catch {
    throw invalidValue(name, data, 'has lost its memory: it was transferred or made smaller')
  }
  throw invalidType(name, 'of type string or an instance of Buffer, TypedArray, DataView, ArrayBuffer or SharedArrayBuffer', data)
}

/** Where so many bytes may be written to. */
function checkWriteRange(byteLength, offset, length) {
  checkInteger('offset', offset, 0, byteLength)
  const most = byteLength - offset
  if (length > most) throw outOfRange('data.byteLength', `<= ${most}, what the mapping has from the offset on`, length)
}

/** @returns {AbortSignal | undefined} */
const pinSignal = (options = {}) => checkSignal(checkObject('options', options).signal)

/** Options of wait(): the timeout is ms, and need not be whole. */
function waitOptions(options = {}) {
  const { signal, timeout = Infinity } = checkObject('options', options)
  if (typeof timeout !== 'number') throw invalidType('options.timeout', 'of type number', timeout)
  if (!(timeout >= 0)) throw outOfRange('options.timeout', '>= 0', timeout)
  return { signal: checkSignal(signal), timeout }
}

const DEFAULT_CHUNK_SIZE = 1 << 20
const DEFAULT_READ_AHEAD = 16 << 20

function checkBoolean(name, value) {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value)
  return value
}

/** What the two ways to scan have in common. */
function scanOptions({ readAhead = DEFAULT_READ_AHEAD, dropBehind = false, signal }) {
  return {
    readAhead: checkInteger('options.readAhead', readAhead), // bytes
    dropBehind: checkBoolean('options.dropBehind', dropBehind),
    signal: checkSignal(signal)
  }
}

/** Options of chunks(): `end` is the byte after the last. */
function chunkOptions(byteLength, options = {}) {
  const { start = 0, end = byteLength, chunkSize = DEFAULT_CHUNK_SIZE } = checkObject('options', options)
  checkInteger('options.start', start, 0, byteLength)
  checkInteger('options.end', end, start, byteLength)
  checkInteger('options.chunkSize', chunkSize, 1, MAX_VIEW)
  return { start, end, chunkSize, ...scanOptions(options) }
}

/** As fs has it: null is none as well. */
function checkEncoding(name, value) {
  if (value !== null && !Buffer.isEncoding(value)) throw invalidValue(name, value, 'is invalid encoding')
  return value
}

/** Options of createReadStream(), as fs.createReadStream has them: `end` is the last byte. What comes out is as above. */
function streamOptions(byteLength, options = {}) {
  const { start = 0, end = Infinity, highWaterMark = DEFAULT_CHUNK_SIZE, encoding = null } = checkObject('options', options)
  checkInteger('options.start', start, 0, byteLength)
  // No byte is left from `start` on at the end of the file, and in an empty one: then `start` itself will do, as for fs.
  if (end !== Infinity) checkInteger('options.end', end, start, Math.max(start, byteLength - 1))
  checkInteger('options.highWaterMark', highWaterMark, 1, MAX_VIEW)
  checkEncoding('options.encoding', encoding)
  return { start, end: Math.min(end + 1, byteLength), chunkSize: highWaterMark, encoding, ...scanOptions(options) }
}

/**
 * The buffer of a shared WebAssembly.Memory. Its getter is asked for by hand: it throws for whatever is no such memory, and
 * pages are going to be laid over what it says.
 * @returns {SharedArrayBuffer}
 */
function wasmBuffer(memory) {
  let buffer
  try {
    buffer = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, 'buffer').get.call(memory)
  } catch {
    throw invalidType('memory', 'an instance of WebAssembly.Memory', memory)
  }
  if (isSharedArrayBuffer(buffer)) return buffer
  throw invalidValue('memory', memory, 'must be shared: one that is not shared may be moved when it grows')
}

/** Bytes that end on a page boundary, where `lead` bytes of a page come before them. */
function checkAligned(name, value, lead = 0) {
  if (intoPage(value, lead) === 0) return
  const less = lead === 0 ? '' : ` less ${lead}, by which the mapping starts within a page`
  throw invalidValue(name, value, `must be a multiple of ${native.pageSize}, the size of a page${less}`)
}

/**
 * The arguments of mapInto(): a range of whole pages of the file, but at its end, and as many of the memory.
 * @param {import('./mapping').Mapping} mapping of that file
 */
function mapIntoOptions({ lead, file: { byteLength } }, memory, byteOffset = 0, options = {}) {
  const buffer = wasmBuffer(memory)
  const { offset = 0, signal, ...rest } = checkObject('options', options)
  checkInteger('byteOffset', byteOffset, 0, buffer.byteLength)
  checkAligned('byteOffset', byteOffset)
  checkInteger('options.offset', offset, 0, byteLength)
  const most = byteLength - offset
  const { length = most } = rest
  checkInteger('options.length', length, 0, most)
  if (length > 0) checkAligned('options.offset', offset, lead)
  if (length < most) checkAligned('options.length', length)
  const room = Math.floor((buffer.byteLength - byteOffset) / native.pageSize) * native.pageSize
  if (length > room) throw outOfRange('options.length', `<= ${room}, the bytes of the memory from byteOffset on`, length)
  return { buffer, byteOffset, offset, length, signal: checkSignal(signal) }
}

const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1
const MAP_PRIVATE = 2

/** The arguments of map(), as mmap(2) names them. @returns {string} flags of open that mean the same */
function mapFlags(size, prot, flags, fd, offset) {
  checkInteger('size', size)
  checkInteger('prot', prot)
  checkInteger('flags', flags)
  checkInteger('fd', fd, 0, 2 ** 31 - 1)
  checkInteger('offset', offset)
  if (prot < PROT_READ || prot > (PROT_READ | PROT_WRITE)) { // no bits beyond, of which & sees the lowest 32
    throw invalidValue('prot', prot, 'must be PROT_READ, PROT_WRITE or both')
  }
  if (flags !== MAP_SHARED && flags !== MAP_PRIVATE) {
    throw invalidValue('flags', flags, 'must be MAP_SHARED or MAP_PRIVATE')
  }
  return flags === MAP_SHARED && (prot & PROT_WRITE) !== 0 ? 'r+' : 'r'
}

/** An environment variable of the default pool; what is not a number is as wrong as in an option. */
function fromEnvironment(name) {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  if (!/^\d+$/.test(text)) throw invalidValue(name, text, 'in the environment must be a whole number')
  return Number(text)
}

const POOL_DEFAULTS = Object.freeze({
  minThreads: 1,
  maxThreads: 4,
  idleTimeout: 10_000, // ms
  maxQueue: Infinity, // requests in flight
  spin: 20, // µs
  sliceSize: 8 << 20, // bytes
  resourceLimits: Object.freeze({})
})

// Variables of the environment that stand in for options of the default pool.
const VARIABLES = Object.freeze({ minThreads: 'FAULTLESS_MIN_THREADS', maxThreads: 'FAULTLESS_MAX_THREADS' })

// MiB, those that worker_threads knows, which takes anything. With less than these V8 ends the process, and not the thread: a
// stack of under 0.2 in Node 20 to 26, a heap of 2 in Node 22 to 26. With just these no thread starts, which is an error like any other.
const LEAST_LIMITS = Object.freeze({
  maxOldGenerationSizeMb: 3, maxYoungGenerationSizeMb: 0, codeRangeSizeMb: 0, stackSizeMb: 0.25
})

function resourceLimits(given = {}) {
  checkObject('options.resourceLimits', given)
  const names = Object.keys(LEAST_LIMITS).filter((name) => given[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, checkLeast(`options.resourceLimits.${name}`, given[name], LEAST_LIMITS[name])]))
}

/** How many threads; messages name the option or the variable of the environment, whichever it was. */
function threadNumbers(options, useEnvironment) {
  const find = (option) => {
    const variable = VARIABLES[option]
    const given = options[option]
    const value = given === undefined && useEnvironment ? fromEnvironment(variable) : undefined
    return value === undefined ? [`options.${option}`, given] : [`${variable} in the environment`, value]
  }
  const [leastName, least] = find('minThreads')
  const [mostName, most] = find('maxThreads')
  if (least !== undefined) checkInteger(leastName, least, 0, MAX_THREADS)
  const defaultMost = Math.max(POOL_DEFAULTS.maxThreads, least === undefined ? 0 : least)
  const maxThreads = checkInteger(mostName, most === undefined ? defaultMost : most, 1, MAX_THREADS)
  const minThreads = least === undefined ? POOL_DEFAULTS.minThreads : least
  return { minThreads: checkInteger(leastName, minThreads, 0, maxThreads), maxThreads }
}

/**
 * Options of a pool, complete. Names follow piscina.
 * @param {object} [options]
 * @param {boolean} [useEnvironment] the process's default pool also listens to its environment
 */
function poolOptions(options, useEnvironment = false) {
  if (options === undefined && !(useEnvironment && hasVariables())) return POOL_DEFAULTS // as with those of open()
  return checkPoolOptions(options, useEnvironment)
}

const hasVariables = () => VARIABLES.minThreads in process.env || VARIABLES.maxThreads in process.env

function checkPoolOptions(given = {}, useEnvironment) {
  checkObject('options', given)
  const { idleTimeout = POOL_DEFAULTS.idleTimeout, maxQueue = POOL_DEFAULTS.maxQueue } = given
  const { spin = POOL_DEFAULTS.spin, sliceSize = POOL_DEFAULTS.sliceSize } = given
  return {
    ...threadNumbers(given, useEnvironment),
    idleTimeout: checkLimit('options.idleTimeout', idleTimeout, 0),
    maxQueue: checkLimit('options.maxQueue', maxQueue, 1),
    spin: checkInteger('options.spin', spin, 0, 1_000_000),
    sliceSize: checkInteger('options.sliceSize', sliceSize, native.pageSize),
    resourceLimits: resourceLimits(given.resourceLimits)
  }
}

module.exports = {
  DEFAULT_FRESHNESS, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE,
  adviceNumber, bytesOf, checkFlags, checkInteger, checkLimit, checkObject,
  checkString, checkWriteRange, chunkOptions, lengthWithin, mapFlags, mapIntoOptions, openOptions, pinSignal, poolOptions, range,
  rangeList, sliceRange, streamOptions, touchOptions, viewLength, waitOptions
}
