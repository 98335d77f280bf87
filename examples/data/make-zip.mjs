// A zip file of some data sets, one of them stored as it is and the others deflated.

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import JSZip from 'jszip'
import { AIRPORTS, EARTHQUAKES, VOLCANO } from './packages.mjs'

export const ENTRIES = [
  { file: VOLCANO, compression: 'STORE' },
  { file: AIRPORTS, compression: 'DEFLATE' },
  { file: EARTHQUAKES, compression: 'DEFLATE' }
]

/** @returns {Promise<Buffer>} */
export async function makeZip() {
  const zip = new JSZip()
  for (const { file, compression } of ENTRIES) zip.file(path.basename(file), await readFile(file), { compression })
  return zip.generateAsync({ type: 'nodebuffer', compressionOptions: { level: 1 } })
}
