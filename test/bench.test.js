'use strict'
// The benchmarks still run, say why where something cannot, and write what they found. Whether figures are good is not
// looked at: this machine is busy with other tests.

const fs = require('node:fs')
const path = require('node:path')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')
const { PATIENCE, lookUntil, runChild, temporaryFolder } = require('./helpers')
const { memoryTakenBy } = require('../bench/machine')
const peers = require('../bench/peers')
const report = require('../bench/report')
const losses = require('../bench/report/losses')
const runTrial = require('../bench/run-trial')
const trials = require('../bench/trials')
const { fio, fioBuffered } = require('../bench/trials/contenders')
const { chooseBlocks } = require('../bench/common/random')
const { check, checkBlocks, writeContent } = require('../bench/content')
const Lateness = require('../cli/trial/lateness')
const until = require('./fixtures/until')

const contentFolder = temporaryFolder()
const COMMAND = path.join(__dirname, '..', 'bench', 'run.js')

describe('npm run bench -- --tiny', () => {
  const folder = temporaryFolder()
  const data = path.join(folder, 'data')
  const json = path.join(folder, 'results.json')
  let ended
  let results

  beforeAll(async () => {
    fs.mkdirSync(data)
    ended = await runChild(COMMAND, ['--tiny', '--no-peers', '--folder', data, '--json', json], { timeout: 200_000 * PATIENCE })
    results = JSON.parse(fs.readFileSync(json, 'utf8'))
  }, 240_000 * PATIENCE)

  const contendersOf = ({ points }) => points.flatMap(({ contenders }) => contenders)

  test('succeeds, and prints every trial', () => {
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    for (const { name } of trials) expect(ended.stdout).toContain(`\n${name}: `)
  })

  test('removes its data', () => {
    expect(fs.readdirSync(data)).toEqual([])
  })

  test('tells on what it ran', () => {
    const { machine, command, date, mode, seed } = results
    expect(results.peers).toEqual({}) // none, by --no-peers
    expect(peers.versions()).toEqual(Object.fromEntries(Object.keys(peers.versions()).map((name) => [name, expect.stringMatching(/^\d+\.\d+\.\d+/)])))
    expect({ command, mode }).toEqual({ command: `npm run bench -- --tiny --no-peers --seed ${seed}`, mode: 'tiny' })
    expect(Number.isNaN(Date.parse(date))).toBe(false)
    expect(machine).toEqual({
      cpu: expect.any(String), cores: expect.any(Number), memoryBytes: expect.any(Number), memoryTakenBy: expect.any(Array),
      kernel: expect.stringContaining('Linux'), filesystem: expect.any(String), node: process.version, pageFaultUs: expect.any(Number)
    })
  })

  test.each(trials.map(({ name }) => name))('%s gave figures, or says why not', (name) => {
    const trial = results.trials.find((candidate) => candidate.name === name)
    expect(trial.failed).toBe(undefined)
    if (trial.skipped !== undefined) return expect(trial.skipped).toMatch(/\w{3}/)
    expect(trial.points.length).toBeGreaterThan(0)
    for (const { skipped, failed, runs, summary } of contendersOf(trial)) {
      expect(failed).toBe(undefined)
      if (skipped === undefined) expect(Object.keys(summary)).toContain(trial.figures[0])
      else expect([runs, typeof skipped]).toEqual([[], 'string'])
    }
  })

  test('only memory, root, other packages and what is not built yet are reasons to skip', () => {
    const reasons = results.trials.flatMap((trial) => [trial, ...contendersOf(trial)]).map(({ skipped }) => skipped)
    const known = /^(run with --no-peers|fio |no chunks\(\) |no cgroup |needs |not enough |fs\.readFile reads )/
    expect(reasons.filter((reason) => reason !== undefined && !known.test(reason))).toEqual([])
  })

  test('gives every run a seed of its own', () => {
    const seeds = results.trials.flatMap(contendersOf).flatMap(({ runs }) => runs).map(({ seed }) => seed)
    expect(seeds.length).toBeGreaterThan(10)
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  test('judges each bar by the figures', () => {
    expect(results.bars.map(({ trial, figure }) => `${trial} ${figure}`)).toEqual([
      ...Array(4).fill('cold-random readsPerSecond'),
      'cold-random cpuSeconds', 'cold-random delayP99Ms', 'cold-random delayMaxMs',
      'answer-times answerP99Ms', 'answer-times answerMaxMs',
      'memory-limit readsPerSecond', 'memory-limit deviceReadsPerRead', 'memory-limit delayP99Ms', 'memory-limit delayMaxMs',
      'hot-sync readsPerSecond', 'hot-sync-near readsPerSecond', 'hot-async readsPerSecond',
      'single-read microsecondsPerRead',
      'scan bytesPerSecond', 'scan cpuSeconds', 'scan delayP99Ms', 'scan delayMaxMs', 'shared-memory pssOfFileBytes', 'first-lookup milliseconds', 'close synchronousMs',
      'ping-pong microsecondsPerRound', 'broadcast cpuSeconds',
      'all majorFaults'
    ])
    for (const { verdict, value, base, ratio, against, inverse, why } of results.bars) {
      if (verdict === 'skipped') expect(why).toMatch(/\w{3}/)
      else if (against && base > 0) expect(ratio).toBeCloseTo(inverse ? base / value : value / base)
      else expect(value).toEqual(expect.any(Number))
    }
  })

  test('becomes a page, with pictures where the chart library is there', () => {
    const complaint = jest.spyOn(console, 'error').mockImplementation(() => {})
    const page = fs.readFileSync(report.write(results, path.join(folder, 'docs')), 'utf8')
    complaint.mockRestore()
    for (const { name } of trials) expect(page).toContain(`### ${name}\n`)
    for (const { verdict, because } of results.bars) {
      if (because !== undefined) expect(page.includes(`: ${because}\n`)).toBe(results.bars.some((bar) => bar.verdict === 'missed' && bar.because === because))
      else expect(verdict === 'missed' && page.includes('undefined')).toBe(false)
    }
    const shown = [...page.matchAll(/!\[.+\]\(pictures\/(.+)\)/g)].map(([, name]) => name)
    if (shown.length > 0) shown.push('late-event-loop.svg') // the README's
    const files = fs.readdirSync(path.join(folder, 'docs', 'pictures'))
    expect(files.sort()).toEqual(shown.sort())
    expect(shown.length).toBe(peers.folderOf('echarts') === undefined ? 0 : 5)
    for (const name of shown) {
      const svg = fs.readFileSync(path.join(folder, 'docs', 'pictures', name), 'utf8')
      expect(svg).toMatch(/^<svg [^]*<path [^]*<\/svg>\n$/)
    }
  })
})

describe('npm run bench, interrupted', () => {
  const folder = temporaryFolder()

  /** Processes that were given a file of the folder. */
  const childrenLeft = () => fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      return Number(pid) !== process.pid && fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`)
    } catch {
      return false // it has just ended
    }
  })

  /** Resolves when the process has printed the words; keeps reading, or it would end for want of a reader. */
  const told = ({ stdout }, words) => new Promise((resolve) => {
    let text = ''
    stdout.setEncoding('utf8').on('data', (more) => {
      text += more
      if (text.includes(words)) resolve()
    })
  })

  test('leaves neither files nor processes', async () => {
    const bench = spawn(process.execPath, [COMMAND, '--tiny', '--no-peers', '--folder', folder])
    const closed = once(bench, 'close')
    await told(bench, 'cold-random, fs.promises.read') // a child is about to start, or runs
    bench.kill('SIGINT')
    expect((await closed)[0]).toBe(130)
    expect(fs.readdirSync(folder)).toEqual([])
    expect(await lookUntil([], childrenLeft)).toEqual([])
  })

  // As fio itself: started by a shell, which alone the benchmarks know.
  test('a program that does not end is ended with all that it has started', async () => {
    const seen = path.join(folder, 'pids')
    const tools = path.join(folder, 'tools')
    fs.mkdirSync(tools)
    fs.writeFileSync(path.join(tools, 'fio'), `#!/bin/sh\necho $$ >> '${seen}'\nsleep 1000\n`, { mode: 0o755 })
    const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` }
    const bench = spawn(process.execPath, [COMMAND, '--tiny', '--no-peers', '--only', 'queue-depth', '--folder', folder], { env })
    const closed = once(bench, 'close')
    while (!fs.existsSync(seen)) await sleep(20)
    bench.kill('SIGTERM')
    expect((await closed)[0]).toBe(143)
    const [pid] = fs.readFileSync(seen, 'utf8').split('\n').map(Number)
    // It may be nobody's child for a moment, which somebody has to wait for.
    expect(await lookUntil(true, () => !fs.existsSync(`/proc/${pid}`) || / Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')))).toBe(true)
  })
})

describe('the arguments', () => {
  test.each([
    [['--quik'], '--quik'],
    [['--quick', '--tiny'], 'exclude each other'],
    [['--only', 'cold-random,warm'], "no trial 'warm'"],
    [['--folder', '/nowhere'], '/nowhere is no folder'],
    [['--json', '/nowhere/results.json'], 'cannot be written (ENOENT)'],
    [['--seed', '-1'], '--seed'],
    [['--repeat', '0'], "from 1 to 100, not '0'"],
    [['file'], 'file']
  ])('%j is refused with a sentence', async (args, words) => {
    const { code, stdout, stderr } = await runChild(COMMAND, args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^bench: /)
    expect(stderr.replace(/\s+/g, ' ')).toContain(words)
  })

  test('--help and --list print what there is', async () => {
    expect(await runChild(COMMAND, ['--help'])).toMatchObject({ code: 0, stderr: '' })
    const { stdout } = await runChild(COMMAND, ['--list'])
    expect(stdout.trimEnd().split('\n')).toEqual(trials.map(({ name }) => name))
  })
})

test('blocks are drawn without repetition, and all seeds differ', () => {
  const drawn = [1, 2].map((seed) => chooseBlocks(seed, 500, 1000))
  for (const blocks of drawn) {
    expect(new Set(blocks).size).toBe(500)
    expect(blocks.every((block) => Number.isInteger(block) && block >= 0 && block < 1000)).toBe(true)
  }
  expect(drawn[0]).not.toEqual(drawn[1])
  expect([...chooseBlocks(3, 64, 64)].sort((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, i) => i))
})

test('wrong bytes are found, at both ends of a block and in each block of a range', async () => {
  const name = path.join(contentFolder, 'content')
  await writeContent(name, 3 * 4096)
  const bytes = fs.readFileSync(name)
  check(bytes.subarray(4096, 8192), 4096)
  checkBlocks(bytes, 0)
  expect(() => check(bytes.subarray(4096, 8192), 0)).toThrow('wrong bytes at 0')
  bytes[8191] ^= 1
  expect(() => check(bytes.subarray(4096, 8192), 4096)).toThrow('wrong bytes at 4096')
  bytes[8192] ^= 1
  expect(() => checkBlocks(bytes, 0)).toThrow('wrong bytes at 8192')
})

test('of how late the loop was there are no more points than intervals', async () => {
  const lateness = new Lateness(2)
  let [most, looks] = [0, 0]
  await until(() => {
    most = Math.max(most, lateness.timeline().length)
    return ++looks >= 20 && most > 1
  })
  await lateness.stop()
  expect(most).toBe(2)
})

describe('who takes memory back', () => {
  const sys = temporaryFolder()
  const [balloon, disk, damon] = ['bus/virtio/devices/virtio0', 'bus/virtio/devices/virtio1', 'kernel/mm/damon/admin/kdamonds/0']

  function write(files) {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(sys, name)), { recursive: true })
      fs.writeFileSync(path.join(sys, name), `${text}\n`)
    }
  }

  test('is nobody where the system does not tell', () => {
    expect(memoryTakenBy(sys)).toEqual([])
  })

  test('is nobody where the balloon has not the feature, though another device has it, and DAMON is off', () => {
    write({
      [`${disk}/device`]: '0x0002', [`${disk}/features`]: '000001',
      [`${balloon}/device`]: '0x0005', [`${balloon}/features`]: '011110',
      [`${damon}/state`]: 'off', [`${damon}/contexts/0/schemes/0/action`]: 'pageout'
    })
    expect(memoryTakenBy(sys)).toEqual([])
  })

  test('is the hypervisor, and DAMON where it does not only count', () => {
    write({ [`${balloon}/features`]: '011001' })
    expect(memoryTakenBy(sys)).toEqual([expect.stringContaining('free page reporting')])
    write({ [`${damon}/state`]: 'on' })
    expect(memoryTakenBy(sys)).toEqual([expect.stringContaining('hypervisor'), expect.stringContaining('DAMON')])
    write({ [`${damon}/contexts/0/schemes/0/action`]: 'stat' })
    expect(memoryTakenBy(sys)).toHaveLength(1)
  })
})

describe('fio', () => {
  // In its place: says how it was called, reads a file from the device and reports.
  const folder = temporaryFolder()
  const { PATH } = process.env
  const job = { usr_cpu: 10, sys_cpu: 40, read: { runtime: 2000, total_ios: 4, iops: 2, io_bytes: 16384 } }

  beforeAll(() => {
    fs.writeFileSync(path.join(folder, 'data'), Buffer.alloc(1 << 20, 1))
    const script = `#!/bin/sh
echo "$@" >> ${folder}/calls
dd if=${folder}/data of=${folder}/copy bs=1M iflag=direct 2> ${folder}/complaint || touch ${folder}/undirected
echo 'note: words before' && echo '${JSON.stringify({ jobs: [job] })}'
`
    fs.writeFileSync(path.join(folder, 'fio'), script, { mode: 0o755 })
    process.env.PATH = `${folder}:${PATH}`
  })

  afterAll(() => {
    process.env.PATH = PATH
  })

  /** What each run was called when it began is in `begun`. */
  async function run(trial, repetitions) {
    const begun = []
    let seed = 0
    const context = {
      mode: { repetitions, repetitionsAside: repetitions },
      progress: (label) => begun.push(label),
      nextSeed: () => seed++,
      peerProblem: () => undefined
    }
    const result = await runTrial(trial, context)
    return { ...result, begun: begun.filter((label) => !label.endsWith('its data')) }
  }

  test('runs once a round, as others do, in an order that is another each time', async () => {
    const names = ['A', 'B', 'C', 'D', 'E']
    const { begun } = await run({
      name: 'order', figures: ['readsPerSecond'], contenders: names.map((name) => ({ ...fio, name, aside: false })),
      files: () => ({ path: path.join(folder, 'data'), bytes: 1 << 20 }), parameters: () => ({ reads: 4, inFlight: 2 })
    }, 4)
    const rounds = [1, 2, 3, 4].map((round) => begun.splice(0, names.length).map((label) => {
      const [, name, number] = /^order, (.), (\d)$/.exec(label)
      expect(Number(number)).toBe(round)
      return name
    }))
    for (const round of rounds) expect([...round].sort()).toEqual(names)
    expect(new Set(rounds.map(String)).size).toBeGreaterThan(1)
    fs.rmSync(path.join(folder, 'calls'))
  })

  test('goes past the page cache or through it, as its contender says, and is measured by what the device read', async () => {
    const trial = {
      name: 'fio', figures: ['readsPerSecond'], contenders: [fio, fioBuffered],
      files: () => ({ path: path.join(folder, 'data'), bytes: 1 << 20 }), parameters: () => ({ reads: 4, inFlight: 2 })
    }
    const { failed, points, begun } = await run(trial, 1)
    expect(failed).toBe(undefined)
    const calls = fs.readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n')
    const direct = calls.map((call) => /--direct=(\d)/.exec(call)[1])
    expect(Object.fromEntries(begun.map((label, i) => [label, direct[i]]))).toEqual({
      'fio, fio (direct I/O), 1': '1', 'fio, fio through the page cache, 1': '0'
    })
    for (const { runs: [only] } of points[0].contenders) {
      expect(only).toMatchObject({ reads: 4, readsPerSecond: 2, seconds: 2, cpuSeconds: 1 })
      if (fs.existsSync(path.join(folder, 'undirected'))) continue // a folder in memory
      expect(only.deviceBytes).toBeGreaterThanOrEqual(1 << 20)
      expect(only.deviceReadsPerRead).toBe(only.deviceBytes / 4096 / 4)
    }
  })
})

describe('what faultless loses', () => {
  const contender = (name, reads, cpuSeconds, readsPerSecond) => ({
    name, ours: name === 'ours', runs: [{ reads }], summary: { cpuSeconds: { median: cpuSeconds }, readsPerSecond: { median: readsPerSecond } }
  })
  const against = (other) => losses([{
    name: 'trial', figures: ['cpuSeconds', 'readsPerSecond'], points: [{ contenders: [contender('ours', 400, 4, 90), other] }]
  }]).map(({ figure }) => figure)

  test('are all figures in which another way did better', () => {
    expect(against(contender('other', 400, 1, 100))).toEqual(['cpuSeconds', 'readsPerSecond'])
  })

  test('are no sums over fewer reads', () => {
    expect(against(contender('other', 50, 1, 100))).toEqual(['readsPerSecond'])
  })
})
