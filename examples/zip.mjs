// Entries of a zip file, by yauzl over the mapping: each is read as a stream of views, and inflated from there.

import { text } from 'node:stream/consumers'
import { open } from 'faultless'
import yauzl from 'yauzl'
import { makeZip } from './data/make-zip.mjs'
import { withTemporaryFile } from './data/temporary-file.mjs'

class MappedReader extends yauzl.RandomAccessReader {
  constructor(file) {
    super()
    this.file = file
  }

  _readStreamForRange(start, end) {
    return this.file.createReadStream({ start, end: end - 1 }) // end is inclusive here, and not there
  }
}

await withTemporaryFile('data.zip', await makeZip(), async (path) => {
  const file = await open(path)
  const zip = await yauzl.fromRandomAccessReaderPromise(new MappedReader(file), file.byteLength)
  for await (const entry of zip.eachEntry()) {
    const content = await text(await zip.openReadStreamPromise(entry))
    console.log(`${entry.fileName}: ${entry.compressedSize} bytes became ${entry.uncompressedSize}: ${content.slice(0, 20)}…`)
  }
  await file.close()
})
