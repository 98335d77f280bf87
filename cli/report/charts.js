'use strict'
// Runs in the page, where uPlot and REPORT are: draws the charts in the colours of the style sheet, and again when the
// window or the colour scheme changes.

function drawReport() {
  const LEAST_MS = 0.1 // a logarithmic scale has no zero
  const PANEL_HEIGHT = 150
  const BARS_HEIGHT = 250
  const FONT = '12px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif'

  const { delay, random, scan, titles } = REPORT
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  let charts = []

  const axis = (more) => ({
    stroke: color('soft'), font: FONT, labelFont: FONT, grid: { stroke: color('line'), width: 1 },
    ticks: { stroke: color('line'), width: 1, size: 4 }, ...more
  })

  const powersOfTen = (first, last) =>
    Array.from({ length: Math.round(Math.log10(last / first)) + 1 }, (_, i) => first * 10 ** i)
  const milliseconds = (value) => (value >= 1 ? `${Math.round(value * 10) / 10} ms` : `${Math.round(value * 1000)} µs`)

  function element(parent, tag, text, className = '') {
    const made = document.createElement(tag)
    made.textContent = text
    made.className = className
    parent.append(made)
    return made
  }

  /** One panel a way, all with the same scales: they can be compared, and none hides another. */
  function drawDelay(parent) {
    const seconds = Math.max(...delay.flatMap(({ timeline }) => timeline.map(([at]) => at))) / 1000
    const worst = Math.max(10, ...delay.map(({ late }) => late.max))
    const top = 10 ** Math.ceil(Math.log10(worst * 1.05))
    for (const { reader, timeline, late } of delay) {
      const panel = element(parent, 'div', '', 'panel')
      const heading = element(panel, 'h3', '')
      element(heading, 'i', '', `swatch ${reader}`)
      heading.append(titles[reader])
      element(heading, 'span', `99 % within ${milliseconds(late.p99)}, worst ${milliseconds(late.max)}`)
      const options = {
        width: panel.clientWidth - 24,
        height: PANEL_HEIGHT,
        cursor: { y: false, points: { show: false } },
        scales: { x: { time: false, range: [0, seconds] }, y: { distr: 3, range: [LEAST_MS, top] } },
        axes: [
          axis({ label: 'seconds since the start', labelSize: 18, size: 28 }),
          axis({
            label: 'late by', labelSize: 16, size: 58,
            splits: () => powersOfTen(LEAST_MS, top),
            filter: (_, splits) => splits, // all of them; a logarithmic axis leaves some out by itself
            values: (_, splits) => splits.map(milliseconds)
          })
        ],
        series: [{}, { stroke: color(reader), fill: `${color(reader)}40`, width: 1.2, points: { show: false } }]
      }
      const data = [timeline.map(([at]) => at / 1000), timeline.map(([, ms]) => Math.max(LEAST_MS, ms))]
      charts.push(new uPlot(options, data, panel))
    }
  }

  /** The value on top of each bar: nobody has to guess it from the axis. */
  const writeValues = (chart) => {
    const { ctx } = chart
    ctx.save()
    ctx.fillStyle = color('ink')
    ctx.font = `600 ${13 * devicePixelRatio}px system-ui, "Liberation Sans", "DejaVu Sans", sans-serif`
    ctx.textAlign = 'center'
    chart.data[1].forEach((value, i) => {
      ctx.fillText(Math.round(value).toLocaleString('en-US'), chart.valToPos(i, 'x', true), chart.valToPos(value, 'y', true) - 6 * devicePixelRatio)
    })
    ctx.restore()
  }

  function drawBars(parent, bars) {
    const most = Math.max(...bars.map(({ value }) => value))
    // uPlot gives bars colours of their own only where both are given.
    const colors = { unit: 3, values: () => bars.map(({ reader }) => color(reader)) }
    const options = {
      width: parent.clientWidth,
      height: BARS_HEIGHT,
      cursor: { show: false },
      scales: { x: { time: false, range: [-0.6, bars.length - 0.4] }, y: { range: [0, most * 1.12] } },
      axes: [
        axis({
          grid: { show: false }, size: 30, splits: () => bars.map((_, i) => i),
          values: () => bars.map(({ reader }) => titles[reader])
        }),
        axis({ size: 62, values: (_, splits) => splits.map((value) => value.toLocaleString('en-US')) })
      ],
      series: [{}, { paths: uPlot.paths.bars({ size: [0.62, 110], disp: { fill: colors, stroke: colors } }), points: { show: false } }],
      hooks: { draw: [writeValues] }
    }
    charts.push(new uPlot(options, [bars.map((_, i) => i), bars.map(({ value }) => value)], parent))
  }

  function draw() {
    for (const chart of charts) chart.destroy()
    charts = []
    const [delayPlace, randomPlace, scanPlace] = ['delay', 'random', 'scan'].map((id) => document.getElementById(id))
    for (const place of [delayPlace, randomPlace, scanPlace]) place.replaceChildren()
    drawDelay(delayPlace)
    drawBars(randomPlace, random)
    drawBars(scanPlace, scan)
    document.documentElement.dataset.charts = charts.length
  }

  let pending
  const drawSoon = () => {
    cancelAnimationFrame(pending)
    pending = requestAnimationFrame(draw)
  }
  addEventListener('resize', drawSoon)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawSoon)
  draw()
}

drawReport()
