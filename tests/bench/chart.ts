import { nameOf, type Result } from "./throughput.ts"

/*
 * Throughput and latency over connections as one SVG without a library or a script. It brings its own background, so it
 * is readable on light and dark pages.
 */

const WIDTH = 1080
const HEIGHT = 620
const PANEL = { width: 460, height: 380, top: 90 }
const LEFT = [80, 600] as const
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

interface Style {
  readonly color: string
  readonly dash: string
}

/** Gateways differ by colour; references are grey and differ by dash. */
const OURS: ReadonlyArray<Style> = ["#0f62fe", "#da1e28", "#198038", "#8a3ffc", "#b28600", "#009d9a"].map((color) => ({
  color,
  dash: ""
}))
const REFERENCES: ReadonlyArray<Style> = [
  { color: "#343a3f", dash: "10 3 2 3" },
  { color: "#6f6f6f", dash: "7 4" },
  { color: "#8d8d8d", dash: "3 3" }
]

interface Line {
  readonly name: string
  readonly results: ReadonlyArray<Result>
  readonly style: Style
}

/** @param footnote one line: the machine and how it was measured */
export const chartSvg = (results: ReadonlyArray<Result>, title: string, footnote: string): string => {
  // A run too short to finish anything has no rate.
  const lines = linesOf(results.filter((result) => result.perSecond > 0 && result.p50Ms > 0))
  const connections = [...new Set(results.map((result) => result.connections))].sort((a, b) => a - b)
  const x = (value: number) =>
    connections.length < 2
      ? PANEL.width / 2
      : (connections.indexOf(value) / (connections.length - 1)) * (PANEL.width - 40) + 20
  const rates = linearScale(Math.max(...lines.flatMap((line) => line.results.map(({ perSecond }) => perSecond))))
  const times = logScale(lines.flatMap((line) => line.results.flatMap(({ p50Ms, p99Ms }) => [p50Ms, p99Ms])))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="${FONT}" font-size="13" fill="#21272a" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT[0] - 40}" y="36" font-size="20" font-weight="600">${escaped(title)}</text>`,
    panel(LEFT[0], "per second", rates, connections, x),
    panel(LEFT[1], "milliseconds: p50, and p99 thin (logarithmic)", times, connections, x),
    ...lines.flatMap((line, index) => [
      path(LEFT[0], line, x, (result) => rates.y(result.perSecond), 2.5),
      path(LEFT[1], line, x, (result) => times.y(result.p50Ms), 2.5),
      path(LEFT[1], line, x, (result) => times.y(result.p99Ms), 1.2),
      legend(line, index)
    ]),
    `<text x="${LEFT[0] - 40}" y="${HEIGHT - 12}" font-size="11" fill="#697077">${escaped(footnote)}</text>`,
    "</svg>",
    ""
  ].join("\n")
}

const linesOf = (results: ReadonlyArray<Result>): ReadonlyArray<Line> => {
  const byName = new Map<string, Array<Result>>()
  for (const result of results) {
    const name = `${nameOf(result.subject)} ${result.operation}`
    byName.set(name, [...(byName.get(name) ?? []), result])
  }
  const lines = [...byName].map(([name, found]) => ({ name, results: found, kind: found[0]?.subject.kind }))
  const styled = (kind: "gateway" | "reference", styles: ReadonlyArray<Style>) =>
    lines.filter((line) => line.kind === kind).flatMap((line, i) => (styles[i] ? [{ ...line, style: styles[i] }] : []))
  return [...styled("gateway", OURS), ...styled("reference", REFERENCES)]
}

interface Scale {
  readonly y: (value: number) => number
  readonly ticks: ReadonlyArray<number>
}

const linearScale = (max: number): Scale => {
  const rough = max / 5
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough) ?? rough
  const top = Math.ceil(max / step) * step
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step)
  return { y: (value) => PANEL.height * (1 - value / top), ticks }
}

const logScale = (values: ReadonlyArray<number>): Scale => {
  const positive = values.filter((value) => value > 0)
  const low = Math.floor(Math.log10(Math.min(...positive)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))))
  const y = (value: number) => PANEL.height * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low))
  return { y, ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) }
}

const panel = (
  left: number,
  title: string,
  scale: Scale,
  connections: ReadonlyArray<number>,
  x: (value: number) => number
): string => {
  const grid = scale.ticks.map((tick) => {
    const y = scale.y(tick).toFixed(1)
    return `<line x1="0" x2="${PANEL.width}" y1="${y}" y2="${y}" stroke="#e5e8eb"/><text x="-10" y="${y}" dy="4" text-anchor="end" fill="#697077">${tick.toLocaleString("en-US")}</text>`
  })
  const marks = connections.map(
    (value) =>
      `<text x="${x(value).toFixed(1)}" y="${PANEL.height + 22}" text-anchor="middle" fill="#697077">${value}</text>`
  )
  return `<g transform="translate(${left} ${PANEL.top})"><text x="-40" y="-18" font-weight="600">${escaped(title)}</text>${grid.join("")}${marks.join("")}<text x="${PANEL.width / 2}" y="${PANEL.height + 44}" text-anchor="middle" fill="#697077">connections</text></g>`
}

const path = (
  left: number,
  { results, style }: Line,
  x: (value: number) => number,
  y: (result: Result) => number,
  width: number
): string => {
  const points = [...results].sort((a, b) => a.connections - b.connections)
  const at = points.map((result) => `${x(result.connections).toFixed(1)},${y(result).toFixed(1)}`)
  const dash = dashOf(style)
  const dots =
    width < 2
      ? []
      : at.map(
          (point) => `<circle cx="${point.split(",")[0]}" cy="${point.split(",")[1]}" r="3.5" fill="${style.color}"/>`
        )
  return `<g transform="translate(${left} ${PANEL.top})"><polyline points="${at.join(" ")}" fill="none" stroke="${style.color}" stroke-width="${width}"${dash} stroke-linejoin="round"/>${dots.join("")}</g>`
}

const legend = ({ name, style }: Line, index: number): string => {
  const left = LEFT[0] - 40 + (index % 3) * 340
  const top = HEIGHT - 76 + Math.floor(index / 3) * 20
  const dash = dashOf(style)
  return `<line x1="${left}" x2="${left + 28}" y1="${top - 4}" y2="${top - 4}" stroke="${style.color}" stroke-width="3"${dash}/><text x="${left + 36}" y="${top}">${escaped(name)}</text>`
}

const dashOf = ({ dash }: Style): string => (dash === "" ? "" : ` stroke-dasharray="${dash}"`)

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")
