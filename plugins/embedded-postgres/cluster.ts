import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chown, lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import process from "node:process"
import type { Binaries } from "./binaries.ts"
import { chooseOwner, launchAs, type Owner, openPassage } from "./owner.ts"

/** A cluster on disk: PostgreSQL's data folder, with the password of its superuser in it. */
export interface Cluster {
  readonly folder: string
  readonly owner: Owner | null
  readonly password: string
}

export const SUPERUSER = "payhub"
const PASSWORD_FILE = "payhub.password"

/**
 * The cluster in `folder`, made if there is none. It is made beside and moved into place when whole, so that a start
 * that was killed halfway leaves nothing that a later one could take for a database; of two at once one wins.
 * @param fast skips the flush to disk: for throwaway clusters only
 */
export const openCluster = async (binaries: Binaries, folder: string, fast = false): Promise<Cluster> => {
  const parent = dirname(folder)
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const owner = await chooseOwner(folder)
  if (owner !== null) await openPassage(parent)
  await removeHalfMade(folder)
  if (!(await exists(join(folder, "PG_VERSION")))) await makeCluster(binaries, folder, owner, fast)
  const password = (await readFile(join(folder, PASSWORD_FILE), "utf8")).trim()
  return { folder, owner, password }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )

/** Folders this process is filling now; all others that carry its pid are a dead predecessor's. */
const filling = new Set<string>()

const makeCluster = async (binaries: Binaries, folder: string, owner: Owner | null, fast: boolean): Promise<void> => {
  const work = `${folder}.new-${process.pid}-${randomBytes(6).toString("hex")}`
  filling.add(work)
  try {
    await mkdir(work, { mode: 0o700 })
    const cluster = join(work, "cluster")
    const passwordFile = join(work, "password")
    const password = randomBytes(24).toString("base64url")
    await writeFile(passwordFile, password, { mode: 0o600 })
    await mkdir(cluster, { mode: 0o700 })
    if (owner !== null) for (const path of [work, cluster, passwordFile]) await chown(path, owner.uid, owner.gid)
    await runInitdb(binaries, cluster, passwordFile, owner, fast)
    await writeFile(join(cluster, PASSWORD_FILE), password, { mode: 0o600 })
    await rename(cluster, folder).catch(async (cause: unknown) => {
      if (!(await exists(join(folder, "PG_VERSION")))) throw cause
    })
  } finally {
    filling.delete(work)
    await rm(work, { recursive: true, force: true })
  }
}

const runInitdb = async (
  binaries: Binaries,
  cluster: string,
  passwordFile: string,
  owner: Owner | null,
  fast: boolean
): Promise<void> => {
  const args = [
    `--pgdata=${cluster}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--no-instructions",
    ...(fast ? ["--no-sync"] : [])
  ]
  const launch = await launchAs(owner, binaries.initdb, args, [binaries.postgres, cluster, passwordFile])
  const child = spawn(launch.program, launch.args, {
    ...launch.options,
    cwd: "/",
    env: cleanEnvironment(),
    stdio: ["ignore", "ignore", "pipe"]
  })
  let complaint = ""
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString("utf8")).slice(-2_000)
  })
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`initdb: ${lastLine(complaint)}`))))
  })
}

const lastLine = (text: string): string =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .at(-1) ?? "no message"

/** The environment for PostgreSQL's programs: none of the operator's PG… variables, and messages in English. */
export const cleanEnvironment = (): Record<string, string> => {
  const env: Record<string, string> = { LC_ALL: "C", TZ: "UTC" }
  for (const name of ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "SystemRoot"]) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

const removeHalfMade = async (folder: string): Promise<void> => {
  const parent = dirname(folder)
  const prefix = `${basename(folder)}.new-`
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue
    const path = join(parent, name)
    const pid = Number(name.slice(prefix.length).split("-")[0])
    if (filling.has(path) || (pid !== process.pid && isAlive(pid))) continue
    // Its initdb may be at work for a moment yet; what cannot go now goes at the next start.
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
  // An empty or foreign folder in our place: rename() replaces an empty one and refuses the other.
  const found = await stat(folder).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) throw new Error(`${folder} is not a folder`)
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as { code?: string }).code === "EPERM"
  }
}
