import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { folderEndsWithUs } from "./reaper.ts"

/**
 * A wall clock for one process, which a test sets while that process runs: libfaketime stands between it and the system.
 * The monotonic clock stays true, as when somebody sets a machine's clock, and so do all timers.
 */
export interface SteppedClock {
  /** For startGateway. */
  readonly through: ReadonlyArray<string>
  /** By how many seconds it is ahead now. */
  readonly aheadS: () => number
  readonly set: (aheadS: number) => void
  /** @param pid of the process that it was given to */
  readonly close: (pid: number) => void
}

/** Debian's places; the library for programs of several threads, else the other. */
const library = (): string | undefined =>
  process.platform === "linux"
    ? ["libfaketimeMT.so.1", "libfaketime.so.1"]
        .flatMap((name) => readdirSync("/usr/lib").map((folder) => join("/usr/lib", folder, "faketime", name)))
        .find((path) => existsSync(path))
    : undefined

export const faketimeAvailable = (): boolean => library() !== undefined

/** For requireTool. */
export const FAKETIME_HOW = "apt install faketime"

export const openSteppedClock = (): SteppedClock => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-clock-"))
  folderEndsWithUs(folder)
  const file = join(folder, "offset")
  let ahead = 0
  const set = (aheadS: number): void => {
    // Moved into place whole: the process reads it at every look at its clock.
    writeFileSync(`${file}.new`, aheadS < 0 ? `${aheadS}` : `+${aheadS}`)
    renameSync(`${file}.new`, file)
    ahead = aheadS
  }
  set(0)
  return {
    through: [
      "env",
      `LD_PRELOAD=${library()}`,
      `FAKETIME_TIMESTAMP_FILE=${file}`,
      "FAKETIME_NO_CACHE=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1"
    ],
    aheadS: () => ahead,
    set,
    close: (pid) => {
      rmSync(folder, { recursive: true, force: true })
      // It leaves these behind where a runtime ends without its destructors.
      for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) rmSync(`/dev/shm/${name}`, { force: true })
    }
  }
}
