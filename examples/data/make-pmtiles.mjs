// A PMTiles archive, version 3 (github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md), of the earthquakes of a week: each
// tile of zoom levels 0 to 3 has those in its square, as JSON in gzip.

import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { Compression, TileType, zxyToTileId } from 'pmtiles'
import { EARTHQUAKES } from './packages.mjs'

const HEADER_BYTES = 127
const ZOOMS = [0, 1, 2, 3]

/** @returns {Promise<Buffer>} */
export async function makePmtiles() {
  const tiles = [...await tilesById()].sort(([a], [b]) => a - b)
    .map(([id, places]) => ({ id, data: gzipSync(JSON.stringify(places)) }))
  const directory = encodeDirectory(tiles)
  const metadata = Buffer.from(JSON.stringify({ name: 'Earthquakes of a week' }))
  const data = Buffer.concat(tiles.map((tile) => tile.data))
  const header = encodeHeader([directory.length, metadata.length, 0, data.length], tiles.length)
  return Buffer.concat([header, directory, metadata, data])
}

async function tilesById() {
  const tiles = new Map()
  for (const { properties, geometry } of JSON.parse(await readFile(EARTHQUAKES)).features) {
    for (const z of ZOOMS) {
      const id = zxyToTileId(z, ...tileAt(z, geometry.coordinates))
      if (!tiles.has(id)) tiles.set(id, [])
      tiles.get(id).push(properties.place)
    }
  }
  return tiles
}

/** Column and row of the tile that has a place, in the Mercator projection of web maps. */
export function tileAt(z, [longitude, latitude]) {
  const angle = latitude * Math.PI / 180
  const x = (longitude + 180) / 360
  const y = (1 - Math.asinh(Math.tan(angle)) / Math.PI) / 2
  return [x, y].map((part) => Math.min(2 ** z - 1, Math.max(0, Math.floor(part * 2 ** z))))
}

/** Column by column, as the specification has it: differences of ids, run lengths, lengths, offsets. */
function encodeDirectory(tiles) {
  const differences = tiles.map(({ id }, i) => id - (tiles[i - 1]?.id ?? 0))
  const offsets = tiles.map((_, i) => (i === 0 ? 1 : 0)) // 0: where the tile before it ends; n + 1: at n
  const lengths = tiles.map(({ data }) => data.length)
  const numbers = [tiles.length, ...differences, ...tiles.map(() => 1), ...lengths, ...offsets]
  return Buffer.from(numbers.flatMap(varint))
}

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 + 128)
  return [...bytes, value]
}

/** @param {number[]} lengths of the root directory, the metadata, the leaf directories and the tiles, in this order */
function encodeHeader(lengths, count) {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write('PMTiles\x03', 'latin1')
  let offset = HEADER_BYTES
  lengths.forEach((length, i) => {
    header.writeBigUInt64LE(BigInt(offset), 8 + 16 * i)
    header.writeBigUInt64LE(BigInt(length), 16 + 16 * i)
    offset += length
  })
  for (const at of [72, 80, 88]) header.writeBigUInt64LE(BigInt(count), at)
  header.set([1, Compression.None, Compression.Gzip, TileType.Unknown, ZOOMS[0], ZOOMS.at(-1)], 96)
  const bounds = [-180, -85, 180, 85]
  bounds.forEach((degrees, i) => header.writeInt32LE(degrees * 1e7, 102 + 4 * i))
  return header
}
