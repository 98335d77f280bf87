// Meanings that contain a text, anywhere in the dictionary: all of its data is looked through, which is too long for an event
// loop, so a worker thread does it.
//
// The thread opens nothing. It is given the handles of the files, and attaches them: one mapping, one pool and one knowledge
// of what is in memory for both threads.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export class Search {
  #worker
  #asked = new Map() // id to what settles its promise
  #lastId = 0

  /** @param {{part: string, data: object}[]} parts with files of records */
  constructor(parts) {
    const workerData = parts.map(({ part, data }) => ({ part, handle: data.handle }))
    this.#worker = new Worker(new URL('search-thread.mjs', import.meta.url), { workerData })
    this.#worker.on('message', ({ id, meanings, error }) => {
      const { resolve, reject } = this.#asked.get(id)
      this.#asked.delete(id)
      if (error) reject(error)
      else resolve(meanings)
    })
    // It has no listener of 'error': a thread that fails is the end of this process, as any exception is.
  }

  /** @returns {Promise<{part: string, words: string[], gloss: string}[]>} */
  find(text) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#asked.set(id, { resolve, reject })
      this.#worker.postMessage({ id, text })
    })
  }

  /** To be called when nothing is asked any more; its files are closed in the thread when it resolves. */
  async close() {
    this.#worker.postMessage(null)
    await once(this.#worker, 'exit')
  }
}
