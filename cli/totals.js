'use strict'
// What a verb did to all files together.

const { bytes, count, many, percent } = require('./format')
const { HIDDEN } = require('./residency')

class Totals {
  files = 0
  length = 0
  pages = 0
  resident = 0
  before = 0
  hidden = 0 // files of which the kernel does not tell

  /** @param {{length: number, pages: number, resident: number | null, before?: number | null}} row */
  add({ length, pages, resident, before = null }) {
    this.files++
    this.length += length
    if (resident === null) {
      this.hidden++
      return
    }
    this.pages += pages
    this.resident += resident
    this.before += before ?? 0
  }

  /** How many files, and how much of them is in memory; nothing where there was none. */
  tell(output) {
    if (this.files === 0) return
    const known = `${count(this.resident)} of ${many(this.pages, 'page')} in memory (${percent(this.resident, this.pages)})`
    const parts = [many(this.files, 'file'), bytes(this.length)]
    if (this.hidden < this.files) parts.push(known)
    if (this.hidden > 0) parts.push(`${many(this.hidden, 'file')} unknown`)
    output.line(parts.join(', '))
    if (this.hidden > 0) output.line(HIDDEN)
  }
}

module.exports = { Totals }
