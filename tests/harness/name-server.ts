import { spawnSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { folderEndsWithUs } from "./reaper.ts"

/**
 * A DNS server for one process, which sees another /etc/resolv.conf and /etc/hosts in a mount namespace of its own and
 * still uses the system's resolver. Every name resolves to 127.0.0.1 until a test says otherwise.
 */
export interface NameServer {
  /** The command for startGateway's `through`. */
  readonly through: ReadonlyArray<string>
  readonly set: (name: string, answers: Answers) => void
  /** How many times a name was asked for. */
  readonly asked: (name: string) => number
  readonly close: () => Promise<void>
}

/** "failure" is SERVFAIL, "unknown" is NXDOMAIN, "silence" is no answer. */
export type Answers = "well" | "failure" | "unknown" | "silence"

export interface NameServerOptions {
  /** Another line of resolv.conf; "options timeout:1 attempts:1" gives up on silence after two seconds, not twenty. */
  readonly resolv?: string
  /** Another line of hosts. */
  readonly hosts?: string
}

/** $1 is a folder whose files replace those of the same names in /etc. */
const SCRIPT = `
for file in "$1"/*; do mount --bind "$file" "/etc/\${file##*/}" || exit 1; done
shift
exec "$@"
`

export const startNameServer = async ({ resolv = "", hosts = "" }: NameServerOptions = {}): Promise<NameServer> => {
  const names = new Map<string, Answers>()
  const counts = new Map<string, number>()
  const socket = createSocket("udp4")
  // resolv.conf cannot name a port but any address, and all of 127.0.0.0/8 is this machine.
  const byte = () => 1 + Math.floor(Math.random() * 250)
  const address = `127.${byte()}.${byte()}.${byte()}`
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject)
    socket.bind(53, address, resolve)
  })
  socket.on("message", (question, from) => {
    const name = nameIn(question)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    const answers = names.get(name) ?? "well"
    if (answers !== "silence") socket.send(answerTo(question, answers), from.port, from.address)
  })
  const folder = mkdtempSync(join(tmpdir(), "payhub-names-"))
  folderEndsWithUs(folder)
  writeFileSync(join(folder, "resolv.conf"), `nameserver ${address}\n${resolv}\n`)
  writeFileSync(join(folder, "hosts"), `127.0.0.1 localhost\n${hosts}\n`)
  writeFileSync(join(folder, "nsswitch.conf"), "passwd: files\ngroup: files\nhosts: files dns\n")
  return {
    through: ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", folder],
    set: (name, answers) => void names.set(name, answers),
    asked: (name) => counts.get(name) ?? 0,
    close: async () => {
      rmSync(folder, { recursive: true, force: true })
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    }
  }
}

/** Whether this process may make namespaces and listen on port 53: root may, but not in every container. */
export const nameServersAllowed = async (): Promise<boolean> => {
  try {
    const server = await startNameServer()
    const [program = "", ...args] = server.through
    const { status } = spawnSync(program, [...args, "true"])
    await server.close()
    return status === 0
  } catch {
    return false
  }
}

/** For requireTool. */
export const NAME_SERVER_HOW = "run it on Linux as root where mounting is allowed (docker run --cap-add SYS_ADMIN)"

// RFC 1035, section 4: a header of twelve bytes, then the question: labels up to an empty one, type, class.
const HEADER_BYTES = 12
const TYPE_A = 1

/** The offset after the question's name. */
const nameEnd = (message: Buffer): number => {
  let at = HEADER_BYTES
  while (at < message.length && message[at] !== 0) at += 1 + (message[at] ?? 0)
  return at + 1
}

const nameIn = (message: Buffer): string => {
  const labels: Array<string> = []
  for (let at = HEADER_BYTES; at < nameEnd(message) - 1; at += 1 + (message[at] ?? 0)) {
    labels.push(message.toString("latin1", at + 1, at + 1 + (message[at] ?? 0)))
  }
  return labels.join(".").toLowerCase()
}

const answerTo = (message: Buffer, answers: Exclude<Answers, "silence">): Buffer => {
  const end = nameEnd(message)
  const found = answers === "well" && message.readUInt16BE(end) === TYPE_A
  const question = Buffer.from(message.subarray(0, end + 4))
  // A response with recursion available; one question, and one record or none.
  question.writeUInt16BE(0x8180 | { well: 0, failure: 2, unknown: 3 }[answers], 2)
  question.writeUInt16BE(found ? 1 : 0, 6)
  question.writeUInt32BE(0, 8)
  // The question's name, type A, class IN, TTL 0, four bytes: 127.0.0.1.
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1])
  return found ? Buffer.concat([question, record]) : question
}
