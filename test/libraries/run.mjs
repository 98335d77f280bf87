// Runs the checks of the files that it is given, in a Node of its own: what jest puts in place of Node's classes, such as
// ArrayBuffer, would make libraries refuse what they take elsewhere. Prints what failed, as JSON: { name: stack or null }.

import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { open } from 'faultless'

const folder = mkdtempSync(path.join(tmpdir(), 'faultless-libraries-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** What a check is given: files mapped and read, and a folder; what it opened is closed after it. */
function makeContext() {
  const files = []
  return {
    folder,
    async map(source) {
      const file = await open(source)
      files.push(file)
      return file
    },
    /** The same file mapped, viewed as a whole, and read onto the heap. */
    async both(source) {
      const file = await this.map(source)
      return { file, view: await file.view(), heap: await readFile(source) }
    },
    closeAll: () => Promise.all(files.map((file) => file.close()))
  }
}

async function failureOf(check) {
  const context = makeContext()
  try {
    await check(context)
    return null
  } catch (error) {
    return error.stack ?? String(error)
  } finally {
    await context.closeAll()
  }
}

const failures = {}
for (const name of process.argv.slice(2)) {
  const { checks } = await import(`./${name}.mjs`)
  for (const [title, check] of Object.entries(checks)) failures[`${name}: ${title}`] = await failureOf(check)
}
console.log(JSON.stringify(failures))
