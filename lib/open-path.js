'use strict'
// The descriptor of a path: at once where opening it waits for nobody, and by a thread of libuv where it may.

const fs = require('node:fs')
const { setImmediate } = require('node:timers') // test environments take the global one away
const { fileURLToPath } = require('node:url')
const { promisify } = require('node:util')
const native = require('../native/binding')

const openOnThread = promisify(fs.open)

// Non-blocking, or opening a FIFO would hold a thread until somebody writes to it; of regular files only those do care on
// which somebody has a lease (fcntl(2), F_SETLEASE): of these EAGAIN says that it has been asked for.
const OPEN_FLAGS = {
  r: fs.constants.O_RDONLY | fs.constants.O_NONBLOCK,
  'r+': fs.constants.O_RDWR | fs.constants.O_NONBLOCK,
  'w+': fs.constants.O_RDWR | fs.constants.O_NONBLOCK | fs.constants.O_CREAT | fs.constants.O_TRUNC
}

// Mapping what was opened takes tens of microseconds: whoever opens thousands of files at once lets the event loop turn.
const MOST_A_TURN = 16
let openedThisTurn = 0

// Node and Deno ask their permissions in fs.open(), and the addon asks nobody.
const asksForPermission = process.permission !== undefined || process.versions.deno !== undefined

/**
 * Opens a path. The first of it that a process does by libuv starts libuv's threads, and each needs two changes of thread,
 * where the whole of a cached open takes some microseconds.
 * @param {string | Buffer | URL} file what is none of these is left to fs.open(), which says so
 * @param {'r' | 'r+' | 'w+'} flags
 * @returns {Promise<{ fd: number, close: (fd: number) => void }>} rejected as fs.open() says
 */
async function openPath(file, flags) {
  const fd = flags === 'r' ? openAtOnce(file) : -1
  return fd >= 0 ? { fd, close: native.closeCached } : { fd: await openByThread(file, OPEN_FLAGS[flags]), close: fs.closeSync }
}

/** As fs.open() without O_NONBLOCK, but for FIFOs and the like. */
async function openByThread(file, flags) {
  try {
    return await openOnThread(file, flags)
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error
    return openOnThread(file, flags & ~fs.constants.O_NONBLOCK)
  }
}

/** A descriptor that fs knows nothing of; below zero where there is none, for whatever reason. */
function openAtOnce(file) {
  const path = file instanceof URL && file.protocol === 'file:' ? fileURLToPath(file) : file
  const canTry = typeof path === 'string' && !path.includes('\0') && !asksForPermission
  return canTry && hasTurn() ? native.openCached(path) : -1
}

function hasTurn() {
  if (openedThisTurn === 0) setImmediate(() => (openedThisTurn = 0)).unref()
  return ++openedThisTurn <= MOST_A_TURN
}

module.exports = openPath
