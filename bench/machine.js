'use strict'
// On what the figures were taken.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

/** @returns {number} bytes that a process may take without pushing others out */
function freeMemory() {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/meminfo', 'latin1'))
  return found ? Number(found[1]) * 1024 : os.freemem()
}

function describeMachine(folder) {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    memoryTakenBy: memoryTakenBy(),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    filesystem: filesystemOf(folder),
    pageFaultUs: pageFaultUs(folder),
    node: process.version
  }
}

const FAULTED = 2 * 2 ** 20 // bytes
const FAULT_ROUNDS = 5

/**
 * What the first store to a page of a private mapping takes, in microseconds: a copy of 4 KiB and an entry of the page table.
 * That is under one where the processor keeps the tables, and tens where a hypervisor does so by software, as PVM; then cold
 * reads through a mapping gain little.
 */
function pageFaultUs(folder) {
  const name = path.join(folder, `faultless-page-faults-${process.pid}`)
  fs.writeFileSync(name, Buffer.alloc(FAULTED))
  const fd = fs.openSync(name, 'r')
  fs.rmSync(name)
  const rounds = Array.from({ length: FAULT_ROUNDS }, () => timeFaults(fd))
  fs.closeSync(fd)
  return Math.min(...rounds)
}

function timeFaults(fd) {
  const { MAP_PRIVATE, PROT_READ, map } = require('faultless') // not above: run.js says it better where it is not built
  const file = map(FAULTED, PROT_READ, MAP_PRIVATE, fd)
  const bytes = new Uint8Array(file.buffer)
  const began = performance.now()
  for (let at = 0; at < FAULTED; at += file.pageSize) bytes[at] = 1
  const us = (performance.now() - began) * 1e3
  void file.close()
  return us / (FAULTED / file.pageSize)
}

/**
 * Who takes memory away though there is enough of it: whoever uses it next waits, for the device or for the host.
 * @param {string} [sys] where sysfs is mounted
 * @returns {string[]}
 */
function memoryTakenBy(sys = '/sys') {
  return [
    hasFreePageReporting(sys) && 'what is free, by the hypervisor (free page reporting)',
    hasProactivePageout(sys) && 'what seems idle, by the kernel (DAMON)'
  ].filter(Boolean)
}

// Of a balloon device (number 5) the guest's side has accepted feature 5: Virtual I/O Device 1.2, 5.5.3.
const BALLOON = 5
const REPORTING = 5

function hasFreePageReporting(sys) {
  return readEach(path.join(sys, 'bus/virtio/devices'), ['device', 'features'])
    .some(({ device, features }) => parseInt(device, 16) === BALLOON && features[REPORTING] === '1')
}

// Documentation/admin-guide/mm/damon/usage.rst
function hasProactivePageout(sys) {
  const ACTION = 'contexts/0/schemes/0/action'
  return readEach(path.join(sys, 'kernel/mm/damon/admin/kdamonds'), ['state', ACTION])
    .some(({ state, [ACTION]: action }) => state === 'on' && action === 'pageout')
}

/** Of each folder in a folder that has all of these files, their texts. */
function readEach(folder, files) {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder).flatMap((name) => {
    try {
      return [Object.fromEntries(files.map((file) => [file, fs.readFileSync(path.join(folder, name, file), 'latin1').trim()]))]
    } catch {
      return [] // another kind of file or device, or not for this user
    }
  })
}

// By the mount that the folder is on; statfs(2) has one number for ext2, ext3 and ext4.
function filesystemOf(folder) {
  const mounts = fs.readFileSync('/proc/self/mounts', 'latin1').split('\n').map((line) => line.split(' '))
  const isAbove = ([, point]) => point === '/' || folder === point || folder.startsWith(`${point}/`)
  // The deepest; of several on one point the last is on top.
  const found = mounts.filter(isAbove).reduce((best, mount) => mount[1].length >= best[1].length ? mount : best)
  return found[2]
}

module.exports = { freeMemory, describeMachine, memoryTakenBy }
