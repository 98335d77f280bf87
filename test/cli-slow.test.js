'use strict'
// The command on a device that is slow, exactly as slow as the test wants it: what ctrl-C leaves behind.

const { once } = require('node:events')
const fs = require('node:fs')
const { constants } = require('node:os')
const { setTimeout: sleep } = require('node:timers/promises')
const { open } = require('faultless')
const { hasTerminal, onTerminal, plain, startCli, testWith } = require('./cli-helpers')
const { lookUntil } = require('./helpers')
const { useSlowfs, whyNot } = require('./slowfs/slowfs')

const MIB = 2 ** 20
const SLICE = 8 * MIB

const reason = whyNot()

if (reason !== undefined) {
  test.skip(`a signal during a comparison (skipped: ${reason})`, () => {})
  test.skip(`ctrl-C during a touch (skipped: ${reason})`, () => {})
  test.skip(`ctrl-C during a pin (skipped: ${reason})`, () => {})
} else {
  const mount = useSlowfs()

  /** Waits until some of the file is resident, and not much. */
  async function waitForFirstPages(name) {
    const file = await open(name, { freshness: 0 })
    try {
      while ((await file.residency()).resident === 0) await sleep(5)
    } finally {
      await file.close()
    }
  }

  // So long that nobody waits for its end.
  const SIZE = 4096 * MIB

  test.each([
    ['ctrl-C', ['SIGINT']],
    ['one that comes twice, as npx passes it on', ['SIGINT', 'SIGTERM']] // of two that are the same one may be lost; of these either may be the first to be heard of
  ])('%s ends a touch after the slice under way, and tells what was done', async (_, signals) => {
    const at = await mount({ size: SIZE, readMs: 20 })
    const { child, ended } = startCli(['touch', '--json', at('slow')])
    await waitForFirstPages(at('slow'))
    for (const signal of signals) child.kill(signal)
    const { code, signal, stdout, stderr } = await ended
    expect(signal).toBe(null)
    expect(signals.map((name) => 128 + constants.signals[name])).toContain(code)
    expect(stderr).toMatch(/^faultless: interrupted: .* were touched\n$/)
    const [{ pages, resident, touched, interrupted }] = JSON.parse(stdout)
    expect({ pages, interrupted }).toEqual({ pages: SIZE / 4096, interrupted: true })
    expect(touched % SLICE).toBe(0)
    expect(resident * 4096).toBeGreaterThanOrEqual(touched)
    expect(resident).toBeLessThan(pages)
  })

  test('a second ctrl-C, later, does not wait for the device', async () => {
    const at = await mount({ size: SIZE, readMs: 200 }) // some seconds a slice
    const { child, ended } = startCli(['touch', at('slow')])
    await waitForFirstPages(at('slow'))
    const isOver = once(child, 'exit')
    child.kill('SIGINT')
    await sleep(500)
    expect(child.exitCode).toBe(null)
    child.kill('SIGINT')
    expect(await isOver).toEqual([null, 'SIGINT'])
    await ended
  })

  test('ctrl-C ends a pin before all of the file is in memory', async () => {
    const at = await mount({ size: SIZE, readMs: 20 })
    const { child, ended } = startCli(['pin', '--json', at('slow')])
    await waitForFirstPages(at('slow'))
    child.kill('SIGINT')
    const { code, signal, stdout, stderr } = await ended
    expect({ code, signal, stdout, stderr }).toEqual({
      code: 130, signal: null, stdout: '[]\n', stderr: 'faultless: interrupted: 0 bytes were pinned\n'
    })
  })

  testWith(hasTerminal, 'script is not installed', 'ctrl-C leaves the bar of a touch where it was', async () => {
    const at = await mount({ size: SIZE, readMs: 20 })
    let typed = false
    const onText = (text) => {
      if (typed || !/[1-9]\d* MiB of 4/.test(plain(text))) return ''
      typed = true
      return '\x03'
    }
    const { code, text } = await onTerminal(['touch', at('slow')], { onText })
    expect(code).toBe(130)
    expect(plain(text)).toContain('interrupted: ')
    expect(plain(text)).not.toContain('100 %')
  })

  const childrenOf = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)

  test('a signal ends a comparison, and the process that measures', async () => {
    const at = await mount({ size: SIZE, readMs: 20 })
    const { child, ended } = startCli(['bench', at('slow')])
    let measuring = []
    while ((measuring = childrenOf(child.pid)).length === 0) await sleep(5)
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 143, signal: null, stdout: '', stderr: '' })
    expect(await lookUntil(false, () => fs.existsSync(`/proc/${measuring[0]}`))).toBe(false)
  })
}
