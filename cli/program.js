'use strict'
// What the command line looks like: one subcommand a verb, and what all have in common.

const { Command, CommanderError } = require('commander')
const { version } = require('../package.json')
const { printable } = require('./format')
const { describe } = require('./output')

const VERBS = {
  stat: 'show which parts of files are in memory',
  touch: 'read files into memory',
  evict: 'drop files from memory',
  pin: 'keep files in memory until it is interrupted',
  watch: 'show live which parts of a file are in memory',
  bench: 'compare faultless with node:fs and direct mapping on a file',
  report: 'make a page to look at: what is in memory, how fast it is'
}

const ExitCode = { OK: 0, SOME_FAILED: 1, BAD_USAGE: 2, BROKEN_PIPE: 128 + 13 }

const ABOUT = 'Shows and changes which parts of files are in memory: the page cache of Linux.'

const AFTER = `
Exit codes:
  0        all went well
  1        some file could not be handled; the others were
  2        the command line makes no sense
  128 + n  ended by signal n: 130 by ctrl-C

Environment:
  NO_COLOR               no colours at all
  FORCE_COLOR            colours also when piped
  FAULTLESS_MIN_THREADS, FAULTLESS_MAX_THREADS
                         how many threads read from the device (1, 4)

Examples:
  faultless stat data.bin                which parts of it are in memory
  faultless touch --length 1G data.bin   read its first GiB into memory
  faultless evict logs/                  drop a folder from memory
  faultless help touch                   more about one verb
`

/**
 * @param {string[]} argv as process.argv: code is loaded of the verbs alone that it names
 * @param {(verb: object, args: unknown[], options: object) => Promise<void>} use
 */
function makeProgram(argv, use) {
  const program = new Command('faultless')
  program.description(ABOUT).version(version).addHelpText('after', AFTER)
  const outputError = (text, write) => write(`faultless: ${text.replace(/^error: /, '')}`)
  program.exitOverride().configureOutput({ outputError })
  program.showHelpAfterError('See faultless --help.')
  for (const [name, about] of Object.entries(VERBS)) {
    const command = program.command(name).description(about)
    if (argv.includes(name)) define(command, name, use)
  }
  defineHelp(program)
  return program
}

/** Commander's own shows the whole usage for a verb that there is not, and does not say why. */
function defineHelp(program) {
  program.helpCommand(false)
  program.command('help').argument('[command]').description('display help for command').action((name) => {
    const about = name === undefined ? program : program.commands.find((command) => command.name() === name)
    if (about === undefined) program.error(`unknown command '${name}'`)
    about.help()
  })
}

function define(command, name, use) {
  const verb = require(`./verbs/${name}`)
  command.showHelpAfterError(`See faultless ${name} --help.`)
  verb.define(command)
  command.action((...args) => use(verb, args.slice(0, -2), args.at(-2)))
}

/** A reader that has seen enough, as `head` does, is no failure to write about. @returns {number} the exit code */
function codeOfUnwritten(error) {
  if (error.code === 'EPIPE') return ExitCode.BROKEN_PIPE
  process.stderr.write(`faultless: stdout: ${describe(error)}\n`)
  return ExitCode.SOME_FAILED
}

function endWhenUnwritten() {
  process.stdout.on('error', (error) => process.exit(codeOfUnwritten(error)))
  // Of this nothing can be told.
  process.stderr.on('error', ({ code }) => process.exit(code === 'EPIPE' ? ExitCode.BROKEN_PIPE : ExitCode.SOME_FAILED))
}

/** @param {string[]} argv as process.argv @returns {Promise<number>} the exit code */
async function run(argv) {
  endWhenUnwritten()
  let code = ExitCode.OK
  const program = makeProgram(argv, async (verb, args, options) => {
    code = await require('./session').run(verb, args, options)
  })
  try {
    await program.parseAsync(argv)
    return code
  } catch (error) {
    if (error.isOfStdout) return codeOfUnwritten(error) // of a thread that writes by itself
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.OK : ExitCode.BAD_USAGE
    const about = error.path === undefined ? '' : `${printable(error.path)}: `
    process.stderr.write(`faultless: ${about}${describe(error)}\n`)
    return error.code === 'ERR_USAGE' ? ExitCode.BAD_USAGE : ExitCode.SOME_FAILED
  }
}

module.exports = { VERBS, makeProgram, run }
