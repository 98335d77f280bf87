'use strict'
// Options that several verbs take.

const { Option } = require('commander')
const parse = require('./parse')

const collect = (value, previous = []) => [...previous, value]

function withFiles(command) {
  return command
    .argument('[file...]', 'files; folders are walked')
    .option('-f, --follow', 'follow symbolic links')
    .option('-x, --one-file-system', 'do not walk into other file systems')
    .option('-H, --hard-links', 'count a file as often as it has names')
    .option('-i, --ignore <glob>', 'leave out files and folders of that name; may be repeated', collect)
    .option('-I, --only <glob>', 'take only files of that name; may be repeated', collect)
    .option('-m, --max-size <size>', 'leave out files that are larger', parse.size)
    .option('-b, --files-from <list>', 'take the names from a file too, one a line; - is stdin')
    .option('-0, --null', 'names in that list end with a NUL byte')
}

function withRange(command) {
  return command
    .option('--offset <size>', 'begin so far into each file', parse.size, 0)
    .option('--length <size>', 'end so many bytes later', parse.size)
}

function withOutput(command) {
  return command
    .option('--json', 'one JSON array, with an object for each file')
    .option('-q, --quiet', 'say nothing but what failed')
    .option('--ascii', 'no characters beyond ASCII')
    .option('--no-color', 'no colours')
}

/** One with a default, which the help shows as it would be written. @param {string} usual */
function duration(flags, about, usual) {
  const read = parse.positive(parse.duration)
  return new Option(flags, about).argParser(read).default(read(usual), usual)
}

const withAll = (command) => withOutput(withRange(withFiles(command)))

module.exports = { duration, withAll, withOutput, withRange }
