// A GeoTIFF of the heights of a volcano.

import { readFile } from 'node:fs/promises'
import { writeArrayBuffer } from 'geotiff'
import { VOLCANO } from './packages.mjs'

// Corner and size of a cell in degrees, roughly: the data set has no coordinates.
const [WEST, NORTH] = [174.761, -36.873]
const CELL = 0.0001

/** @returns {Promise<Buffer>} */
export async function makeGeoTiff() {
  const { width, height, values } = JSON.parse(await readFile(VOLCANO))
  return Buffer.from(await writeArrayBuffer(Float32Array.from(values), {
    width,
    height,
    GeographicTypeGeoKey: 4326,
    ModelPixelScale: [CELL, CELL, 0],
    ModelTiepoint: [0, 0, 0, WEST, NORTH, 0]
  }))
}
