// The thread of search.mjs: one text after the other. It has nothing else to do, so it may wait for the disk itself.

import { parentPort, workerData } from 'node:worker_threads'
import { attach } from 'faultless'
import { parseRecord } from './dictionary.mjs'

const MOST = 100 // meanings in an answer
const PIECE = 1 << 20 // is read before it is looked through

const parts = workerData.map(({ part, handle }) => ({ part, file: attach(handle) }))

function find(text) {
  const found = []
  for (const { part, file } of parts) {
    for (const line of linesWith(text, file)) {
      if (line.startsWith(' ')) continue // of the licence, at the beginning of the file
      const meaning = { part, ...parseRecord(line) }
      // The text may have been found in what stands before the gloss.
      if (meaning.gloss.includes(text)) found.push(meaning)
      if (found.length === MOST) return found
    }
  }
  return found
}

/** Lines of a file in which there is a text, itself within a line. */
function* linesWith(text, file) {
  const bytes = Buffer.from(file.buffer, 0, file.byteLength)
  for (let start = 0, end; start < bytes.length; start = end) {
    file.touchSync(start, Math.min(PIECE, bytes.length - start))
    end = bytes.lastIndexOf('\n', start + PIECE - 1) + 1 // lines are much shorter than pieces, and the last one ends as well
    const piece = bytes.subarray(start, end)
    for (let at = 0; (at = piece.indexOf(text, at, 'latin1')) !== -1;) {
      const after = piece.indexOf('\n', at)
      yield piece.toString('latin1', piece.lastIndexOf('\n', at) + 1, after + 1)
      at = after
    }
  }
}

parentPort.on('message', async (asked) => {
  if (asked === null) {
    await Promise.all(parts.map(({ file }) => file.close())) // what this thread has of them; the files stay open
    parentPort.close()
    return
  }
  try {
    parentPort.postMessage({ id: asked.id, meanings: find(asked.text) })
  } catch (error) {
    parentPort.postMessage({ id: asked.id, error })
  }
})
