'use strict'
// What docs/compatibility.md says of other libraries and of Node: each row of its tables is a check of test/libraries,
// which runs on real data, outside of jest. And what examples/ shows: each of them runs, and prints what it is about.

const fs = require('node:fs')
const path = require('node:path')
const { findCommand, testWith } = require('./cli-helpers')
const { childResult, isRoot, isWindows, makeFile, runChild, temporaryFolder } = require('./helpers')

const ROOT = path.join(__dirname, '..')
const CHECKS = path.join(__dirname, 'libraries')
const EXAMPLES = path.join(ROOT, 'examples')

const tables = fs.readFileSync(path.join(ROOT, 'docs', 'compatibility.md'), 'utf8')
const rows = tables.split('\n').filter((line) => /^\|(?! what |-)/.test(line))
/** The check that a row names in its last cell: `file: title`. */
const named = rows.map((row) => /`([\w-]+: [^`|]+)` \|$/.exec(row)?.[1] ?? `no check is named by: ${row}`)
const groups = [...new Set(named.map((check) => check.split(':')[0]))]

describe('docs/compatibility.md', () => {
  let failures
  beforeAll(async () => {
    // Each in a process of its own: undici, once it is loaded, makes the connections of Node's fetch as well.
    const results = []
    for (const group of groups) results.push(await childResult(path.join(CHECKS, 'run.mjs'), [group]))
    failures = Object.assign({}, ...results)
  })

  test('there are tables', () => {
    expect(rows.length).toBeGreaterThan(30)
  })

  test('has a row for each check, and each of them once', () => {
    expect([...named].sort()).toEqual(Object.keys(failures).sort())
  })

  test('names every file of checks', () => {
    const files = fs.readdirSync(CHECKS).map((name) => path.parse(name).name)
    const others = ['helpers', 'run', 'servers']
    expect(files.filter((name) => !others.includes(name)).sort()).toEqual([...groups].sort())
  })

  test('names the major versions that are tested', () => {
    const versions = new Map([...tables.matchAll(/^\| ([\w-]+) (\d+)/gm)].map(([, name, major]) => [name.toLowerCase(), major]))
    expect(versions.size).toBe(11)
    for (const [name, major] of versions) {
      const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'node_modules', name, 'package.json'), 'utf8'))
      expect(`${name} ${version.split('.')[0]}`).toBe(`${name} ${major}`)
    }
  })

  test.each(named)('%s', (check) => {
    if (failures[check] !== null) throw new Error(failures[check])
  })
})

describe('examples', () => {
  const folder = temporaryFolder()

  /** What each prints, in part: facts of its data. */
  const PRINTED = {
    'arrow.mjs': /^10498 of 200000 flights .*\nthe column is the mapping itself: true\n$/,
    'follow.js': /^100,000 events were followed through 7,638,890 bytes; 0 out of order\.\n$/,
    'geotiff.mjs': /^87 by 61 cells; .* 192 m\n$/,
    'parquet.mjs': /^MSP to SFO: -22 minutes late\n[^]*\nread [\d.]+ of 13\.5 MB\n$/,
    'pipeline.mjs': /^9863892 bytes became \d+; sha256 82c60682ccdec1a9cf1102b2a011bef789243053f1ac01a531580c72be3d8bc0\n$/,
    'pmtiles.mjs': /^tile 3\/0\/2 has 318 earthquakes, such as \S.*\n$/,
    'zip.mjs': /^volcano\.json: 21167 bytes became 21167: .*\n[^]*\nearthquakes\.json: \d+ bytes became 1219853: /
  }

  test('all are run: here, or where what they show is tested', () => {
    const files = fs.readdirSync(EXAMPLES, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== 'README.md')
    const tests = fs.readdirSync(__dirname).filter((name) => name.endsWith('.test.js'))
    const sources = tests.map((name) => fs.readFileSync(path.join(__dirname, name), 'utf8')).join()
    expect(files.map(({ name }) => name).filter((name) => !sources.includes(`'${name}'`))).toEqual([])
  })

  /** It goes on without a pin where there can be none, as with the limit of 64 KiB that some systems have. */
  async function expectCountries(under, said) {
    const { code, stdout, stderr } = await runChild(path.join(EXAMPLES, 'geoip.mjs'), [], { under })
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^1\.1\.1\.1 AU\n193\.0\.6\.139 NL\n/) })
    expect(stderr).toMatch(said)
  }

  test('geoip.mjs', () => expectCountries([], /^(Not pinned: [^]*)?$/))

  // CAP_IPC_LOCK lifts the limit for root.
  const unprivileged = isRoot ? [findCommand('setpriv'), '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock', '--'] : []
  const [hasCommands, lacking] = isWindows ? [false, 'Windows has no ulimit'] : [unprivileged[0] !== undefined || !isRoot, 'setpriv is not installed']
  testWith(hasCommands, lacking, 'geoip.mjs, where it may not pin', () =>
    expectCountries(['bash', '-c', 'ulimit -l 64 && exec "$@"', 'bash', ...unprivileged],
      /^Not pinned: [\d,]+ bytes are needed; the process may lock 65,536, and has locked 0\.\n.*ulimit -l.*\n$/))

  test.concurrent.each(Object.entries(PRINTED))('%s', async (name, printed) => {
    const { code, stdout, stderr } = await runChild(path.join(EXAMPLES, name))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(printed)
  })

  test('cold-reads.js', async () => {
    const file = makeFile(folder, 'cold.bin', 2 << 20)
    const { code, stdout } = await runChild(path.join(EXAMPLES, 'cold-reads.js'), ['--reads', 64, file])
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/All 192 blocks were right\. $/)
    expect(code).toBe(0)
  })
})
