/** A text table: columns as wide as their widest cell, numbers aligned to the right. */
export const tableText = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)))
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return isNumber(cell) || cells === head
          ? cell.padStart(column === 0 ? 0 : width).padEnd(width)
          : cell.padEnd(width)
      })
      .join("  ")
      .trimEnd()
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n")
}

const isNumber = (cell: string): boolean => /^[\d.,–-]/.test(cell)

/** 12345.6 → "12,346", undefined → a dash. @param decimals digits after the point */
export const numberText = (value: number | undefined, decimals = 0): string =>
  value === undefined || Number.isNaN(value)
    ? "–"
    : value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })

/** A progress bar that overwrites itself on a terminal; elsewhere one line per quarter. */
export const progressBar = (title: string, total: number) => {
  let shown = -1
  return (done: number): void => {
    const percent = Math.floor((done / total) * 100)
    if (percent === shown) return
    shown = percent
    const bar = "█".repeat(Math.floor(percent / 4)).padEnd(25, "░")
    if (process.stderr.isTTY) process.stderr.write(`\r${title} ${bar} ${percent} %${percent === 100 ? "\n" : ""}`)
    else if (percent % 25 === 0) process.stderr.write(`${title} ${percent} %\n`)
  }
}
