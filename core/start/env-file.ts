import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "dotenv"
import { StartRefused } from "../config/start-refused.ts"

/**
 * The variables of a folder's `.env`: quotes, comments and `export` as everywhere, `$` is a plain character. Neither
 * runtime's own reader is used, because the two disagree.
 * @throws StartRefused if the file is there but cannot be read, or is not UTF-8: going on without it would start
 * something else than the operator has written down
 */
export const readEnvFile = (folder: string): Record<string, string> => {
  const path = join(folder, ".env")
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
    if (code === "ENOENT") return {}
    throw new StartRefused({ variable: ".env", message: `The file ${path} cannot be read (${code}).` })
  }
  return parse(textOf(bytes, path))
}

/** Drops a byte order mark. UTF-16, as PowerShell's `>` writes it, has zero bytes. */
const textOf = (bytes: Uint8Array, path: string): string => {
  try {
    if (bytes.includes(0)) throw new TypeError("not UTF-8")
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw new StartRefused({ variable: ".env", message: `The file ${path} is not UTF-8; save it in that encoding.` })
  }
}
