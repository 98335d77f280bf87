'use strict'
// The page of `faultless report`: one file that opens without a network. Map and tables are in the HTML; the charts are
// drawn by uPlot, which is put into the page together with the figures.

const fs = require('node:fs')
const path = require('node:path')
const { bytes, count, duration, many, percent, rate } = require('../format')
const { HIDDEN } = require('../residency')
const { READERS } = require('../trial/index')
const { LEVELS, pagesPerCell, residencyMap } = require('./residency-map')

const read = (name) => fs.readFileSync(path.join(__dirname, name), 'utf8')

/** The library's own line names its address, and a page that opens no address shall name none. */
function readUPlot(name) {
  const folder = path.dirname(require.resolve('uplot'))
  return fs.readFileSync(path.join(folder, name), 'utf8').replace(/^\/\*!.*?\*\/\s*/s, '')
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escape = (text) => String(text).replace(/[&<>"']/g, (character) => ENTITIES[character])

/** For a script element: nothing in it may end the element. */
const toScript = (value) => JSON.stringify(value).replaceAll('<', '\\u003c')

const ms = (value) => duration(Math.max(value, 0.001))

function mapSection({ size, pageSize, found }) {
  if (found.resident === null) return `<p class="lead">${HIDDEN}</p>`
  if (found.pages === 0) return '<p class="lead">The file is empty.</p>'
  const cell = pagesPerCell(found.pages)
  const scale = Array.from({ length: LEVELS }, (_, i) => `<i class="some${i + 1}"></i>`).join('')
  return `<p class="lead"><b>${bytes(found.resident * pageSize)}</b> of ${bytes(size)} were in memory when the report was made:
${count(found.resident)} of ${many(found.pages, 'page')}, ${percent(found.resident, found.pages)}.</p>
${residencyMap(found, size)}
<p class="legend"><i class="none"></i> not in memory <span class="scale">${scale}</span> partly <i class="all"></i> in memory
<span class="aside">From the first byte to the last, row by row; a cell is ${cell < 1 ? 'part of a page' : bytes(Math.round(cell * pageSize))}.</span></p>`
}

const cells = (values) => values.map((value) => `<td>${escape(value)}</td>`).join('')
const unknown = (value, show) => (value === null ? 'unknown' : show(value))

function rows(runs) {
  return runs.map((run) => {
    const { title } = READERS.find(({ name }) => name === run.reader)
    const speed = run.readsPerSecond === null ? rate(run.bytesPerSecond, 1000) : `${count(run.readsPerSecond)} reads/s`
    const late = [run.late.p50, run.late.p99, run.late.max].map(ms)
    return `<tr><th scope="row"><i class="swatch ${run.reader}"></i>${title}</th>${cells([
      speed, ...late, unknown(run.mainThreadFaults, count), unknown(run.deviceBytes, bytes), unknown(run.cold, (cold) => (cold ? 'yes' : 'no'))
    ])}</tr>`
  }).join('\n')
}

const table = (caption, runs) => `<table><caption>${caption}</caption>
<thead><tr><th></th><th>speed</th><th>loop late, median</th><th>99 %</th><th>worst</th><th>main-thread faults</th><th>device read</th><th>cold</th></tr></thead>
<tbody>${rows(runs)}</tbody></table>`

function benchSections({ result, verdict }) {
  const { random, scan, lanes, scanBytes } = result
  return `<section><h2>How late was the event loop?</h2>
<p class="lead">Each way reads cold blocks of 4 KiB in random order, ${lanes} at a time. A timer of 1 ms notes by how much it
was missed: for so long nothing else of the process could run. Lower is better; the scale is logarithmic.</p>
<div id="delay"></div></section>
<section><h2>How fast was it?</h2>
<div class="pair"><figure><figcaption>Random reads of 4 KiB, a second</figcaption><div id="random"></div></figure>
<figure><figcaption>From start to end (${bytes(scanBytes)}), MiB a second</figcaption><div id="scan"></div></figure></div></section>
<section><h2>All figures</h2>
<p class="lead">${escape(verdict)}</p>
<div class="wide">${table('Random reads of 4 KiB', random)}
${table('From start to end', scan)}</div>
<p class="note">Direct mapping: loads from mapped memory on the main thread, with a turn of the event loop before each, and with the advice to
the kernel that suits each kind of reading best. node:fs: <code>FileHandle.read</code> and <code>fs.createReadStream</code>. faultless: <code>file.view</code> and
<code>file.chunks</code>. Each run is a process of its own, and the file was dropped from memory before it. Main-thread faults are
page faults that stopped the main thread until the device answered.</p></section>`
}

const chartsOf = ({ random, scan }) => ({
  delay: random.map(({ reader, timeline, late }) => ({ reader, timeline, late })),
  random: random.map(({ reader, readsPerSecond }) => ({ reader, value: readsPerSecond })),
  scan: scan.map(({ reader, bytesPerSecond }) => ({ reader, value: bytesPerSecond / 2 ** 20 })),
  titles: Object.fromEntries(READERS.map(({ name, title }) => [name, title]))
})

/**
 * @param {object} about
 * @param {string} about.path
 * @param {number} about.size bytes
 * @param {number} about.pageSize bytes
 * @param {{pages: number, resident: number | null, bitmap: Uint8Array}} about.found
 * @param {object} about.machine
 * @param {Date} about.date
 * @param {object} [about.result] of compare(); without it there is only the map
 * @param {string} [about.verdict]
 * @returns {string} HTML
 */
function page(about) {
  const { machine, date } = about
  const parts = {
    title: escape(path.basename(about.path)),
    uplotStyle: about.result === undefined ? '' : readUPlot('uPlot.min.css'),
    style: read('page.css'),
    path: escape(about.path),
    size: `${bytes(about.size)} (${many(about.size, 'byte')})`,
    date: date.toISOString().replace('T', ' ').replace(/\..*/, ' UTC'),
    machine: escape(`${machine.processors}, ${bytes(machine.memory)} of memory, ${machine.system}, ${machine.fileSystem}, Node.js ${machine.node}`),
    map: mapSection(about),
    bench: about.result === undefined ? '' : benchSections(about),
    scripts: about.result === undefined ? '' : scripts(about.result)
  }
  // By a function: `$&` in a value means nothing.
  return read('page.html').replace(/{{(\w+)}}/g, (_, name) => parts[name])
}

const scripts = (result) => `<script>${readUPlot('uPlot.iife.min.js')}</script>
<script>const REPORT = ${toScript(chartsOf(result))}</script>
<script>${read('charts.js')}</script>`

module.exports = { page }
