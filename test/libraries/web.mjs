// Web APIs that refuse shared memory or garble it, what they do instead of it on which Node, and what they take.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { AIRPORTS, FLIGHTS_PARQUET } from '../../examples/data/packages.mjs'
import { NODE } from './helpers.mjs'
import { bodyFrom } from './servers.mjs'

const { subtle } = globalThis.crypto

const post = (body) =>
  bodyFrom(async (url) => (await fetch(url, { method: 'POST', body, duplex: 'half' })).text())

const bodyOf = async (body) => Buffer.from(await new Response(body).arrayBuffer())

/** Refused before Node 24, garbled since: either way no body. */
async function assertNoBody(view, heap, send) {
  if (NODE < 24) return assert.rejects(async () => send(view), TypeError)
  const sent = await send(view)
  assert.ok(!sent.equals(heap))
  assert.equal(sent.toString(), String(view)) // its text, which for binary bytes is another thing
}

async function compress(chunk) {
  const stream = new CompressionStream('gzip')
  const writer = stream.writable.getWriter()
  const written = Promise.all([writer.write(chunk), writer.close()])
  written.catch(() => {}) // the stream's reader tells
  return Buffer.from(await new Response(stream.readable.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())
}

/** Bytes that are no UTF-8. */
async function both(context) {
  const file = await context.map(FLIGHTS_PARQUET)
  return { file, view: await file.view(0, 10_000), heap: await file.read(0, 10_000) }
}

export const checks = {
  async 'crypto.subtle'(context) {
    const { view, heap } = await both(context)
    await assert.rejects(subtle.digest('SHA-256', view), TypeError)
    assert.equal((await subtle.digest('SHA-256', heap)).byteLength, 32)
  },

  async 'Response and Request'(context) {
    const { file, view, heap } = await both(context)
    await assertNoBody(view, heap, bodyOf)
    const request = async (body) =>
      Buffer.from(await new Request('http://127.0.0.1', { method: 'POST', body }).arrayBuffer())
    await assertNoBody(view, heap, request)
    for (const body of [heap, await file.slice(0, 10_000)]) assert.ok((await bodyOf(body)).equals(heap))
    assert.equal((await bodyOf(file.buffer)).toString(), '[object SharedArrayBuffer]')
  },

  async 'fetch'(context) {
    const { file, view, heap } = await both(context)
    await assertNoBody(view, heap, post)
    assert.ok((await post(heap)).equals(heap))
    const stream = Readable.toWeb(file.createReadStream({ end: 9999 }))
    assert.ok((await post(stream)).equals(heap))
  },

  async 'Response of a stream'(context) {
    const { file, heap } = await both(context)
    assert.ok((await bodyOf(Readable.toWeb(file.createReadStream({ end: 9999 })))).equals(heap))
  },

  async 'a byte stream'(context) {
    const { file, view, heap } = await both(context)
    const stream = (chunk) => new ReadableStream({ type: 'bytes', start: (controller) => controller.enqueue(chunk) })
    assert.throws(() => stream(view), TypeError)
    for (const length of [100, 10_000]) { // the stream takes the memory away from the copy, which has to be all of its own
      const { value } = await stream(await file.read(0, length)).getReader().read()
      assert.ok(heap.subarray(0, length).equals(value))
    }
  },

  async 'a stream that is not of bytes'(context) {
    const { view } = await both(context)
    const stream = new ReadableStream({ start: (controller) => controller.enqueue(view) })
    assert.equal((await stream.getReader().read()).value, view)
  },

  async 'CompressionStream'(context) {
    const { view, heap } = await both(context)
    if (NODE < 24) assert.ok((await compress(view)).equals(heap))
    else await assert.rejects(compress(view), TypeError)
    assert.ok((await compress(heap)).equals(heap))
  },

  async 'WebAssembly.compile'(context) {
    const empty = path.join(context.folder, 'empty.wasm')
    await writeFile(empty, Buffer.from('0061736d01000000', 'hex')) // magic number and version
    const file = await context.map(empty)
    await assert.rejects(WebAssembly.compile(file.buffer), TypeError)
    assert.ok(await WebAssembly.compile(await file.view()) instanceof WebAssembly.Module)
  },

  async 'transferring'(context) {
    const { file, view } = await both(context)
    const refused = (error) => error.name === (NODE < 22 ? 'TypeError' : 'DataCloneError')
    assert.throws(() => structuredClone(view, { transfer: [file.buffer] }), refused)
    const copy = await file.slice(0, 10_000)
    assert.equal(structuredClone(copy, { transfer: [copy] }).byteLength, 10_000)
    assert.equal(copy.byteLength, 0)
  },

  async 'Blob'(context) {
    const { view, heap } = await context.both(AIRPORTS)
    const blob = new Blob([view])
    view.fill(0) // in memory alone, and too late for what was copied
    assert.ok(Buffer.from(await blob.arrayBuffer()).equals(heap))
  }
}
