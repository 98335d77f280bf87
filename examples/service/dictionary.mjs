// WordNet as it is published: sorted index files of words, and data files of their meanings. A look-up is a binary search
// over blocks of the index, a view at a time, so that it waits for the disk without stopping anybody else.

import path from 'node:path'

const PARTS = ['noun', 'verb', 'adj', 'adv']
const BLOCK = 4096 // longer than any line of an index
const RECORD = 16_384 // longer than any record

export class Dictionary {
  /** @param {(path: string) => Promise<object>} openFile */
  static async open(folder, openFile, access) {
    const openPart = async (part) => ({
      part,
      index: await openFile(path.join(folder, `index.${part}`)),
      data: await openFile(path.join(folder, `data.${part}`))
    })
    return new Dictionary(await Promise.all(PARTS.map(openPart)), access)
  }

  constructor(parts, access) {
    this.parts = parts
    this.access = access
  }

  /** @returns {Promise<{part: string, words: string[], gloss: string}[]>} every meaning; none for an unknown word */
  async find(word) {
    const entry = word.toLowerCase().replaceAll(' ', '_')
    const found = await Promise.all(this.parts.map((part) => this.#findIn(part, entry)))
    return found.flat()
  }

  async #findIn({ part, index, data }, entry) {
    const line = await this.#lineOf(index, entry)
    if (line === undefined) return []
    const fields = line.trimEnd().split(' ')
    const count = Number(fields[2])
    const offsets = fields.slice(-count).map(Number)
    return Promise.all(offsets.map(async (offset) => ({ part, ...parseRecord(await this.#text(data, offset, RECORD)) })))
  }

  async #lineOf(index, entry) {
    let low = 0
    let high = Math.ceil(index.byteLength / BLOCK)
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (await this.#firstWordOf(index, middle) <= entry) low = middle
      else high = middle
    }
    // The line may begin at the end of this block, and end in the next one.
    const text = `\n${await this.#text(index, low * BLOCK, 2 * BLOCK)}`
    const at = text.indexOf(`\n${entry} `)
    return at === -1 ? undefined : text.slice(at + 1, text.indexOf('\n', at + 1))
  }

  /** The word of the first line that begins in a block. */
  async #firstWordOf(index, block) {
    const text = await this.#text(index, block * BLOCK, 2 * BLOCK)
    const at = text.indexOf('\n') + 1
    return text.slice(at, text.indexOf(' ', at))
  }

  async #text(file, offset, length) {
    const bytes = await this.access.view(file, offset, Math.min(length, file.byteLength - offset))
    return bytes.toString('latin1')
  }
}

/** `offset file type count word id … | gloss`, the count in hexadecimal: wndb(5WN). */
export function parseRecord(text) {
  const line = text.slice(0, text.indexOf('\n'))
  const [head, gloss] = line.split(' | ')
  const fields = head.split(' ')
  const count = parseInt(fields[3], 16)
  const words = Array.from({ length: count }, (_, i) => fields[4 + 2 * i].replace(/\(\w+\)$/, '').replaceAll('_', ' '))
  return { words, gloss: gloss.trim() }
}
