'use strict'
// Counts a byte in all of a file with WebAssembly, window by window: over the file's own pages, or over a copy of them that
// is read into the module's memory. Two windows each, so that the next one comes while one is counted.

const fs = require('node:fs')
const createCounter = require('../../examples/count-lines/scanner')
const { checkBlocks } = require('../content')
const measure = require('../common/measure')

const WINDOW = 16 << 20
const WASM_PAGE = 64 << 10
const BYTE = 10

// Each gives `load(offset, length, at)`: has the bytes come to `at` of the memory, and tells how to let them go.
const openers = {
  mapInto: async (path, memory) => {
    const file = await require('faultless').open(path)
    if (typeof file.mapInto !== 'function') return undefined
    const load = async (offset, length, at) => {
      const lease = await file.mapInto(memory, at, { offset, length })
      return () => lease.release()
    }
    return { load, close: () => file.close() }
  },
  // Copied twice: out of the page cache, and into the memory.
  view: async (path, memory) => {
    const file = await require('faultless').open(path)
    const load = async (offset, length, at) => {
      Buffer.from(memory.buffer, at, length).set(await file.view(offset, length))
      return () => {}
    }
    return { load, close: () => file.close() }
  },
  fileHandle: async (path, memory) => {
    const handle = await fs.promises.open(path)
    const load = async (offset, length, at) => {
      const into = Buffer.from(memory.buffer, at, length)
      for (let done = 0; done < length;) {
        const { bytesRead } = await handle.read(into, done, length - done, offset + done)
        if (bytesRead === 0) throw new Error('the file is shorter than it was')
        done += bytesRead
      }
      return () => {}
    }
    return { load, close: () => handle.close() }
  }
}

module.exports = async function wasmScan(task) {
  await scan(task.reader, task.warmPath, task.warmBytes)
  const { result: found, seconds, delayMs, ...counts } = await measure(() => scan(task.reader, task.path, task.bytes))
  if (found === undefined) return { skipped: 'no mapInto() in this build' }
  return { ...counts, seconds, delayMaxMs: delayMs.max, bytesPerSecond: task.bytes / seconds }
}

/** @returns {Promise<number | undefined>} how often the byte is there; undefined where this way is not there */
async function scan(reader, path, bytes) {
  const memory = new WebAssembly.Memory({ initial: 2 * WINDOW / WASM_PAGE, maximum: 2 * WINDOW / WASM_PAGE, shared: true })
  const way = await openers[reader](path, memory)
  if (way === undefined) return undefined
  const count = createCounter(memory)
  const lengthAt = (offset) => Math.min(WINDOW, bytes - offset)
  const load = (offset) => (offset < bytes ? way.load(offset, lengthAt(offset), offset % (2 * WINDOW)) : undefined)
  let found = 0
  let next = load(0)
  for (let offset = 0; offset < bytes; offset += WINDOW) {
    const letGo = await next
    next = load(offset + WINDOW)
    const at = offset % (2 * WINDOW)
    checkBlocks(Buffer.from(memory.buffer, at, lengthAt(offset)), offset)
    found += count(at, at + lengthAt(offset), BYTE)
    await letGo()
  }
  await way.close()
  return found
}
