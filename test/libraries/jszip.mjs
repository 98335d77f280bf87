// JSZip stores into its input: a view survives that, since the mapping is copy-on-write, but at the price of copies.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import JSZip from 'jszip'
import { ENTRIES, makeZip } from '../../examples/data/make-zip.mjs'

async function contentsOf(input) {
  const zip = await JSZip.loadAsync(input)
  return Promise.all(ENTRIES.map(({ file }) => zip.file(path.basename(file)).async('nodebuffer')))
}

const wanted = () => Promise.all(ENTRIES.map(({ file }) => readFile(file)))

async function mapZip(context) {
  const zip = path.join(context.folder, 'jszip.zip')
  await writeFile(zip, await makeZip())
  return context.map(zip)
}

export const checks = {
  async 'a copy by read()'(context) {
    const file = await mapZip(context)
    assert.deepEqual(await contentsOf(await file.read()), await wanted())
  },

  async 'a view'(context) {
    const file = await mapZip(context)
    const before = await readFile(file.path)
    assert.deepEqual(await contentsOf(await file.view()), await wanted())
    assert.deepEqual(await readFile(file.path), before)
  }
}
