'use strict'
// Has something done to each file that is named, a few at a time, and tells of each in the order of the names. What
// fails for one file does not stop the others.

const { open } = require('../lib/index')

// Opening small files one after the other would leave the device idle.
const AT_ONCE = 8

/** Runs `act` on up to AT_ONCE items at a time; gives results in the order of the items. */
async function* inOrder(items, act) {
  const running = []
  for await (const item of items) {
    running.push(act(item))
    if (running.length === AT_ONCE) yield await running.shift()
  }
  while (running.length > 0) yield await running.shift()
}

async function* until(signal, items) {
  for await (const item of items) {
    if (signal.aborted) return
    yield item
  }
}

/** The part of a file that --offset and --length name; what lies past its end is cut off, an offset past it is an error. */
function clip({ offset, length = Infinity }, byteLength) {
  if (offset > byteLength) {
    const message = `offset ${offset} lies past the end of the file, which has ${byteLength} bytes`
    throw Object.assign(new Error(message), { code: 'ERR_OUT_OF_RANGE' })
  }
  return { offset, length: Math.min(length, byteLength - offset) }
}

/** What `use(file, range)` gives for one file, which is open meanwhile. */
async function withFile(path, options, use) {
  // The command asks the kernel itself, each time: nothing is to be remembered.
  const file = await open(path, { freshness: 0 })
  try {
    return await use(file, clip(options, file.byteLength))
  } finally {
    await file.close()
  }
}

/**
 * @param {AsyncIterable<object> | object[]} entries as walk() gives them
 * @param {object} options of the command line
 * @param {object} session
 * @param {(file: object, range: {offset: number, length: number}, entry: object) => Promise<object>} use
 * @param {(entry: object, found: object) => void} tell
 */
async function eachFile(entries, options, session, use, tell) {
  const act = async (entry) => {
    if (entry.status === undefined || session.signal.aborted) return { entry }
    try {
      return { entry, found: await withFile(entry.path, options, (file, range) => use(file, range, entry)) }
    } catch (error) {
      return { entry: { ...entry, error } }
    }
  }
  for await (const { entry, found } of inOrder(until(session.signal, entries), act)) {
    if (found !== undefined) tell(entry, found)
    else complain(session.output, entry)
  }
}

function complain(output, { path, error, skipped }) {
  if (error !== undefined && error.code !== 'ABORT_ERR') output.fail(path, error)
  else if (skipped !== undefined) output.note(path, skipped)
}

module.exports = { clip, complain, eachFile, withFile }
