import { createRequire } from "node:module"

/*
 * Reads a clean QR code picture as a phone does, minus the error correction: enough to prove that what a payer scans is
 * what the gateway says it is. The block tables are those of the qrcode package; everything else is read from the pixels
 * (ISO/IEC 18004: format information, masks, placement, interleaving, segments).
 */

type Level = { readonly bit: number }
const require = createRequire(import.meta.url)
const { PNG } = require("pngjs") as {
  PNG: { sync: { read: (bytes: Buffer) => { width: number; height: number; data: Uint8Array } } }
}
const blocks = require("qrcode/lib/core/error-correction-code") as {
  getBlocksCount: (version: number, level: Level) => number
  getTotalCodewordsCount: (version: number, level: Level) => number
}
const levels = require("qrcode/lib/core/error-correction-level") as Record<"L" | "M" | "Q" | "H", Level>
const formats = require("qrcode/lib/core/format-info") as { getEncodedBits: (level: Level, mask: number) => number }
const alignment = require("qrcode/lib/core/alignment-pattern") as {
  getPositions: (version: number) => Array<[number, number]>
}
const symbols = require("qrcode/lib/core/utils") as { getSymbolTotalCodewords: (version: number) => number }

const MASKS: ReadonlyArray<(row: number, column: number) => boolean> = [
  (i, j) => (i + j) % 2 === 0,
  (i) => i % 2 === 0,
  (_, j) => j % 3 === 0,
  (i, j) => (i + j) % 3 === 0,
  (i, j) => (Math.floor(i / 2) + Math.floor(j / 3)) % 2 === 0,
  (i, j) => ((i * j) % 2) + ((i * j) % 3) === 0,
  (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2 === 0,
  (i, j) => (((i * j) % 3) + ((i + j) % 2)) % 2 === 0
]

type Modules = { readonly size: number; readonly dark: (row: number, column: number) => boolean }

/** The text of the one upright QR code in a PNG; an error that says what is wrong with the picture. */
export const readQrCode = (png: Uint8Array): string => {
  const modules = modulesOf(png)
  const { level, mask } = formatOf(modules)
  const version = (modules.size - 17) / 4
  return textOf(dataOf(codewordsOf(modules, version, mask), version, level), version)
}

const modulesOf = (png: Uint8Array): Modules => {
  const { width, height, data } = PNG.sync.read(Buffer.from(png))
  const darkAt = (x: number, y: number) => {
    const at = (y * width + x) * 4
    return (data[at + 3] ?? 0) > 127 && (data[at] ?? 255) + (data[at + 1] ?? 255) + (data[at + 2] ?? 255) < 384
  }
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!darkAt(x, y)) continue
      left = Math.min(left, x)
      top = Math.min(top, y)
      right = Math.max(right, x)
      bottom = Math.max(bottom, y)
    }
  }
  let finder = 0
  while (left + finder < width && darkAt(left + finder, top)) finder += 1
  // The finder's seven modules say roughly how large a module is, the number of modules how large exactly.
  const size = 17 + 4 * Math.round((((right - left + 1) * 7) / finder - 17) / 4)
  const side = (right - left + 1) / size
  if (right < 0 || !(size >= 21 && size <= 177) || Math.abs(right - left - (bottom - top)) > 1) {
    throw new Error(`no QR code in a picture of ${width} × ${height}: ${size} modules`)
  }
  return {
    size,
    dark: (row, column) => darkAt(Math.floor(left + (column + 0.5) * side), Math.floor(top + (row + 0.5) * side))
  }
}

const formatOf = ({ dark }: Modules): { readonly level: Level; readonly mask: number } => {
  let bits = 0
  const rows = [0, 1, 2, 3, 4, 5, 7, 8]
  rows.forEach((row, index) => {
    bits |= Number(dark(row, 8)) << index
  })
  const columns = [7, 5, 4, 3, 2, 1, 0]
  columns.forEach((column, index) => {
    bits |= Number(dark(8, column)) << (8 + index)
  })
  for (const level of Object.values(levels).filter((one) => typeof one === "object")) {
    for (let mask = 0; mask < 8; mask += 1) if (formats.getEncodedBits(level, mask) === bits) return { level, mask }
  }
  throw new Error(`the QR code's format information is wrong: ${bits.toString(2)}`)
}

const codewordsOf = ({ size, dark }: Modules, version: number, mask: number): ReadonlyArray<number> => {
  const centres = alignment.getPositions(version)
  const isFunction = (row: number, column: number) =>
    (row < 9 && (column < 9 || column >= size - 8)) ||
    (row >= size - 8 && column < 9) ||
    row === 6 ||
    column === 6 ||
    centres.some(([y, x]) => Math.abs(row - y) <= 2 && Math.abs(column - x) <= 2) ||
    (version >= 7 && ((row < 6 && column >= size - 11) || (column < 6 && row >= size - 11)))
  const masked = MASKS[mask] ?? (() => false)
  const bits: number[] = []
  let upwards = true
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right -= 1
    for (let step = 0; step < size; step += 1) {
      const row = upwards ? size - 1 - step : step
      for (const column of [right, right - 1]) {
        if (!isFunction(row, column)) bits.push(Number(dark(row, column) !== masked(row, column)))
      }
    }
    upwards = !upwards
  }
  return Array.from({ length: Math.floor(bits.length / 8) }, (_, index) =>
    bits.slice(index * 8, index * 8 + 8).reduce((byte, bit) => byte * 2 + bit, 0)
  )
}

const dataOf = (codewords: ReadonlyArray<number>, version: number, level: Level): ReadonlyArray<number> => {
  const total = symbols.getSymbolTotalCodewords(version)
  const count = blocks.getBlocksCount(version, level)
  const data = total - blocks.getTotalCodewordsCount(version, level)
  const short = Math.floor(data / count)
  const longFrom = count - (data % count)
  const parts: number[][] = Array.from({ length: count }, () => [])
  let at = 0
  for (let index = 0; index <= short; index += 1) {
    parts.forEach((part, block) => {
      if (index < short || block >= longFrom) part.push(codewords[at++] ?? 0)
    })
  }
  return parts.flat()
}

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

const textOf = (data: ReadonlyArray<number>, version: number): string => {
  let at = 0
  const take = (count: number) => {
    let value = 0
    for (const end = at + count; at < end; at += 1) value = value * 2 + (((data[at >> 3] ?? 0) >> (7 - (at & 7))) & 1)
    return value
  }
  const widths = version < 10 ? [10, 9, 8] : version < 27 ? [12, 11, 16] : [14, 13, 16]
  const bytes: number[] = []
  const add = (text: string) => bytes.push(...Buffer.from(text))
  while (at + 4 <= data.length * 8) {
    const mode = take(4)
    if (mode === 0) break
    if (mode === 1) {
      let left = take(widths[0] ?? 0)
      for (; left >= 3; left -= 3) add(String(take(10)).padStart(3, "0"))
      if (left === 2) add(String(take(7)).padStart(2, "0"))
      if (left === 1) add(String(take(4)))
    } else if (mode === 2) {
      let left = take(widths[1] ?? 0)
      for (; left >= 2; left -= 2) {
        const pair = take(11)
        add((ALPHANUMERIC[Math.floor(pair / 45)] ?? "") + (ALPHANUMERIC[pair % 45] ?? ""))
      }
      if (left === 1) add(ALPHANUMERIC[take(6)] ?? "")
    } else if (mode === 4) {
      for (let left = take(widths[2] ?? 0); left > 0; left -= 1) bytes.push(take(8))
    } else {
      throw new Error(`the QR code has a segment of mode ${mode}, which no payment link needs`)
    }
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes))
}
