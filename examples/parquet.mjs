// A MappedFile has byteLength and slice(), and so is what hyparquet calls an AsyncBuffer: it reads only what it needs.

import { open } from 'faultless'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { FLIGHTS_PARQUET } from './data/packages.mjs'

const file = await open(FLIGHTS_PARQUET)
const rows = await parquetReadObjects({
  file, compressors, columns: ['origin', 'destination', 'delay'], rowStart: 1_000_000, rowEnd: 1_000_003
})
for (const { origin, destination, delay } of rows) console.log(`${origin} to ${destination}: ${delay} minutes late`)
console.log(`read ${(file.stats.readBytes / 1e6).toFixed(1)} of ${(file.byteLength / 1e6).toFixed(1)} MB`)

await file.close()
