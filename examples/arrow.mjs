// A column file read as it lies on the disk: apache-arrow takes a view of the mapping, and its columns are that mapping.

import { open } from 'faultless'
import { tableFromIPC } from 'apache-arrow'
import { FLIGHTS_ARROW } from './data/packages.mjs'

const file = await open(FLIGHTS_ARROW)
const table = tableFromIPC(await file.view())
const delays = table.getChild('delay').toArray() // an Int16Array over file.buffer: nothing was copied

const late = delays.reduce((count, delay) => (delay > 60 ? count + 1 : count), 0)
console.log(`${late} of ${table.numRows} flights were late by more than an hour`)
console.log(`the column is the mapping itself: ${delays.buffer === file.buffer}`)

await file.close() // from here on the table shows zeros
