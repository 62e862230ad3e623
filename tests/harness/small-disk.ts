import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mountEndsWithUs } from "./reaper.ts"

/** A disk of a few mebibytes (a tmpfs) that a test fills to the last page and frees again. */
export interface SmallDisk {
  readonly path: string
  readonly fill: () => void
  readonly free: () => void
  /** Call it once nothing uses the disk any more. */
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
      // Whole mebibytes first, then ever smaller pieces down to a page.
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
      // Lazily, because a server that is ending may hold a file a moment longer.
      const left = run("umount", "--lazy", path)
      if (left !== "") throw new Error(`the small disk could not be unmounted: ${left}`)
      rmdirSync(path)
    }
  }
}

/** Whether this process may mount: root may, but not in every container. */
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

/** Runs a program. @returns "" where it succeeded, otherwise its error text */
const run = (program: string, ...args: ReadonlyArray<string>): string => {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" })
  return status === 0 ? "" : (error?.message ?? stderr.trim())
}
