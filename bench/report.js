'use strict'
// Writes docs/performance.md and its pictures from the results of a run.
//
//   node bench/report.js RESULTS.json [FOLDER]

const fs = require('node:fs')
const path = require('node:path')
const peers = require('./peers')
const page = require('./report/page')
const drawPictures = require('./report/pictures')

const DOCS = path.join(__dirname, '..', 'docs')

/** @returns {string} the page's file */
function write(results, folder = DOCS) {
  const pictures = peers.folderOf('echarts') === undefined ? [] : drawPictures(results)
  if (pictures.length === 0) console.error('No pictures: echarts is not installed, or the run has no figures for them.')
  fs.mkdirSync(path.join(folder, 'pictures'), { recursive: true })
  for (const { file, svg } of pictures) fs.writeFileSync(path.join(folder, 'pictures', file), svg)
  const written = path.join(folder, 'performance.md')
  fs.writeFileSync(written, page(results, pictures))
  return written
}

function main() {
  const [file, folder, ...more] = process.argv.slice(2)
  if (file === undefined || file.startsWith('-') || more.length > 0) {
    console.error('usage: node bench/report.js RESULTS.json [FOLDER]')
    process.exit(2)
  }
  console.log(write(JSON.parse(fs.readFileSync(file, 'utf8')), folder))
}

if (require.main === module) main()

module.exports = { write }
