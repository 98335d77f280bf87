// The programs that a script needs and a machine may lack: what is missing is said, with the Debian packages that have it.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

// Compilers for the architectures that this one is not.
const CROSS = {
  arm64: { prefix: 'aarch64-linux-gnu-', packages: 'g++-aarch64-linux-gnu' },
  x64: { prefix: 'x86_64-linux-gnu-', packages: 'g++-x86-64-linux-gnu' }
}

// By its name, or by its absolute path.
function has(program) {
  return process.env.PATH.split(path.delimiter).some((folder) => fs.existsSync(path.resolve(folder, program)))
}

// Why a script cannot run here: undefined where every program is there. Takes a list of [program, Debian package].
function whatIsMissing(wanted) {
  const missing = wanted.filter(([program]) => !has(program))
  if (missing.length === 0) return undefined
  const packages = [...new Set(missing.map(([, name]) => name))]
  return `${missing.map(([program]) => program).join(', ')} not found (apt-get install ${packages.join(' ')})`
}

module.exports = { CROSS, whatIsMissing }
