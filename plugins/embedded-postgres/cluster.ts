import { spawn } from "node:child_process"
import { createHmac, randomBytes } from "node:crypto"
import { chown, lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import process from "node:process"
import type { Binaries } from "./binaries.ts"
import { chooseOwner, launchAs, type Owner, openPassage } from "./owner.ts"

/** A database cluster on disk: PostgreSQL's data folder, which also holds the password of its superuser. */
export interface Cluster {
  readonly folder: string
  /** The user that PostgreSQL runs as; null = the user of this process. */
  readonly owner: Owner | null
  readonly password: string
  /** Of RUNTIME; nobody can tell the superuser's password from it. */
  readonly runtimePassword: string
}

/** Owns the tables and migrates. */
export const SUPERUSER = "payhub"
/** The gateway's and the commands' login. */
export const RUNTIME = "payhub_gateway"
const PASSWORD_FILE = "payhub.password"

/**
 * Opens the cluster in `folder`, and makes it if there is none. A new cluster is made in a folder beside it and moved
 * into place when it is complete, so that a start that was killed halfway leaves nothing that a later start could take
 * for a database. Of two starts at once one wins. Rejects when `folder` cannot be written or is not a folder.
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
  // Derived, so that an existing folder needs no second file, and two processes at once make the same password.
  return {
    folder,
    owner,
    password,
    runtimePassword: createHmac("sha256", password).update(RUNTIME).digest("base64url")
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false
  )

/** Folders that this process is filling now; any other folder with its pid was left by a dead process of that pid. */
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
  const launch = await launchAs(owner, binaries.initdb, args, dirname(cluster))
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

/** The environment of PostgreSQL's programs: without the operator's PG… variables, and with messages in English. */
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
    // Its initdb may still be running for a moment; the next start removes what cannot be removed now.
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
  // In place of the cluster, rename() replaces an empty folder and refuses one with other content.
  const found = await stat(folder).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) throw new Error(`${folder} is not a folder`)
}

/** Whether a process with this pid runs, whoever owns it. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return (cause as { code?: string }).code === "EPERM"
  }
}
