'use strict'
// Numbers, sizes and strips of the command, where rounding must not lie.

const fc = require('fast-check')
const { bytes, duration, percent, printable, rate } = require('../cli/format')
const { shares, strip } = require('../cli/heat-strip')
const parse = require('../cli/parse')
const { Terminal } = require('../cli/terminal')

test.each([
  [0, '0 bytes'], [1, '1 byte'], [1023, '1023 bytes'], [1024, '1 KiB'], [1536, '1.5 KiB'], [1234567, '1.18 MiB'],
  [20 << 20, '20 MiB'], [1023 * 2 ** 30, '1023 GiB'], [2 ** 53, '8 PiB']
])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text))

test.each([
  [0.0123, '12 µs'], [5, '5.0 ms'], [999, '999 ms'], [1000, '1.0 s'], [59_940, '59.9 s'], [59_960, '1 min 0 s'], [125_000, '2 min 5 s'],
  [3_720_000, '1 h 2 min']
])('%d ms are %s', (value, text) => expect(duration(value)).toBe(text))

test('a rate is bytes a second', () => expect(rate(1 << 20, 500)).toBe('2 MiB/s'))

test('a share is 0 % for none alone, and 100 % for all alone', () => {
  expect([percent(0, 5), percent(5, 5), percent(1, 1e6), percent(999_999, 1e6), percent(0, 0)]).toEqual(['0.0 %', '100.0 %', '0.1 %', '99.9 %', '-'])
})

test('names cannot command a terminal', () => {
  expect(printable('a\x1b[2Jb\nc\x9b')).toBe('a\\x1b[2Jb\\nc\\x9b')
})

test.each([['4096', 4096], ['4k', 4096], ['4KiB', 4096], ['1.5M', 1.5 * 2 ** 20], ['2GB', 2 ** 31], ['1 t', 2 ** 40], ['0', 0]])(
  'the size %s', (text, value) => expect(parse.size(text)).toBe(value))

test.each(['', 'k', '-1', '1x', '1e3', '9999999T', '0x10'])('the size %j makes no sense', (text) => expect(() => parse.size(text)).toThrow('A size is'))

test.each([['10', 10_000], ['10s', 10_000], ['500ms', 500], ['2m', 120_000], ['1.5 h', 5_400_000]])(
  'the duration %s', (text, value) => expect(parse.duration(text)).toBe(value))

test.each(['', 's', '-1s', '1d', '999999h'])('the duration %j makes no sense', (text) => expect(() => parse.duration(text)).toThrow('A duration is'))

const bitmaps = fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 300 }).map((array) => Uint8Array.from(array))

test('every page is in some cell, and no cell is without a page', () => {
  fc.assert(fc.property(bitmaps, fc.integer({ min: 1, max: 100 }), (bitmap, cells) => {
    const heat = shares(bitmap, cells)
    expect(heat).toHaveLength(cells)
    const resident = bitmap.includes(1)
    const missing = bitmap.includes(0)
    expect(heat.some((share) => share > 0)).toBe(resident)
    expect(heat.some((share) => share < 1)).toBe(missing)
  }))
})

test.each([[true, '·', '█'], [false, '.', '#']])('a cell looks empty or full only when it is (Unicode: %s)', (unicode, none, all) => {
  const terminal = new Terminal({ isTTY: false }, { ascii: !unicode }, {})
  fc.assert(fc.property(bitmaps, fc.integer({ min: 1, max: 100 }), (bitmap, cells) => {
    const heat = shares(bitmap, cells)
    const text = [...strip(heat, cells, terminal)]
    expect(text).toHaveLength(cells)
    text.forEach((character, i) => {
      expect(character === none).toBe(heat[i] === 0)
      expect(character === all).toBe(heat[i] === 1)
    })
  }))
  expect(strip(null, 3, terminal)).toBe('???')
})

test('what a terminal can show', () => {
  const tty = { isTTY: true, hasColors: () => true }
  const shows = (stream, env, options) => new Terminal(stream, options, env)
  expect(shows(tty, {})).toMatchObject({ hasColors: true, hasUnicode: true, columns: 80 })
  expect(shows(tty, { NO_COLOR: '' }).hasColors).toBe(true) // no-color.org: set and not empty
  expect(shows(tty, { NO_COLOR: '1', FORCE_COLOR: '1' }).hasColors).toBe(false)
  expect(shows({}, { FORCE_COLOR: '1' }).hasColors).toBe(true)
  expect(shows(tty, { FORCE_COLOR: '0' }).hasColors).toBe(false)
  expect(shows({ ...tty, columns: 10 }, { LANG: 'C.UTF-8', LC_ALL: 'C' })).toMatchObject({ columns: 40, hasUnicode: false })
})
