import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { folderEndsWithUs } from "./reaper.ts"

/**
 * A wall clock for one process, which a test sets while that process runs; libfaketime stands between the process and the
 * system. The monotonic clock and all timers stay true, as when somebody sets a machine's clock.
 */
export interface SteppedClock {
  /** The command for startGateway's `through`. */
  readonly through: ReadonlyArray<string>
  /** Seconds by which it is ahead now. */
  readonly aheadS: () => number
  readonly set: (aheadS: number) => void
  /** @param pid the process that used the clock */
  readonly close: (pid: number) => void
}

/** The library in Debian's folders: the multi-threaded one, otherwise the plain one. */
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
    // Moved into place in one step, because the process reads the file whenever it reads its clock.
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
      // libfaketime leaves these behind when a runtime ends without running destructors.
      for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) rmSync(`/dev/shm/${name}`, { force: true })
    }
  }
}
