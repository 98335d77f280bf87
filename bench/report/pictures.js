'use strict'
// The pictures of docs/performance.md and the one of README.md, as SVG by Apache ECharts, which renders on a server without a browser.

const figures = require('../figures')
const peers = require('../peers')

const WIDTH = 860
const HEIGHT = 440

// A logarithmic axis has no zero.
const LEAST_DELAY_MS = 0.1

// Ours are warm; a contender has one colour in all pictures.
const COLORS = {
  'faultless view()': '#c2410c',
  'faultless read()': '#f59e0b',
  'fs.promises.read': '#1d4ed8',
  'fs.read': '#0891b2',
  'fs.read, 32 threads': '#15803d',
  'fs.promises.readFile': '#6d28d9',
  'fio (direct I/O)': '#111827'
}
const OTHER_COLOR = '#6b7280'

const PANEL = { columns: 2, width: 340, height: 110, gapX: 90, gapY: 60, left: 70, top: 80 }
const PANEL_IN_ROW = { columns: 3, width: 235, height: 140, gapX: 45, gapY: 45, left: 50, top: 80 }

// What the README compares: the same reads from a plain mapping, by Node's own means, and by us.
const IN_README = ['direct loads from a mapping', 'fs.promises.read', 'faultless view()']

const KINDS = [
  {
    file: 'event-loop-delay.svg',
    trial: 'cold-random',
    alt: 'Event-loop delay over time, cold random reads',
    title: 'Event-loop delay in ms over seconds: cold random reads, 64 in flight',
    option: ({ points: [{ contenders }] }) => delayOverTime(contenders, PANEL)
  },
  {
    file: 'late-event-loop.svg',
    isOfReadme: true,
    trial: 'cold-random',
    alt: 'How late the event loop was during cold random reads',
    title: 'How late the event loop was, in ms, over seconds: cold random 4 KiB reads, 64 in flight',
    option: ({ points: [{ contenders }] }) => {
      const inOrder = IN_README.map((name) => contenders.find((contender) => contender.name === name))
      return delayOverTime(inOrder.filter(Boolean), PANEL_IN_ROW)
    }
  },
  {
    file: 'queue-depth.svg',
    trial: 'queue-depth',
    alt: 'Throughput by the number of reads in flight',
    title: 'Cold random 4 KiB reads: throughput by the number in flight',
    option: (trial) => bySeries(trial, 'readsPerSecond', { type: 'value' })
  },
  {
    file: 'file-size-time.svg',
    trial: 'file-size',
    alt: 'Time to open and read, by file size',
    title: 'Time to open a file and read some blocks, by its size',
    option: (trial) => bySeries(trial, 'milliseconds', { type: 'log' })
  },
  {
    file: 'file-size-memory.svg',
    trial: 'file-size',
    alt: 'Memory added, by file size',
    title: 'Memory (RSS) that it adds, by file size',
    option: (trial) => bySeries(trial, 'rssBytes', { type: 'log' }, 2 ** 20)
  }
]

/** @returns {Array<{file: string, alt: string, svg: string, isOfReadme: boolean}>} those for which the run has figures */
module.exports = function pictures({ trials }) {
  const { init } = peers.load('echarts')
  return KINDS.flatMap(({ file, trial: name, alt, title, option, isOfReadme = false }) => {
    const trial = trials.find((candidate) => candidate.name === name)
    if (trial === undefined || trial.points.length === 0) return []
    return [{ file, alt, isOfReadme, svg: render(init, title, option(trial)) }]
  })
}

function render(init, title, { height = HEIGHT, ...option }) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  try {
    const heading = { text: title, left: 'center', textStyle: { fontSize: 16 } }
    const titles = [heading, ...option.title ?? []]
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option, title: titles })
    return chart.renderToSVGString() + '\n'
  } finally {
    // It keeps the process alive otherwise.
    chart.dispose()
  }
}

const powerOfTen = (value) => 10 ** Math.max(1, Math.ceil(Math.log10(value)))
const wholeTenths = (value) => Math.ceil(value * 10) / 10

/** A panel a contender, all with the same axes: ten lines in one would hide each other. */
function delayOverTime(contenders, panel) {
  const shown = contenders.filter(({ runs }) => runs[0]?.timeline?.length > 0)
  const timelines = shown.map(({ runs }) => typical(runs).timeline)
  const [seconds, late] = [0, 1].map((i) => Math.max(...timelines.flat().map((sample) => sample[i])))
  const rows = Math.ceil(shown.length / panel.columns)
  const end = { max: wholeTenths(seconds / 1e3), axisLabel: { showMaxLabel: false } } // which would lie on the one before
  return {
    height: panel.top + rows * (panel.height + panel.gapY),
    title: shown.map(({ name }, i) => ({ text: name, ...corner(panel, i, -24), textStyle: { fontSize: 12 } })),
    grid: shown.map((_, i) => ({ ...corner(panel, i), width: panel.width, height: panel.height })),
    xAxis: shown.map((_, gridIndex) => ({ gridIndex, type: 'value', ...end })),
    yAxis: shown.map((_, gridIndex) => ({ gridIndex, type: 'log', min: LEAST_DELAY_MS, max: powerOfTen(late) })),
    series: shown.map(({ name }, i) => ({
      ...line(name),
      xAxisIndex: i,
      yAxisIndex: i,
      showSymbol: false,
      lineStyle: { width: 1.2 },
      data: timelines[i].map(([at, ms]) => [at / 1e3, Math.max(LEAST_DELAY_MS, ms)])
    }))
  }
}

// The run of median throughput, and not the best or the first.
function typical(runs) {
  const sorted = runs.toSorted((a, b) => a.readsPerSecond - b.readsPerSecond)
  return sorted[sorted.length >> 1]
}

function corner({ columns, width, height, gapX, gapY, left, top }, i, above = 0) {
  return { left: left + i % columns * (width + gapX), top: top + Math.floor(i / columns) * (height + gapY) + above }
}

/** A line a contender over the points of a series. */
function bySeries({ points }, figure, yAxis, unit = 1) {
  const names = points[0].contenders.map(({ name }) => name)
  return {
    legend: { bottom: 5, itemGap: 28 },
    grid: { left: 80, right: 30, top: 50, bottom: 70 },
    xAxis: axis('', { type: 'category', data: points.map(({ label }) => label) }),
    yAxis: axis(figures[figure].label, yAxis, 55),
    series: names.map((name, i) => ({
      ...line(name),
      symbolSize: 7,
      data: points.map(({ contenders }) => valueOf(contenders[i], figure, unit))
    }))
  }
}

const line = (name) => ({ name, type: 'line', color: COLORS[name] ?? OTHER_COLOR })

// What was skipped leaves a gap.
function valueOf({ summary }, figure, unit) {
  const median = summary[figure]?.median
  return median > 0 ? median / unit : '-'
}

const axis = (name, rest, nameGap = 40) => ({ name, nameLocation: 'middle', nameGap, ...rest })
