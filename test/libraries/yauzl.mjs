// yauzl: a zip file in a view, or read through streams of the file.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import yauzl from 'yauzl'
import { ENTRIES, makeZip } from '../../examples/data/make-zip.mjs'

class MappedReader extends yauzl.RandomAccessReader {
  constructor(file) {
    super()
    this.file = file
  }

  _readStreamForRange(start, end) {
    return this.file.createReadStream({ start, end: end - 1 })
  }
}

async function mapZip(context) {
  const zip = path.join(context.folder, 'data.zip')
  await writeFile(zip, await makeZip())
  return context.map(zip)
}

/** Every entry as a Buffer, and the memory that the chunks of stored ones were in. */
async function unpack(zip) {
  const memories = new Set()
  const contents = []
  for await (const entry of zip.eachEntry()) {
    const stream = await zip.openReadStreamPromise(entry)
    if (entry.compressionMethod === 0) stream.on('data', (chunk) => memories.add(chunk.buffer))
    contents.push(await buffer(stream))
  }
  return { contents, memories: [...memories] }
}

async function checkContents(contents) {
  assert.deepEqual(contents, await Promise.all(ENTRIES.map(({ file }) => readFile(file))))
}

export const checks = {
  async 'fromBuffer(view)'(context) {
    const file = await mapZip(context)
    const { contents, memories } = await unpack(await yauzl.fromBufferPromise(await file.view()))
    await checkContents(contents)
    assert.deepEqual(memories, [file.buffer])
  },

  async 'a RandomAccessReader of streams'(context) {
    const file = await mapZip(context)
    const zip = await yauzl.fromRandomAccessReaderPromise(new MappedReader(file), file.byteLength)
    const { contents, memories } = await unpack(zip)
    await checkContents(contents)
    assert.deepEqual(memories, [file.buffer])
  }
}
