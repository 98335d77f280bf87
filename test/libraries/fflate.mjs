// fflate: its asynchronous functions hand a view to a thread, which shares the mapping; with `consume` they would transfer it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import * as fflate from 'fflate'
import { AIRPORTS, EARTHQUAKES } from '../../examples/data/packages.mjs'
import { NODE, assertNoCopy } from './helpers.mjs'

const [gzip, gunzip] = [promisify(fflate.gzip), promisify(fflate.gunzip)]

/** A file with the content of another, packed. */
async function mapPacked(context, source, options) {
  const packed = path.join(context.folder, `${path.basename(source)}.gz`)
  await writeFile(packed, zlib.gzipSync(await readFile(source), options))
  return context.map(packed)
}

/** @returns {Promise<Buffer>} what a stream of fflate's gives for chunks; those that have a thread call with an error first */
function streamed(stream, chunks) {
  return new Promise((resolve, reject) => {
    const parts = []
    stream.ondata = (...args) => {
      if (args[0] instanceof Error) return reject(args[0])
      const [part, isLast] = args.slice(-2)
      parts.push(part)
      if (isLast) resolve(Buffer.concat(parts))
    }
    chunks.forEach((chunk, i) => stream.push(chunk, i === chunks.length - 1))
  })
}

/**
 * A store just after the call shows in what comes of it, unless the thread was faster; what was copied never shows one.
 * Without a header, and so without a checksum that such a store makes wrong.
 */
async function assertThreadShares(view, deflate) {
  for (let tries = 0; tries < 10; tries++) {
    const packed = deflate()
    view[view.length - 1] ^= 1
    if (zlib.inflateRawSync(await packed).equals(view)) return
  }
  assert.fail('no store was seen')
}

export const checks = {
  async 'on the calling thread'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    assert.ok(zlib.gunzipSync(fflate.gzipSync(view)).equals(heap))
    const halves = [view.subarray(0, 500_000), view.subarray(500_000)]
    assert.ok(zlib.gunzipSync(await streamed(new fflate.Gzip(), halves)).equals(heap))
    const packed = await (await mapPacked(context, EARTHQUAKES, { level: 0 })).view()
    const out = Buffer.alloc(heap.length)
    await assertNoCopy(packed, () => fflate.gunzipSync(packed, { out }))
    assert.ok(out.equals(heap))
    assert.ok((await streamed(new fflate.Gunzip(), [packed])).equals(heap))
  },

  async 'on a thread of its own'(context) {
    const { view, heap } = await context.both(EARTHQUAKES)
    assert.ok(zlib.gunzipSync(await gzip(view)).equals(heap))
    const archive = await promisify(fflate.zip)({ 'earthquakes.json': view })
    assert.ok(heap.equals(fflate.unzipSync(archive)['earthquakes.json']))
    const file = await mapPacked(context, EARTHQUAKES)
    assert.ok(heap.equals(await gunzip(await file.view())))
    assert.ok((await streamed(new fflate.AsyncGunzip(), [await file.view()])).equals(heap))
    await assertThreadShares(view, () => promisify(fflate.deflate)(view))
    await assertThreadShares(view, () => streamed(new fflate.AsyncDeflate(), [view]))
  },

  async 'consume'(context) {
    const { file, view, heap } = await context.both(AIRPORTS)
    const refused = (error) => error.name === (NODE < 22 ? 'TypeError' : 'DataCloneError')
    const started = once(process, 'worker')
    let done
    const packed = new Promise((resolve) => { done = (_, result) => resolve(result) })
    assert.throws(() => fflate.gzip(view, { consume: true }, done), refused)
    const [thread] = await started
    thread.postMessage([heap, {}]) // still waits for what to do; fflate ends it when it has answered
    assert.ok(zlib.gunzipSync(await packed).equals(heap))
    const copy = await file.read()
    assert.ok(zlib.gunzipSync(await gzip(copy, { consume: true })).equals(heap))
    assert.equal(copy.length, 0)
  }
}
