// hyparquet: the MappedFile is its AsyncBuffer; a view is not, since it makes a DataView of what slice() gives.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { cachedAsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { FLIGHTS_PARQUET, SALES_PARQUET } from '../../examples/data/packages.mjs'

async function onHeap(path) {
  const { buffer, byteOffset, byteLength } = await readFile(path)
  return buffer.slice(byteOffset, byteOffset + byteLength)
}

export const checks = {
  async 'the file itself'(context) {
    const file = await context.map(SALES_PARQUET)
    const heap = await onHeap(SALES_PARQUET)
    assert.deepEqual(await parquetMetadataAsync(file), await parquetMetadataAsync(heap))
    const rows = await parquetReadObjects({ file, compressors })
    assert.deepEqual(rows, await parquetReadObjects({ file: heap, compressors }))
    assert.equal(rows.length, 9994)
  },

  async 'a cache over it, which calls slice() by itself'(context) {
    const file = await context.map(SALES_PARQUET)
    const rows = await parquetReadObjects({ file: cachedAsyncBuffer(file), compressors })
    assert.deepEqual(rows, await parquetReadObjects({ file, compressors }))
  },

  async 'some rows of a large file'(context) {
    const file = await context.map(FLIGHTS_PARQUET)
    const part = { compressors, columns: ['origin', 'delay'], rowStart: 2_000_000, rowEnd: 2_000_100 }
    const rows = await parquetReadObjects({ file, ...part })
    assert.deepEqual(rows, await parquetReadObjects({ file: await onHeap(FLIGHTS_PARQUET), ...part }))
    assert.equal(rows.length, 100)
    assert.ok(file.stats.readBytes < file.byteLength / 4, `${file.stats.readBytes} bytes were read`)
  },

  async 'slice() that gives a view'(context) {
    const file = await context.map(SALES_PARQUET)
    const views = { byteLength: file.byteLength, slice: (start, end = file.byteLength) => file.view(start, end - start) }
    await assert.rejects(parquetMetadataAsync(views), /DataView/)
    const buffers = { ...views, slice: async (start, end) => (await views.slice(start, end)).buffer }
    await assert.rejects(parquetMetadataAsync(buffers))
  }
}
