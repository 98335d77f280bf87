// geotiff: any object with fetch() is a source, and file.slice() gives what it wants.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { GeoTIFF, fromArrayBuffer } from 'geotiff'
import { makeGeoTiff } from '../../examples/data/make-geotiff.mjs'
import { VOLCANO } from '../../examples/data/packages.mjs'

async function mapTiff(context) {
  const tiff = path.join(context.folder, 'volcano.tif')
  await writeFile(tiff, await makeGeoTiff())
  return context.map(tiff)
}

async function checkHeights(tiff) {
  const { width, height, values } = JSON.parse(await readFile(VOLCANO))
  const image = await tiff.getImage()
  assert.deepEqual([image.getWidth(), image.getHeight()], [width, height])
  const [heights] = await image.readRasters()
  assert.deepEqual([...heights], values)
  const [part] = await image.readRasters({ window: [10, 20, 12, 21] })
  assert.deepEqual([...part], values.slice(20 * width + 10, 20 * width + 12))
}

export const checks = {
  async 'a source of slices'(context) {
    const file = await mapTiff(context)
    const fetch = (ranges) => Promise.all(ranges.map(({ offset, length }) =>
      file.slice(offset, Math.min(offset + length, file.byteLength))))
    await checkHeights(await GeoTIFF.fromSource({ fetch, fileSize: file.byteLength, close() {} }))
    assert.ok(file.stats.reads > 0)
  },

  async 'fromArrayBuffer(file.buffer)'(context) {
    const file = await mapTiff(context)
    await file.touch()
    await checkHeights(await fromArrayBuffer(file.buffer))
    assert.equal(file.stats.reads, 0)
  }
}
