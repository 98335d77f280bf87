// A file for an example that has no published one: written into a folder of its own, and gone when the example is done.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Calls `use` with the path of a new file. @param {Uint8Array} content */
export async function withTemporaryFile(name, content, use) {
  const folder = await mkdtemp(path.join(tmpdir(), 'faultless-example-'))
  try {
    const file = path.join(folder, name)
    await writeFile(file, content)
    return await use(file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
