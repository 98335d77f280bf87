// What a shared object of macOS wants from others and gives to them, read from the file itself: a Linux machine need have
// no tool that knows the format (mach-o/loader.h, mach-o/nlist.h).
'use strict'

const MAGIC_64 = 0xfeedfacf
const CPUS = { 0x0100000c: 'arm64', 0x01000007: 'x64' }
const LC = { SYMTAB: 0x2, LOAD_DYLIB: 0xc, CODE_SIGNATURE: 0x1d, BUILD_VERSION: 0x32 }
const HEADER = 32 // bytes of mach_header_64
const ENTRY = 16 // bytes of nlist_64
const N_STAB = 0xe0
const N_TYPE = 0x0e
const N_EXT = 0x01
// Instead of a library's number; Zig's linker leaves 0 here, and writes it where the loader looks.
const LOOKED_UP_WHEN_LOADED = [0xfe, 0]

/**
 * @param {Buffer} file
 * @returns {{ cpu: string, minos: string, isSigned: boolean, libraries: string[], exported: string[],
 *   wanted: { name: string, from: string | null }[] }} `from` is null for what the host program has to have
 */
function readMachO(file) {
  if (file.readUInt32LE(0) !== MAGIC_64) throw new Error('not a Mach-O file of 64 bits')
  const commands = readCommands(file)
  const one = (type) => commands.find((command) => command.type === type)
  const libraries = commands.filter(({ type }) => type === LC.LOAD_DYLIB)
    .map(({ at }) => stringAt(file, at + file.readUInt32LE(at + 8)))
  const symbols = readSymbols(file, one(LC.SYMTAB).at)
  const nameOf = (ordinal) => (LOOKED_UP_WHEN_LOADED.includes(ordinal) ? null : libraries[ordinal - 1])
  return {
    cpu: CPUS[file.readUInt32LE(4)],
    minos: versionAt(file, one(LC.BUILD_VERSION).at + 12),
    isSigned: one(LC.CODE_SIGNATURE) !== undefined,
    libraries,
    exported: symbols.filter(({ isDefined }) => isDefined).map(({ name }) => name),
    wanted: symbols.filter(({ isDefined }) => !isDefined).map(({ name, ordinal }) => ({ name, from: nameOf(ordinal) }))
  }
}

function readCommands(file) {
  const commands = []
  for (let at = HEADER, i = 0; i < file.readUInt32LE(16); i++) {
    commands.push({ type: file.readUInt32LE(at) & 0x7fffffff, at })
    at += file.readUInt32LE(at + 4)
  }
  return commands
}

function readSymbols(file, table) {
  const [start, count, strings] = [8, 12, 16].map((field) => file.readUInt32LE(table + field))
  const symbols = []
  for (let at = start; at < start + count * ENTRY; at += ENTRY) {
    const type = file[at + 4]
    if ((type & N_STAB) !== 0 || (type & N_EXT) === 0) continue
    symbols.push({
      name: stringAt(file, strings + file.readUInt32LE(at)),
      isDefined: (type & N_TYPE) !== 0,
      ordinal: file[at + 7]
    })
  }
  return symbols
}

const stringAt = (file, at) => file.toString('latin1', at, file.indexOf(0, at))

const versionAt = (file, at) => `${file.readUInt16LE(at + 2)}.${file[at + 1]}`

module.exports = { readMachO }
