'use strict'
// What a pool thread does where others come to a file at the same time: its server on this very thread, in memory of a pool
// that has no threads.

let mockTime = 0 // ns: what takes time here says so
jest.mock('../worker/clock', () => ({ now: () => mockTime }))

const { open } = require('..')
const { mappingOf } = require('../lib/mapped-file')
const native = require('../native/binding')
const { ChannelMemory, Control, Op, Owner, PoolMemory, State, ThreadStatus, fileWord, nextHolder } = require('../worker/layout')
const { Server } = require('../worker/serve')
const { PAGE, makeFile, temporaryFolder } = require('./helpers')

const folder = temporaryFolder()
const FILE_PAGES = 512
const THREADS = 2
const OPTIONS = { sliceSize: 64 * PAGE, maxThreads: THREADS, spin: 0 }

let files
let channel
let control
let server

const say = (file) => Atomics.store(control, Control.WORKS_ON + 1, fileWord(mappingOf(file).fileId)) // of the other thread

/** A touch of a page, in the next slot; or of another range of pages, or something else. */
function ask(file, page = 0, pages = 1, op = Op.TOUCH) {
  const slot = channel.header[ChannelMemory.HIGH_WATER]++
  channel.header[ChannelMemory.USED]++
  const { id, fileId } = mappingOf(file)
  channel.op[slot] = op
  channel.mapping[slot] = id
  channel.file[slot] = fileId
  channel.offset[slot] = page * PAGE
  channel.length[slot] = pages * PAGE
  Atomics.store(channel.state, slot, State.WAITING)
  return slot
}

beforeEach(async () => {
  files = await Promise.all(['first', 'second'].map((name) => open(makeFile(folder, name, FILE_PAGES * PAGE))))
  files.sort((one, other) => mappingOf(one).id - mappingOf(other).id) // prefetches go in this order
  start(OPTIONS)
})

function start(options) {
  const pool = new PoolMemory();
  ({ control } = pool)
  for (let i = 0; i < THREADS; i++) control[Control.STATUS + i] = nextHolder(0, ThreadStatus.BUSY)
  control[Control.CHANNELS] = 1
  channel = pool.channel(0)
  channel.header[ChannelMemory.OWNER] = nextHolder(0, Owner.TAKEN)
  server = new Server(pool, 0, control[Control.STATUS], options)
}

afterEach(() => Promise.all(files.map((file) => file.close())))

/** @param {number} call of mayBegin() before which the other thread comes to a file */
function comeBefore(call, file) {
  const { attendance } = server
  const { mayBegin } = attendance
  let calls = 0
  attendance.mayBegin = (asked) => {
    if (++calls === call) say(file)
    return mayBegin.call(attendance, asked)
  }
}

test('completes what waits, of any file, and says of none that it works on it', () => {
  const slots = files.map((file) => ask(file))
  expect(server.serve()).toBe(false)
  expect(slots.map((slot) => channel.state[slot])).toEqual([State.DONE, State.DONE])
  expect(control[Control.WORKS_ON]).toBe(0)
})

test('asks the device once for all that waits on neighbouring pages, in whatever order it came', () => {
  const asked = []
  const prefetchEach = jest.spyOn(native, 'prefetchEach').mockImplementation((parts, count) => {
    for (let at = 0; at < 3 * count; at += 3) asked.push([parts[at], parts[at + 1] / PAGE, parts[at + 2] / PAGE])
    return count
  })
  const pages = [[9, 3, 2, 4, 12], [3, 4]] // of either file
  const slots = pages.flatMap((numbers, i) => numbers.map((number) => ask(files[i], number)))
  expect(server.serve()).toBe(false)
  prefetchEach.mockRestore()
  const [first, second] = files.map((file) => mappingOf(file).id)
  expect(asked).toEqual([[first, 2, 3], [first, 9, 1], [first, 12, 1], [second, 3, 2]])
  expect(slots.map((slot) => channel.state[slot])).toEqual(slots.map(() => State.DONE))
})

test('takes up no more once a prefetch has blocked, though one after it did not, and asks for one range at a time then', () => {
  const togethers = []
  const blocks = [true, false, false]
  const prefetchEach = jest.spyOn(native, 'prefetchEach').mockImplementation((parts, count, ms, together) => {
    togethers.push(together)
    return blocks[togethers.length - 1] ? -count : count
  })
  files.forEach((file) => ask(file))
  server.intake.takeWaiting()
  expect(server.intake.isBlocked).toBe(true)
  ask(files[0], 5)
  server.intake.takeWaiting()
  expect(server.intake.isBlocked).toBe(false)
  prefetchEach.mockRestore()
  expect(togethers).toEqual([1, 1, 2])
  server.serve()
})

test('asks for all that it took up also where a call ended with a part that blocked, by calls of their own', () => {
  const calls = []
  const endsAfter = [2, 1, 1] // parts
  const prefetchEach = jest.spyOn(native, 'prefetchEach').mockImplementation((parts, count, ms, together) => {
    calls.push([Array.from({ length: count }, (_, i) => parts[3 * i + 1] / PAGE), together])
    return -endsAfter[calls.length - 1]
  })
  for (const page of [1, 3, 5, 7]) ask(files[0], page)
  server.intake.takeWaiting()
  prefetchEach.mockRestore()
  expect(calls).toEqual([[[1, 3, 5, 7], 1], [[5, 7], 1], [[7], 1]])
  server.serve()
})

test('leaves a file alone on which the other thread of two is', () => {
  const slots = files.map((file) => ask(file))
  say(files[0])
  expect(server.serve()).toBe(true)
  expect(slots.map((slot) => channel.state[slot])).toEqual([State.WAITING, State.DONE])
  expect(control[Control.WORKS_ON]).toBe(0)
})

test('has slots wait again whose file the other came to before they could be prefetched', () => {
  const slots = files.map((file) => ask(file))
  comeBefore(3, files[0]) // after the looks at both slots
  server.intake.takeWaiting()
  expect(slots.map((slot) => channel.state[slot])).toEqual([State.WAITING, State.PREFETCHED])
  expect(server.attendance.refused).toBe(true)
  expect(control[Control.DOORBELL]).toBe(1)
  expect(server.intake.came).toBe(1)
  Atomics.store(control, Control.WORKS_ON + 1, 0)
  expect(server.serve()).toBe(false)
  expect(slots.map((slot) => channel.state[slot])).toEqual([State.DONE, State.DONE])
})

test('puts a slot back that was filled anew between the look and the claim', () => {
  const [first, second] = [ask(files[0]), ask(files[0])]
  server.intake.takeWaiting()
  const { mayJoin } = server
  server.mayJoin = (about, slot) => {
    const may = mayJoin(about, slot)
    if (slot !== second || channel.file[slot] === mappingOf(files[1]).fileId) return may
    const { id, fileId } = mappingOf(files[1])
    channel.mapping[slot] = id
    channel.file[slot] = fileId
    return may
  }
  server.group.note(0) // a group may be of two
  const joined = []
  const { join } = server
  server.join = (about, slot) => {
    joined.push([slot, server.group.slots.length])
    join.call(server, about, slot)
  }
  server.serve()
  expect(joined).toEqual([[first, 0], [second, 0]]) // each the first of its group
  expect([first, second].map((slot) => channel.state[slot])).toEqual([State.DONE, State.DONE])
})

describe('a long slot', () => {
  const STEP = 64 // pages
  let populated
  let prefetched

  // Of a device that takes no time but what a test says: the core's calls look at a clock of their own.
  beforeEach(() => {
    [populated, prefetched] = [[], []]
    jest.spyOn(native, 'populate').mockImplementation((id, offset, length) => {
      populated.push([offset / PAGE, length / PAGE])
      return 0
    })
    jest.spyOn(native, 'prefetchEach').mockImplementation((parts, count) => {
      for (let at = 0; at < 3 * count; at += 3) prefetched.push([parts[at + 1] / PAGE, parts[at + 2] / PAGE])
      return count
    })
  })

  afterEach(() => jest.restoreAllMocks())

  /** A short one of that page, and 256 pages from another one on. */
  function serveBoth(options, short, first) {
    start({ ...OPTIONS, ...options })
    if (short !== undefined) ask(files[0], short)
    const slot = ask(files[0], first, 256)
    server.serve()
    expect(channel.state[slot]).toBe(State.DONE)
    expect(channel.done[slot]).toBe(256 * PAGE)
    return populated.filter(([page]) => page !== short)
  }

  test('is asked for also where the device\'s queue is full of what came before it', () => {
    native.prefetchEach.mockImplementation((parts) => {
      prefetched.push([parts[1] / PAGE, parts[2] / PAGE])
      return -1
    })
    serveBoth({ sliceSize: 128 * PAGE }, 500, 3)
    expect(prefetched).toEqual([[500, 1], [3, 128], [131, 128]])
  })

  test('is done slice by slice where nothing short has come', () => {
    expect(serveBoth({ sliceSize: 128 * PAGE }, undefined, 3)).toEqual([[3, 128], [131, 128]])
    expect(prefetched).toEqual([[3, 128], [131, 128]])
  })

  test('is done in steps after a short one, and prefetched slice by slice all the same', () => {
    expect(serveBoth({ sliceSize: 128 * PAGE }, 500, 3)).toEqual([0, 1, 2, 3].map((i) => [3 + i * STEP, STEP]))
    expect(prefetched).toEqual([[500, 1], [3, 128], [131, 128]])
  })

  test('is prefetched once, also where steps and slices do not end at the same places', () => {
    const steps = serveBoth({ sliceSize: 100 * PAGE }, 500, 3.5)
    expect(Math.max(...steps.map(([, pages]) => pages))).toBeLessThanOrEqual(STEP)
    const slices = [[3.5, 99.5], [103, 100], [203, 56.5]]
    expect(prefetched.filter(([page]) => page !== 500)).toEqual(slices)
    for (const [first] of slices) expect(steps.map(([page]) => page)).toContain(first)
  })

  test.each([
    ['half as long as short ones of a slow device have taken', 8, 4],
    ['10 ms at most', 1000, 10],
    ['a step where they were quick', 0.9, 1]
  ])('gets on for %s', (_, shortMs, longMs) => {
    start({ ...OPTIONS, sliceSize: 512 * PAGE })
    jest.spyOn(native, 'populateEach').mockImplementation((parts, count, ms, results) => {
      mockTime += shortMs * 1e6
      results.fill(0, 0, count)
      return count
    })
    native.populate.mockImplementation(() => {
      mockTime += longMs * 1e6 / 4
      return 0
    })
    ask(files[0], 500)
    ask(files[0], 502)
    const long = ask(files[0], 0, 500)
    server.group.note(0) // a group may be of two
    server.intake.takeWaiting()
    server.completePrefetched()
    expect(channel.done[long]).toBe((shortMs < 1 ? 1 : 4) * STEP * PAGE)
  })

  test.each([
    ['', () => {}],
    [', also where one waits of a file in which the other thread hangs', () => {
      Atomics.store(channel.state, ask(files[1], 0, 1, Op.EVICT), State.PREFETCHED)
      say(files[1])
    }]
  ])('leaves the rest of its turn to others of its kind%s', (_, hang) => {
    hang()
    jest.spyOn(native, 'populateEach').mockImplementation((parts, count, ms, results) => {
      mockTime += 8e6
      results.fill(0, 0, count)
      return count
    })
    jest.spyOn(native, 'evict').mockImplementation(() => {
      mockTime += 1e6
      return 0
    })
    ask(files[0], 500)
    ask(files[0], 502)
    const evictions = Array.from({ length: 6 }, () => ask(files[0], 0, 1, Op.EVICT))
    server.group.note(0) // a group may be of two
    server.intake.takeWaiting()
    server.completePrefetched()
    const done = evictions.filter((slot) => channel.state[slot] === State.DONE)
    expect(done).toEqual(evictions.slice(0, 4)) // half of 8 ms
  })

  test.each([
    ['look at the residency of a few pages', Op.RESIDENCY, 'readResidency'],
    ['release of a pin of a few pages', Op.UNPIN, 'dropPin']
  ])('is no %s: that has its turn with the short ones', (_, op, call) => {
    const does = jest.spyOn(native, call).mockReturnValue(0)
    Array.from({ length: 6 }, () => ask(files[0], 0, 1, op))
    server.intake.takeWaiting()
    server.completePrefetched()
    expect(does).toHaveBeenCalledTimes(6)
  })

  test('gets on no longer for what short ones took in rounds before', () => {
    start({ ...OPTIONS, sliceSize: 512 * PAGE })
    let shortMs = 8
    jest.spyOn(native, 'populateEach').mockImplementation((parts, count, ms, results) => {
      mockTime += shortMs * 1e6
      results.fill(0, 0, count)
      return count
    })
    native.populate.mockImplementation(() => (mockTime += 1e6, 0))
    const round = (...slots) => {
      server.group.note(0) // a group may be of two
      server.intake.takeWaiting()
      server.completePrefetched()
      return slots
    }
    round(ask(files[0], 500), ask(files[0], 502))
    shortMs = 0.1
    const [long] = round(ask(files[0], 0, 500), ask(files[0], 504), ask(files[0], 506))
    expect(channel.done[long]).toBe(STEP * PAGE)
  })

  test('is whole again when no short one has come for a while', () => {
    start({ ...OPTIONS, sliceSize: 128 * PAGE })
    ask(files[0], 500)
    server.serve()
    mockTime += 100e6
    populated.length = 0
    ask(files[0], 0, 256)
    server.serve()
    expect(populated).toEqual([[0, 128], [128, 128]]) // nor is a slice of its own taken for a short one
  })

  test('has a slice a turn where no short ones have come, however long the look for them took', () => {
    start({ ...OPTIONS, sliceSize: 128 * PAGE })
    const { sweepEach } = server
    server.sweepEach = () => {
      mockTime += 100e6
      return sweepEach.call(server)
    }
    ask(files[0], 0, 512)
    server.intake.takeWaiting()
    server.completePrefetched()
    expect(populated).toEqual([[0, 128]])
  })

  test('is not cut where it is read in blocks, or these would be read page by page', () => {
    jest.spyOn(native, 'readsBlocks').mockReturnValue(true)
    expect(serveBoth({ sliceSize: 256 * PAGE }, 500, 3)).toEqual([[3, 256]])
  })

  test('is none that makes the next be cut, however short its last slice', () => {
    start({ ...OPTIONS, sliceSize: 128 * PAGE })
    const first = ask(files[0], 0, 129) // its last page is short
    server.serve()
    const second = ask(files[0], 200, 100)
    server.serve()
    expect([first, second].map((slot) => channel.state[slot])).toEqual([State.DONE, State.DONE])
    expect(populated.at(-1)).toEqual([200, 100])
  })
})
