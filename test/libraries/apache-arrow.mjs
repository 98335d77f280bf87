// apache-arrow: columns over the mapping, from a view; record batches from a stream.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { FLIGHTS_ARROW, SALES_ARROW } from '../../examples/data/packages.mjs'

/** Buffers of a column that hold anything, with those of its dictionary. */
function buffersOf(data) {
  const own = Object.values(data.buffers).filter((part) => part?.length > 0)
  return [...own, ...data.dictionary?.data.flatMap(buffersOf) ?? []]
}

const columnsOf = (table) => table.batches.flatMap((batch) => batch.data.children)
const memoriesOf = (table) => [...new Set(columnsOf(table).flatMap(buffersOf).map((part) => part.buffer))]

/** Every hundredth row: comparing all takes half a second. */
function rowsOf(table) {
  const rows = []
  for (let i = 0; i < table.numRows; i += 100) rows.push(table.get(i).toJSON())
  return rows
}

export const checks = {
  async 'numbers from a view'(context) {
    const { file, view, heap } = await context.both(FLIGHTS_ARROW)
    const table = tableFromIPC(view)
    const wanted = tableFromIPC(heap)
    assert.equal(table.numRows, 200_000)
    for (const { name } of wanted.schema.fields) {
      const values = table.getChild(name).toArray()
      assert.equal(values.buffer, file.buffer)
      assert.deepEqual(new values.constructor(values), wanted.getChild(name).toArray())
    }
  },

  async 'strings and dictionaries from a view'(context) {
    const { file, view, heap } = await context.both(SALES_ARROW)
    const table = tableFromIPC(view)
    assert.ok(columnsOf(table).some(({ dictionary }) => dictionary))
    assert.deepEqual(memoriesOf(table), [file.buffer])
    assert.deepEqual(rowsOf(table), rowsOf(tableFromIPC(heap)))
  },

  async 'a view that is not aligned'(context) {
    const heap = await readFile(SALES_ARROW)
    const shifted = path.join(context.folder, 'shifted.arrow')
    await writeFile(shifted, Buffer.concat([Buffer.alloc(1), heap]))
    const file = await context.map(shifted)
    const table = tableFromIPC(await file.view(1))
    const numbers = columnsOf(table).filter(({ values }) => values.BYTES_PER_ELEMENT > 1)
    assert.ok(numbers.length > 0 && numbers.every(({ values }) => values.buffer !== file.buffer))
    assert.deepEqual(rowsOf(table), rowsOf(tableFromIPC(heap)))
  },

  async 'a stream of record batches'(context) {
    const file = await context.map(SALES_ARROW)
    const reader = await RecordBatchReader.from(file.createReadStream())
    let rows = 0
    for await (const batch of reader) rows += batch.numRows
    assert.equal(rows, tableFromIPC(await readFile(SALES_ARROW)).numRows)
  }
}
