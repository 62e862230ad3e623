import { lookup } from "node:dns/promises"
import { readFileSync } from "node:fs"
import { connect as connectTcp, isIP, type Socket } from "node:net"
import process from "node:process"
import {
  checkServerIdentity,
  connect as connectTls,
  rootCertificates,
  type ConnectionOptions as TlsOptions
} from "node:tls"
import type { Host, Target } from "./url.ts"

/** A socket to a server, TLS settled; the driver speaks on it. Rejects where no connection can be made in time. */
export const openSocket = async (host: Host, target: Target): Promise<Socket> => {
  if ("path" in host) return await opened(connectTcp(host.path), "connect", target.connectMs)
  const tcp = await toFirstAddress(host, target.connectMs)
  tcp.setNoDelay(true)
  if (target.keepAliveMs !== null) tcp.setKeepAlive(true, target.keepAliveMs)
  return target.tls.mode === "disable" ? tcp : await secured(tcp, host.host, target)
}

/** A name may have several addresses; the first that takes a connection is the one. */
const toFirstAddress = async ({ host, port }: { readonly host: string; readonly port: number }, withinMs: number) => {
  const addresses = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host]
  let failure: unknown = Object.assign(new Error(`${host} has no address`), { code: "ENOTFOUND" })
  for (const address of addresses) {
    try {
      return await opened(connectTcp(port, address), "connect", withinMs)
    } catch (cause) {
      failure = cause
    }
  }
  throw failure
}

/** Int32 length 8, Int32 code 80877103. Source: PostgreSQL's manual, "Message Formats", SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const secured = async (tcp: Socket, host: string, { tls, connectMs }: Target): Promise<Socket> => {
  tcp.write(SSL_REQUEST)
  const answer = await firstBytes(tcp, connectMs)
  if (answer[0] !== "S".charCodeAt(0)) {
    if (tls.mode === "prefer" || tls.mode === "allow") return tcp
    tcp.destroy()
    throw new Error("the server does not speak TLS")
  }
  const settings: TlsOptions = {
    socket: tcp,
    // Each connection names its host: without a name, Deno checks the certificate for `localhost`.
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    cert: tls.cert,
    key: tls.key,
    passphrase: tls.passphrase,
    // As in libpq, only verify-full and verify-ca check the server's certificate.
    rejectUnauthorized: tls.mode.startsWith("verify"),
    ca: tls.ca ?? knownAuthorities(),
    checkServerIdentity: (_name, certificate) =>
      tls.mode === "verify-full" ? checkServerIdentity(host, certificate) : undefined
  }
  return await opened(connectTls(settings), "secureConnect", connectMs)
}

/** The runtimes read authorities of the operator's own from different variables; all of them count on both. */
const knownAuthorities = (): Array<string> => {
  const files = [process.env.NODE_EXTRA_CA_CERTS, process.env.SSL_CERT_FILE, process.env.DENO_CERT]
  return [...rootCertificates, ...files.flatMap((path) => (path === undefined ? [] : [readFileSync(path, "utf8")]))]
}

const firstBytes = (socket: Socket, withinMs: number): Promise<Buffer> => {
  let bytes: Buffer = Buffer.alloc(0)
  socket.once("data", (data: Buffer) => {
    bytes = data
  })
  return opened(socket, "data", withinMs).then(() => bytes)
}

const opened = <S extends Socket>(socket: S, event: string, withinMs: number): Promise<S> =>
  new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      socket.off("error", fail).off("close", fail).off(event, done)
      act()
    }
    const fail = (cause?: unknown): void =>
      finish(() => {
        // Later errors have no other listener, and an unheard "error" event ends the process.
        socket.on("error", () => {})
        socket.destroy()
        reject(cause instanceof Error ? cause : connectionLost())
      })
    const done = (): void => finish(() => resolve(socket))
    const timer = setTimeout(
      () => fail(Object.assign(new Error("the server did not answer in time"), { code: "CONNECT_TIMEOUT" })),
      withinMs
    )
    socket.on("error", fail).on("close", fail).on(event, done)
  })

export const connectionLost = (): Error =>
  Object.assign(new Error("the connection is closed"), { code: "CONNECTION_CLOSED" })
