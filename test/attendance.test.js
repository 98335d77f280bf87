'use strict'
// Which file a pool thread may work on, as long as others are on it: by the words of a pool's memory, without threads.

const { Attendance } = require('../worker/attendance')
const { Control, PoolMemory, ThreadStatus, fileWord, nextHolder } = require('../worker/layout')

const THREADS = 3
const [A, B] = [7, 8] // ids of files

let control
let threads

const wordOf = (thread) => control[Control.WORKS_ON + thread]

beforeEach(() => {
  ({ control } = new PoolMemory())
  for (let i = 0; i < THREADS; i++) control[Control.STATUS + i] = nextHolder(0, ThreadStatus.BUSY)
  threads = Array.from({ length: THREADS }, (_, i) => new Attendance(control, i, THREADS))
})

test('all threads but one may be on a file', () => {
  expect(threads.map((thread) => thread.mayBegin(A))).toEqual([true, true, false])
  expect(threads.map((thread) => thread.refused)).toEqual([false, false, true])
  threads[2].end()
  expect(threads[2].mayBegin(B)).toBe(true)
  threads[0].end()
  expect(threads[2].mayBegin(A)).toBe(true)
})

test('whether a file is full can be asked without saying anything', () => {
  threads[0].mayBegin(A)
  threads[2].mayBegin(B)
  expect(threads[2].isFull(A)).toBe(false)
  threads[1].mayBegin(A)
  expect(threads[2].refused).toBe(false)
  expect(threads[2].isFull(A)).toBe(true)
  expect(threads[2].refused).toBe(true)
  expect(wordOf(2)).toBe(fileWord(B))
  expect(threads[1].isFull(A)).toBe(false) // it is one of them
})

test('threads that have ended count no more, whatever word they left', () => {
  threads[0].mayBegin(A)
  threads[1].mayBegin(A)
  control[Control.STATUS] = 0
  expect(threads[2].isFull(A)).toBe(false)
  expect(threads[2].mayBegin(A)).toBe(true)
})

test('a thread that has begun a file is asked anew about the one before', () => {
  expect(threads[0].mayBegin(A)).toBe(true)
  threads[0].begin(B)
  threads[1].mayBegin(A)
  threads[2].mayBegin(A)
  expect(threads[0].mayBegin(A)).toBe(false)
})

test('the only thread of a pool may be on any', () => {
  const alone = new Attendance(control, 0, 1)
  threads[1].mayBegin(A)
  expect(alone.mayBegin(A)).toBe(true)
  expect(alone.isFull(A)).toBe(false)
})
