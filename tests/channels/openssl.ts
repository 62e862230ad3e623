import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { requireTool } from "../harness/require-tool.ts"

/** Whether openssl is installed; without it the suite is skipped and named in the run's report. */
export const hasOpenssl = (suite: string): boolean =>
  requireTool({
    name: "openssl",
    found: (() => {
      try {
        execFileSync("openssl", ["version"], { stdio: "ignore" })
        return true
      } catch {
        return false
      }
    })(),
    suite,
    how: "apt install openssl"
  })

/** A folder of its own that openssl works in. */
export const opensslFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-openssl-"))
  return {
    path: folder,
    openssl: (...args: ReadonlyArray<string>): Buffer =>
      execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }),
    file: (name: string): Buffer => readFileSync(join(folder, name)),
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}
