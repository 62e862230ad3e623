import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Where the files of an installation are. */
export interface Project {
  /** The folder of its `.env`; relative paths in its configuration start here. */
  readonly folder: string
  /** The folders in which one was looked for, in this order. */
  readonly looked: ReadonlyArray<string>
}

/**
 * The installation that a command is meant for, wherever the operator stands: the first of the working directory, its
 * parents and the program's own folder that holds one. The working directory if none does.
 * @param home the program's own folder
 */
export const findProject = (cwd: string, home: string): Project => {
  const looked = [...new Set([cwd, ...parentsOf(cwd), home])]
  return { folder: looked.find(holdsProject) ?? cwd, looked }
}

const parentsOf = (folder: string): ReadonlyArray<string> => {
  const parent = dirname(folder)
  return parent === folder ? [] : [parent, ...parentsOf(parent)]
}

/** A parent's `.env` may be another program's, so it must name a variable of ours. */
const holdsProject = (folder: string): boolean => {
  if (isDataFolder(join(folder, "data"))) return true
  try {
    return /^\s*(export\s+)?PAYHUB_/m.test(readFileSync(join(folder, ".env"), "utf8"))
  } catch {
    return false
  }
}

/** Whether a gateway has been started on a data folder: it then holds the master key's file, or the embedded database. */
export const isDataFolder = (folder: string): boolean =>
  existsSync(join(folder, "master.key")) || existsSync(join(folder, "postgres", "PG_VERSION"))
