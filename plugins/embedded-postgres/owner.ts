import { existsSync } from "node:fs"
import { chmod, readFile, stat } from "node:fs/promises"
import { dirname } from "node:path"
import process from "node:process"

/** The user that PostgreSQL runs as when we are root, which it refuses to be. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * Who runs PostgreSQL on `clusterFolder`: null = ourselves. As root: the folder's owner if it has one already, else
 * `postgres` or `nobody` (initdb wants a user that has a name, so a free number would not do).
 */
export const chooseOwner = async (clusterFolder: string): Promise<Owner | null> => {
  if (process.getuid?.() !== 0) return null
  const existing = await stat(clusterFolder).catch(() => undefined)
  if (existing !== undefined && existing.uid !== 0) return { uid: existing.uid, gid: existing.gid }
  const users = await readFile("/etc/passwd", "utf8").catch(() => "")
  for (const name of ["postgres", "nobody"]) {
    const fields = users
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":")
    if (fields !== undefined) return { uid: Number(fields[2]), gid: Number(fields[3]) }
  }
  return { uid: 65_534, gid: 65_534 }
}

/** Whether `owner` can walk to all of the paths; else they lie in a folder such as /root that only root enters. */
const canEnter = async (owner: Owner, paths: ReadonlyArray<string>): Promise<boolean> => {
  for (const path of paths) {
    for (let folder = dirname(path); ; folder = dirname(folder)) {
      const { mode, uid, gid } = await stat(folder)
      const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001
      if ((mode & bit) === 0) return false
      if (folder === dirname(folder)) break
    }
  }
  return true
}

const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"]

/** How to run a program as the owner: its command line, and what `spawn` needs to know. */
export interface Launch {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly options: { readonly uid?: number; readonly gid?: number }
}

/**
 * The command line that runs `program` as the owner. Where the owner cannot reach the paths (`git clone` in /root, and
 * start), util-linux's setpriv lends it CAP_DAC_OVERRIDE, so that nobody has to open /root to all users.
 * @param paths everything that the program must reach: itself and the data
 */
export const launchAs = async (
  owner: Owner | null,
  program: string,
  args: ReadonlyArray<string>,
  paths: ReadonlyArray<string>
): Promise<Launch> => {
  if (owner === null) return { program, args, options: {} }
  if (await canEnter(owner, [program, ...paths])) return { program, args, options: owner }
  const setpriv = SETPRIV.find((path) => existsSync(path))
  if (setpriv === undefined) {
    throw new Error(
      `PostgreSQL does not run as root, and user ${owner.uid} cannot enter the folders above it; ` +
        "put PayHub and its data where every user may enter (/opt, /var/lib), or start it as an ordinary user"
    )
  }
  const caps = "-all,+dac_override"
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"]
  return {
    program: setpriv,
    args: [...identity, `--inh-caps=${caps}`, `--ambient-caps=${caps}`, "--", program, ...args],
    options: {}
  }
}

/** Lets others pass through (not list) our own data folder; the files in it are 0600. */
export const openPassage = async (folder: string): Promise<void> => {
  const { mode, uid } = await stat(folder)
  if (uid === process.getuid?.() && (mode & 0o011) !== 0o011) await chmod(folder, (mode & 0o7777) | 0o011)
}
