import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mountEndsWithUs } from "./reaper.ts"

/** A disk of a few megabytes (a tmpfs), which a test fills to its last page and frees again. */
export interface SmallDisk {
  readonly path: string
  readonly fill: () => void
  readonly free: () => void
  /** Nothing may use it any more. */
  readonly unmount: () => void
}

export const mountSmallDisk = (mebibytes: number): SmallDisk => {
  const path = mkdtempSync(join(tmpdir(), "payhub-disk-"))
  const mounted = run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m,mode=755`, "tmpfs", path)
  if (mounted !== "") {
    rmdirSync(path)
    throw new Error(`no tmpfs could be mounted: ${mounted}`)
  }
  mountEndsWithUs(path)
  const ballast = join(path, "ballast")
  return {
    path,
    fill: () => {
      const file = openSync(ballast, "a")
      // Whole megabytes, then what is left, page by page.
      for (let bytes = 1 << 20; bytes >= 4_096; ) {
        try {
          writeSync(file, Buffer.alloc(bytes))
        } catch (cause) {
          if ((cause as { readonly code?: string }).code !== "ENOSPC") throw cause
          bytes >>= 1
        }
      }
      closeSync(file)
    },
    free: () => rmSync(ballast),
    unmount: () => {
      // Lazily: a server that has said its last may hold a file for a moment yet.
      const left = run("umount", "--lazy", path)
      if (left !== "") throw new Error(`the small disk could not be unmounted: ${left}`)
      rmdirSync(path)
    }
  }
}

/** Root may mount, but not in every container. */
export const mountsAllowed = (): boolean => {
  try {
    mountSmallDisk(1).unmount()
    return true
  } catch {
    return false
  }
}

/** For requireTool. */
export const MOUNT_HOW = "run it as root where mounting is allowed (docker run --cap-add SYS_ADMIN)"

/** "" = done, else what the program said. */
const run = (program: string, ...args: ReadonlyArray<string>): string => {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" })
  return status === 0 ? "" : (error?.message ?? stderr.trim())
}
