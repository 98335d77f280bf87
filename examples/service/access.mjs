// Two ways to the bytes of a mapped file: with a touch first, which is what faultless is for, and straight from the
// memory, as with any mmap. Everything else of the service is the same for both.

import { Readable } from 'node:stream'
import { open } from 'faultless'

const CHUNK = 1 << 20

export const faultless = {
  open: (path) => open(path),
  view: (file, offset, length) => file.view(offset, length),
  stream: (file, start, end) => file.createReadStream({ start, end })
}

function* chunks(file, start, end) {
  for (let at = start; at <= end; at += CHUNK) yield Buffer.from(file.buffer, at, Math.min(CHUNK, end + 1 - at))
}

export const direct = {
  open: (path) => open(path, { advice: 'normal' }), // the kernel reads around each fault, as for every plain mmap
  view: async (file, offset, length) => Buffer.from(file.buffer, offset, length),
  stream: (file, start, end) => Readable.from(chunks(file, start, end))
}
