import { afterAll, beforeAll, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readEnvFile } from "./env-file.ts"

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "payhub-env-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

const read = (content: string | Uint8Array) => {
  rmSync(join(folder, ".env"), { recursive: true, force: true })
  writeFileSync(join(folder, ".env"), content)
  return readEnvFile(folder)
}

test("no file is no variables", () => {
  expect(readEnvFile(join(folder, "nowhere"))).toEqual({})
})

test("a dollar, quotes, comments, export, CRLF and a byte order mark mean what they do everywhere", () => {
  const text = "\uFEFFA=tok$enAbc\r\nB=\"two\\nlines\"\nexport C='x $y' # why\n# D=1\nE=a=b\nF=\n"
  expect(read(text)).toEqual({ A: "tok$enAbc", B: "two\nlines", C: "x $y", E: "a=b", F: "" })
})

test("a file that cannot be read as text refuses by its name", () => {
  expect(() => read(Buffer.from("A=1\n", "utf16le"))).toThrow(/\.env is not UTF-8/)
  expect(() => read(Buffer.from([0x41, 0x3d, 0xb2, 0xe2, 0x0a]))).toThrow(/\.env is not UTF-8/)
  rmSync(join(folder, ".env"))
  mkdirSync(join(folder, ".env"))
  expect(() => readEnvFile(folder)).toThrow(/\.env cannot be read \(EISDIR\)/)
})

test.skipIf(process.getuid?.() === 0)("a file without the right to read it refuses by its name", () => {
  read("A=1\n")
  chmodSync(join(folder, ".env"), 0)
  expect(() => readEnvFile(folder)).toThrow(/\.env cannot be read \(EACCES\)/)
})
