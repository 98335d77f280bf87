// pmtiles: a source whose getBytes() is file.slice().

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { PMTiles } from 'pmtiles'
import { makePmtiles } from '../../examples/data/make-pmtiles.mjs'

/** Every tile of zoom levels 0 to 3. */
async function tilesOf(source) {
  const archive = new PMTiles(source)
  const tiles = []
  for (let z = 0; z <= 3; z++) {
    for (let x = 0; x < 2 ** z; x++) {
      for (let y = 0; y < 2 ** z; y++) tiles.push(await archive.getZxy(z, x, y))
    }
  }
  return { header: await archive.getHeader(), tiles: tiles.map((tile) => tile && JSON.parse(Buffer.from(tile.data))) }
}

export const checks = {
  async 'a source of slices'(context) {
    const archive = await makePmtiles()
    const name = path.join(context.folder, 'earthquakes.pmtiles')
    await writeFile(name, archive)
    const file = await context.map(name)
    const found = await tilesOf({
      getKey: () => 'mapped',
      getBytes: async (offset, length) => ({ data: await file.slice(offset, Math.min(offset + length, file.byteLength)) })
    })
    const heap = new Uint8Array(archive).buffer
    const wanted = await tilesOf({
      getKey: () => 'heap', getBytes: async (offset, length) => ({ data: heap.slice(offset, offset + length) })
    })
    assert.deepEqual(found, wanted)
    assert.ok(found.tiles.filter(Boolean).length > 40)
    assert.equal(found.tiles[0].length, 1707)
  }
}
