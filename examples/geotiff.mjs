// A part of a raster, by geotiff over a source of a few lines: it asks for ranges, and each is read on a pool thread.

import { open } from 'faultless'
import { GeoTIFF } from 'geotiff'
import { makeGeoTiff } from './data/make-geotiff.mjs'
import { withTemporaryFile } from './data/temporary-file.mjs'

const sourceOf = (file) => ({
  fileSize: file.byteLength,
  fetch: (ranges) => Promise.all(ranges.map(({ offset, length }) =>
    file.slice(offset, Math.min(offset + length, file.byteLength)))),
  close: () => file.close()
})

await withTemporaryFile('volcano.tif', await makeGeoTiff(), async (path) => {
  const tiff = await GeoTIFF.fromSource(sourceOf(await open(path)))
  const image = await tiff.getImage()
  const [heights] = await image.readRasters({ window: [20, 20, 60, 40] })
  console.log(`${image.getWidth()} by ${image.getHeight()} cells; the top of this part is at ${Math.max(...heights)} m`)
  await tiff.close()
})
