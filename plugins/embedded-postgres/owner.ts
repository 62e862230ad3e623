import { existsSync } from "node:fs"
import { chmod, readFile, stat } from "node:fs/promises"
import { dirname } from "node:path"
import process from "node:process"

/** The user that PostgreSQL runs as when this process is root, because PostgreSQL refuses to run as root. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * The user that runs PostgreSQL on `clusterFolder`; null = the user of this process, unless that is root. For root: the
 * folder's owner if that is another user, else `postgres` or `nobody` (initdb needs a user with a name, so an unused
 * uid would not do).
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

/** Whether `owner` may enter all folders above the paths; /root, for example, lets only root in. */
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

/** How to run a program as its owner: the command line and the options of `spawn`. */
interface Launch {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly options: { readonly uid?: number; readonly gid?: number }
}

/**
 * The command line that runs `program` as the owner. If the owner cannot reach the paths (a checkout in /root, for
 * example), util-linux's setpriv gives it CAP_DAC_OVERRIDE, so that nobody has to open /root to all users. Rejects when
 * setpriv is missing.
 * @param paths everything that the program must reach besides itself
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
  // Without this bit access(2), by which initdb looks for `postgres`, ignores the capabilities of any user but root.
  const rights = ["--securebits=+no_setuid_fixup", `--inh-caps=${caps}`, `--ambient-caps=${caps}`]
  return {
    program: setpriv,
    args: [...identity, ...rights, "--", program, ...args],
    options: {}
  }
}

/** Lets other users pass through, not list, the data folder if it is ours; the files in it are 0600. */
export const openPassage = async (folder: string): Promise<void> => {
  const { mode, uid } = await stat(folder)
  if (uid === process.getuid?.() && (mode & 0o011) !== 0o011) await chmod(folder, (mode & 0o7777) | 0o011)
}
