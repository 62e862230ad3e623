import type { Schema } from "effect"
import { CliOutput } from "effect/cli"

/*
 * An operation's output for people: a list is a table, an object is a list of its keys. The JSON of `--json` is the
 * interface; this text may change at any time.
 */

type Row = { readonly [key: string]: Schema.Json }

const COLUMN_GAP = 2

/**
 * Longest cells in terminal columns; longer ones are cut, because a wrapped row is unreadable. The last may be longer.
 */
const CELL_WIDTH_MAX = 72
const LAST_CELL_WIDTH_MAX = 400

/** @param columns keys of a list's rows to show; undefined = all */
export const humanText = (output: Schema.Json, columns: ReadonlyArray<string> | undefined): string => {
  if (!Array.isArray(output)) return isRow(output) ? record(output, "") : plain(output)
  if (output.length === 0) return "none"
  if (!output.every(isRow)) return output.map(plain).join("\n")
  return table(output, columns ?? Object.keys(output[0] ?? {}))
}

const isRow = (value: Schema.Json): value is Row => typeof value === "object" && value !== null && !Array.isArray(value)

const title = (key: string): string => key.replaceAll("_", " ")

const record = (row: Row, indent: string): string => {
  const keys = Object.keys(row)
  const width = Math.max(...keys.map((key) => title(key).length)) + COLUMN_GAP
  return keys
    .map((key) => {
      const value = row[key] ?? null
      const name = `${indent}${title(key)}`
      if (Array.isArray(value) && value.length > 0 && value.every(isRow)) {
        return `\n${name}\n${table(value, Object.keys(value[0] ?? {}), `${indent}  `)}`
      }
      if (isRow(value)) return `\n${name}\n${record(value, `${indent}  `)}`
      return `${pad(name, indent.length + width)}${plain(value)}`
    })
    .join("\n")
}

const table = (rows: ReadonlyArray<Row>, columns: ReadonlyArray<string>, indent = ""): string => {
  // A column that is empty in every row is left out.
  const shown = columns.filter((column) => rows.some((row) => plain(row[column] ?? null) !== NOTHING))
  const cells = [
    shown.map((column) => title(column).toUpperCase()),
    ...rows.map((row) =>
      shown.map((column, index) =>
        cut(plain(row[column] ?? null), index === shown.length - 1 ? LAST_CELL_WIDTH_MAX : CELL_WIDTH_MAX)
      )
    )
  ]
  const widths = shown.map((_, index) => Math.max(...cells.map((row) => CliOutput.displayWidth(row[index] ?? ""))))
  return cells
    .map(
      (row) =>
        indent +
        row
          .map((cell, index) => pad(cell, (widths[index] ?? 0) + COLUMN_GAP))
          .join("")
          .trimEnd()
    )
    .join("\n")
}

const NOTHING = "-"

/** A value on one line. */
const plain = (value: Schema.Json): string => {
  if (value === null || value === "") return NOTHING
  if (typeof value === "boolean") return value ? "yes" : "no"
  if (Array.isArray(value)) return value.length === 0 ? NOTHING : value.map(inline).join(", ")
  return inline(value)
}

const inline = (value: Schema.Json): string => {
  if (isRow(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== null && member !== "")
    return members.length === 0 ? NOTHING : members.map(([key, member]) => `${key}=${inline(member)}`).join(" ")
  }
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`
  return visible(String(value))
}

/** Escapes control characters: texts of merchants and providers must not control the operator's terminal. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    JSON.stringify(character).length > 3
      ? JSON.stringify(character).slice(1, -1)
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

const pad = (text: string, width: number): string =>
  text + " ".repeat(Math.max(0, width - CliOutput.displayWidth(text)))

const cut = (text: string, widthMax: number): string => {
  if (CliOutput.displayWidth(text) <= widthMax) return text
  let kept = ""
  for (const character of text) {
    if (CliOutput.displayWidth(kept + character) > widthMax - 1) break
    kept += character
  }
  return `${kept}…`
}
