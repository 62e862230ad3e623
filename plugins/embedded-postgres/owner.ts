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

/** The topmost folder above or at `path` that `owner` may not enter, such as /root; null = it reaches `path`. */
const closedFolder = async (owner: Owner, path: string): Promise<string | null> => {
  let closed: string | null = null
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder)
    const bit = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) closed = folder
    if (folder === dirname(folder)) return closed
  }
}

const find = (...paths: ReadonlyArray<string>): string | undefined => paths.find((path) => existsSync(path))

/** How to run a program as its owner: the command line and the options of `spawn`. */
interface Launch {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly options: { readonly uid?: number; readonly gid?: number }
}

/** No capabilities, and none by a set-uid program either. */
const NO_RIGHTS = ["--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", "--"]

/**
 * The command line that runs one of PostgreSQL's programs as the owner, without capabilities. If the owner cannot reach
 * the folders (a checkout in /root, for example), they are mounted in the program's own view of the file system, so that
 * nobody has to open /root to all users. Rejects when that cannot be done.
 * @param dataFolder what the program must reach besides PostgreSQL itself
 */
export const launchAs = async (
  owner: Owner | null,
  program: string,
  args: ReadonlyArray<string>,
  dataFolder: string
): Promise<Launch> => {
  const setpriv = process.platform === "linux" ? find("/usr/bin/setpriv", "/bin/setpriv") : undefined
  const native = dirname(dirname(program))
  const closed: string[] = []
  for (const folder of owner === null ? [] : [native, dataFolder]) {
    const found = await closedFolder(owner as Owner, folder)
    if (found !== null && !closed.includes(found)) closed.push(found)
  }
  if (owner === null || closed.length === 0) {
    const options = owner ?? {}
    // The user is changed before setpriv runs, so that it takes no right to change it.
    return setpriv === undefined
      ? { program, args, options }
      : { program: setpriv, args: [...NO_RIGHTS, program, ...args], options }
  }
  const unshare = find("/usr/bin/unshare", "/bin/unshare")
  if (setpriv === undefined || unshare === undefined || !(await mayMount())) {
    throw new Error(
      `PostgreSQL does not run as root, and user ${owner.uid} cannot enter ${closed.join(" and ")}; ` +
        "put PayHub and its data where every user may enter (/opt, /var/lib), or start it as an ordinary user"
    )
  }
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"]
  return {
    program: unshare,
    args: [
      ...[
        "--mount",
        "--propagation=private",
        "--",
        "/bin/sh",
        "-c",
        MOUNT,
        "sh",
        native,
        dataFolder,
        closed.join("\n")
      ],
      ...[setpriv, ...identity, ...NO_RIGHTS, program, ...args]
    ],
    options: {}
  }
}

/**
 * Opens the two folders, hides the closed ones behind empty ones, and mounts the two at their old paths.
 */
const MOUNT = `
set -eu
exec 8<"$1" 9<"$2"
native=$1 data=$2 closed=$3
shift 3
printf '%s\\n' "$closed" | while IFS= read -r folder; do mount -t tmpfs -o mode=0755,size=64k payhub "$folder"; done
mkdir -p "$native" "$data"
mount --no-canonicalize --bind /proc/self/fd/8 "$native"
mount --no-canonicalize --bind /proc/self/fd/9 "$data"
exec 8<&- 9<&-
exec "$@"
`

/** CAP_SYS_ADMIN, which containers seldom have. Source: capabilities(7), bit 21 of CapEff. */
const mayMount = async (): Promise<boolean> => {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "")
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)/m.exec(status) ?? []
  return ((BigInt(`0x${effective}`) >> 21n) & 1n) === 1n
}

/** Lets other users pass through, not list, the data folder if it is ours; the files in it are 0600. */
export const openPassage = async (folder: string): Promise<void> => {
  const { mode, uid } = await stat(folder)
  if (uid === process.getuid?.() && (mode & 0o011) !== 0o011) await chmod(folder, (mode & 0o7777) | 0o011)
}
