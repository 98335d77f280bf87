'use strict'
// Every error that users see is made here, with a stable `code` and the offending value in its message.

const { constants } = require('node:os')
const util = require('node:util')
const native = require('../native/binding')

const { TRUNCATED, CLOSED, PIN_LIMIT, DEVICE } = native.results

/** Like Node's own errors: the code shows in the stack, `name` stays that of the class. */
function coded(error, code) {
  error.code = code
  const { name } = error
  error.name = `${name} [${code}]`
  void error.stack // captured with the code in it
  delete error.name
  return error
}

function inspect(value) {
  try {
    return util.inspect(value, { depth: 0, maxArrayLength: 3, maxStringLength: 60 })
  } catch { // as of a DataView whose memory is gone
    return Object.prototype.toString.call(value)
  }
}

const invalidType = (name, expected, value) =>
  coded(new TypeError(`The "${name}" argument must be ${expected}. Received ${describe(value)}`), 'ERR_INVALID_ARG_TYPE')

function describe(value) {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object') return value.constructor?.name ? `an instance of ${value.constructor.name}` : inspect(value)
  return `type ${typeof value} (${inspect(value)})`
}

const invalidValue = (name, value, reason) =>
  coded(new TypeError(`The argument '${name}' ${reason}. Received ${inspect(value)}`), 'ERR_INVALID_ARG_VALUE')

const outOfRange = (name, range, value) =>
  coded(new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`),
    'ERR_OUT_OF_RANGE')

// Node's own numbers of errors by those of the C library, both negative: the same but on Windows.
const nodeErrno = new Map()
for (const [number, [code]] of util.getSystemErrorMap()) {
  if (constants.errno[code] !== undefined) nodeErrno.set(-constants.errno[code], number)
}

/** A failed system call, in the form of Node's fs: `code`, `errno`, `syscall`, `path`. `result` is a negative errno. */
function systemError(result, syscall, path) {
  const errno = nodeErrno.get(result) ?? result
  const [code, known] = util.getSystemErrorMap().get(errno) ?? [`E${-errno}`, 'unknown error']
  const description = code === 'ENOTSUP' ? 'not supported on this system' : known // libuv speaks of a socket
  const error = new Error(`${code}: ${description}, ${syscall}${path === undefined ? '' : ` '${path}'`}`)
  return Object.assign(error, { errno, code, syscall }, path === undefined ? {} : { path })
}

const mapClosed = (path) => coded(new Error(`The mapping${of(path)} is closed`), 'ERR_MAP_CLOSED')

const mainThread = (method) =>
  coded(new Error(`${method}() blocks, so it is for worker threads and not for the main thread: await touch() there`),
    'ERR_MAP_MAIN_THREAD')

const mapTruncated = (path, offset, length) =>
  Object.assign(coded(new Error(`The file${of(path)} no longer reaches to the end of the range: ` +
    `offset ${offset}, length ${length}`), 'ERR_MAP_TRUNCATED'), { path, offset, length })

const mapReadOnly = (path) =>
  coded(new Error(`The mapping${of(path)} does not reach the file: it needs the flags 'r+' or 'w+'`), 'ERR_MAP_READ_ONLY')

/** The device's own answer is the `cause`, and `errno` and `syscall` are taken from it. */
function mapIo(errno, syscall, path, offset, length) {
  const cause = systemError(errno, syscall, path)
  const done = syscall === 'read' ? 'read' : 'written to its device'
  const message = `The file${of(path)} cannot be ${done} at offset ${offset}, length ${length}: ${cause.message}`
  return Object.assign(coded(new Error(message, { cause }), 'ERR_MAP_IO'),
    { errno: cause.errno, syscall, path, offset, length })
}

const LIMIT = process.platform === 'win32' ? 'the minimum working set' : 'RLIMIT_MEMLOCK'
const HOW_TO_RAISE = process.platform === 'win32'
  ? 'pin() has asked Windows for more. Give the account the right "Increase a process working set", or pin less'
  : 'Raise it by `ulimit -l` (KiB) in the shell, LimitMEMLOCK= in a systemd unit, ' +
    '`docker run --ulimit memlock=bytes`, or lift it with the capability CAP_IPC_LOCK'

/** The system's limit of locked memory is reached. The figures are of now. */
function pinLimit(path, offset, length) {
  const { limit, locked, pinned } = native.pinUsage()
  const message = `The file${of(path)} cannot be pinned at offset ${offset}, length ${length}: the process may lock ` +
    `${limit} bytes (${LIMIT}), and has locked ${locked}, of which ${pinned} are pinned. ${HOW_TO_RAISE}`
  return Object.assign(coded(new Error(message), 'ERR_MAP_PIN_LIMIT'),
    { path, offset, length, limit, locked, pinned, howToRaise: HOW_TO_RAISE })
}

const of = (path) => (path === undefined ? '' : ` of '${path}'`)

/**
 * What a negative result of the core means, but for the few to which a caller gives a meaning of its own.
 * @param {number} result below 0
 * @param {string} syscall
 * @param {string} [path]
 * @param {number} [offset] bytes, as is the next: the range that was asked for
 * @param {number} [length]
 */
function fromCore(result, syscall, path, offset, length) {
  if (result === -CLOSED) return mapClosed(path)
  if (result === -TRUNCATED) return mapTruncated(path, offset, length)
  if (result === -PIN_LIMIT) return pinLimit(path, offset, length)
  if (result <= -DEVICE) return mapIo(result + DEVICE, syscall === 'msync' ? syscall : 'read', path, offset, length)
  return systemError(result, syscall, path)
}

/** This runtime has no way to make the buffer. */
const mapUnsupported = (path, offset, length, reason, cause) =>
  Object.assign(coded(new Error(`The file${of(path)} cannot be mapped at offset ${offset}, length ${length}: this runtime ` +
    'makes no SharedArrayBuffer over memory that it was given, so the file has to be laid over one of the ' +
    `runtime's own, and ${reason}`, cause === undefined ? undefined : { cause }), 'ERR_MAP_UNSUPPORTED'),
  { path, offset, length })

/** Two leases never share a page of a memory. */
const mapOverlap = (byteOffset, length) =>
  Object.assign(coded(new Error(`Another lease has some of the ${length} bytes from ${byteOffset} on of this memory`),
    'ERR_MAP_OVERLAP'), { offset: byteOffset, length })

const queueFull = (maxQueue) =>
  coded(new Error(`The pool has ${maxQueue} requests in flight, its maxQueue`), 'ERR_POOL_QUEUE_FULL')

const poolClosed = () => coded(new Error('The pool is closed'), 'ERR_POOL_CLOSED')

const tooManyThreads = (most) =>
  coded(new Error(`The pool is in use by ${most} JavaScript threads, the most that one serves`), 'ERR_POOL_TOO_MANY_THREADS')

const poolInUse = () =>
  coded(new Error('The default pool is in use: configure() must come before the first open() or map()'), 'ERR_POOL_IN_USE')

/** As Node says it of its own classes. */
const illegalConstructor = (name) =>
  coded(new TypeError(`A ${name} is made by open(), map() or attach(), and not by new`), 'ERR_ILLEGAL_CONSTRUCTOR')

/** What was thrown; a callback takes what is no error for success, so that comes wrapped, as from `util.callbackify`. */
const errorFrom = (reason) =>
  reason || Object.assign(coded(new Error('Promise was rejected with a falsy value'), 'ERR_FALSY_VALUE_REJECTION'), { reason })

/** A request was in the hands of a thread that died, more than once; or no thread could be started. */
const threadFailed = (reason, cause) => cause === undefined
  ? coded(new Error(reason), 'ERR_POOL_THREAD_FAILED')
  : coded(new Error(`${reason}: ${cause?.message ?? inspect(cause)}`, { cause }), 'ERR_POOL_THREAD_FAILED')

/** The same shape as the AbortError of Node's own functions. */
class AbortError extends Error {
  constructor(reason) {
    super('The operation was aborted', { cause: reason })
    this.name = 'AbortError'
    this.code = 'ABORT_ERR'
  }
}

module.exports = {
  AbortError, errorFrom, fromCore, illegalConstructor, invalidType, invalidValue, mainThread, mapClosed, mapOverlap, mapReadOnly, mapTruncated,
  mapUnsupported, outOfRange, pinLimit, poolClosed, poolInUse, queueFull, systemError, threadFailed, tooManyThreads
}
