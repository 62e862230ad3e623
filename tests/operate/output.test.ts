import { afterAll, expect, setDefaultTimeout, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

/* A command's output in a pipeline and on a full disk. */

setDefaultTimeout(60_000)

const root = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "payhub-output-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const RUNTIMES = {
  bun: `${root}/node_modules/.bin/bun payhub.ts`,
  deno: `${root}/node_modules/.bin/deno run -A payhub.ts`
}

const shell = (line: string) => {
  const { PATH = "", HOME = "" } = process.env
  return spawnSync("sh", ["-c", line], { cwd: root, env: { PATH, HOME, PAYHUB_DATA: folder }, encoding: "utf8" })
}

for (const [runtime, payhub] of Object.entries(RUNTIMES)) {
  test(`a reader that closes the pipe ends a command quietly on ${runtime}`, () => {
    for (const command of ["channel new --help", "merchant create --help"]) {
      // `true` reads nothing and has ended long before the command writes.
      const { stdout, stderr } = shell(`{ ${payhub} ${command}; echo "exit $?" >&2; } | true`)
      expect([command, stdout, stderr]).toEqual([command, "", "exit 0\n"])
    }
  })

  test(`output that a full disk does not take makes a command fail on ${runtime}`, () => {
    for (const command of ["channel new --help", "merchant create --help"]) {
      const { status, stderr } = shell(`${payhub} ${command} > /dev/full`)
      expect([command, status, stderr]).toEqual([command, 1, "The output could not be written (ENOSPC).\n"])
    }
  })
}
