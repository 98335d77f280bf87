// Tiles of a map from a PMTiles archive: ten lines make a source of a MappedFile.

import { open } from 'faultless'
import { PMTiles } from 'pmtiles'
import { makePmtiles, tileAt } from './data/make-pmtiles.mjs'
import { withTemporaryFile } from './data/temporary-file.mjs'

class MappedSource {
  constructor(file) {
    this.file = file
  }

  getKey() {
    return this.file.path
  }

  async getBytes(offset, length) {
    return { data: await this.file.slice(offset, Math.min(offset + length, this.file.byteLength)) }
  }
}

await withTemporaryFile('earthquakes.pmtiles', await makePmtiles(), async (path) => {
  const file = await open(path)
  const tiles = new PMTiles(new MappedSource(file))
  const [x, y] = tileAt(3, [-150, 61]) // Anchorage
  const tile = await tiles.getZxy(3, x, y)
  const places = JSON.parse(Buffer.from(tile.data))
  console.log(`tile 3/${x}/${y} has ${places.length} earthquakes, such as ${places[0]}`)
  await file.close()
})
