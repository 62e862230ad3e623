import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect } from "effect"
import { ChannelHttp, type ChannelHttpAnswer, type ChannelHttpRequest } from "../channel/http.ts"
import { channelHttp } from "../outbound/channel-http.ts"

/** Faults of a call between the channel and the provider. `done`: the provider has done what was asked. */
export const WIRE_FAULTS = {
  "lost-request": { done: false, says: "gets lost before the provider hears of it" },
  "lost-answer": { done: true, says: "is done while its answer gets lost" },
  "cut-request": { done: false, says: "loses its connection before it is done" },
  "cut-answer": { done: true, says: "loses its connection after it is done" },
  "cut-off": { done: true, says: "is done and cut off in the middle of its answer" },
  "half-answer": { done: true, says: "is done and answered by half an answer" },
  slow: { done: true, says: "is done and answered byte by byte, for ever" },
  giant: { done: true, says: "is done and answered by more than 1 MiB" },
  "http-500": { done: false, says: "is answered by status 500 before it is done" },
  "http-500-done": { done: true, says: "is answered by status 500 after it is done" },
  "status-500": { done: true, says: "is answered by the right bytes under status 500" },
  "http-502-json": { done: true, says: "is answered by a proxy's 502 in JSON" },
  "http-401": { done: false, says: "is answered by somebody's 401" },
  "http-404": { done: false, says: "is answered by somebody's 404 page" },
  "http-429": { done: false, says: "is answered by somebody's 429" },
  redirect: { done: false, says: "is answered by a redirect to another host" },
  garbage: { done: true, says: "is done and answered by bytes that are no text" },
  html: { done: true, says: "is done and answered by an HTML page under status 200" },
  empty: { done: true, says: "is done and answered by nothing under status 200" },
  "empty-object": { done: true, says: "is done and answered by {} under status 200" },
  null: { done: true, says: "is done and answered by null under status 200" },
  "no-headers": { done: true, says: "is done and answered without its headers" },
  "changed-byte": { done: true, says: "is done and answered with one byte changed" },
  refused: { done: false, says: "finds nobody listening" }
} as const
export type WireFault = keyof typeof WIRE_FAULTS

/** Deadline of a call that is not answered; other calls have the core's own deadline. */
const SILENCE_MS = 250
const GIANT_BYTES = (1 << 20) + 65_536

export interface Wire {
  /** Puts the wire between a channel and the core's ChannelHttp. */
  readonly through: <A, E>(effect: () => Effect.Effect<A, E, ChannelHttp>) => Effect.Effect<A, E, ChannelHttp>
  /** The next call meets the fault. `at` (0 … 1) is the place of a changed byte. */
  readonly next: (fault: WireFault, at?: number) => void
  /** The next call does not reach the provider and gets this answer. */
  readonly answer: (status: number, body: string) => void
  /** Every request so far, as the channel made it. */
  readonly calls: ReadonlyArray<ChannelHttpRequest>
  /** What the provider really answered to the last call that met a fault, as text. */
  readonly genuine: () => string
  /** Cancels the planned fault. @returns whether it was still waiting for its call */
  readonly clear: () => boolean
  readonly stop: () => Promise<void>
}

type Answer = (response: ServerResponse) => void
type Spoil = (genuine: ChannelHttpAnswer) => Answer

/** Starts a wire over real sockets, so that the core's own HTTP meets the faults. */
export const startWire = async (): Promise<Wire> => {
  const answers = new Map<string, Answer>()
  const server = createServer((request, response) => {
    request.resume()
    request.on("end", () => answers.get(request.url ?? "")?.(response))
  })
  const nobody = createServer()
  const port = await listen(server)
  const deadPort = await listen(nobody)
  await new Promise((resolve) => nobody.close(resolve))
  const spoiled = channelHttp({ egress: [`127.0.0.1:${port}`, `127.0.0.1:${deadPort}`], secrets: [] }, [])

  const calls: Array<ChannelHttpRequest> = []
  let planned:
    | { readonly done: boolean; readonly silent: boolean; readonly port: number; readonly spoil: Spoil }
    | undefined
  let genuine = ""
  let count = 0

  const around = (http: ChannelHttp["Service"]): ChannelHttp["Service"] => ({
    send: (request) =>
      Effect.gen(function* () {
        calls.push(request)
        const plan = planned
        planned = undefined
        if (plan === undefined) return yield* http.send(request)
        const answer = plan.done ? yield* http.send(request) : NOTHING
        genuine = Buffer.from(answer.body).toString("utf8")
        const path = `/${++count}`
        answers.set(path, plan.spoil(answer))
        return yield* spoiled.send({
          ...request,
          url: `http://127.0.0.1:${plan.port}${path}`,
          ...(plan.silent ? { timeoutMs: SILENCE_MS } : {})
        })
      })
  })

  return {
    through: (effect) =>
      Effect.gen(function* () {
        const http = yield* ChannelHttp
        return yield* Effect.provideService(effect(), ChannelHttp, around(http))
      }),
    next: (fault, at = 0.5) => {
      planned = {
        done: WIRE_FAULTS[fault].done,
        silent: fault.startsWith("lost") || fault === "slow",
        port: fault === "refused" ? deadPort : port,
        spoil: (answer) => spoil(fault, answer, at)
      }
    },
    answer: (status, body) => {
      const type = { "content-type": "application/json" }
      const spoil: Spoil = () => (response) => void response.writeHead(status, type).end(body)
      planned = { done: false, silent: false, port, spoil }
    },
    calls,
    genuine: () => genuine,
    clear: () => {
      const waiting = planned !== undefined
      planned = undefined
      return waiting
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const NOTHING: ChannelHttpAnswer = { status: 0, headers: {}, body: new Uint8Array() }
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "content-encoding", "keep-alive"])

const spoil = (fault: WireFault, { status, headers, body }: ChannelHttpAnswer, at: number): Answer => {
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.has(name)))
  const page = (code: number, text: string | Uint8Array, type = "text/html", more = {}): Answer => {
    return (response) => void response.writeHead(code, { ...more, "content-type": type }).end(text)
  }
  const signed = (code: number, bytes: Uint8Array): Answer => {
    return (response) => void response.writeHead(code, { ...kept, "content-length": bytes.length }).end(bytes)
  }
  switch (fault) {
    case "lost-request":
    case "lost-answer":
    case "refused":
      return () => undefined
    case "cut-request":
    case "cut-answer":
      return (response) => void response.socket?.destroy()
    case "cut-off":
      return (response) => {
        response.writeHead(status, { ...kept, "content-length": body.length + 64 })
        response.write(body.slice(0, Math.floor(body.length / 2)), () => void response.socket?.destroy())
      }
    case "half-answer":
      return signed(status, body.length === 0 ? Buffer.from("{") : body.slice(0, Math.floor(body.length / 2)))
    case "slow":
      return (response) => {
        response.writeHead(status, kept)
        const timer = setInterval(() => response.write(" "), 20)
        response.on("close", () => clearInterval(timer))
      }
    case "giant":
      return signed(status === 204 ? 200 : status, Buffer.concat([body, Buffer.alloc(GIANT_BYTES, " ")]))
    case "http-500":
    case "http-500-done":
      return page(500, "<html><body>500 Internal Server Error</body></html>")
    case "status-500":
      return signed(500, body)
    case "http-502-json":
      return page(502, '{"code":"BAD_GATEWAY","message":"upstream"}', "application/json")
    case "http-401":
      return page(401, "unauthorized", "text/plain")
    case "http-404":
      return page(404, "<html><body>404 Not Found</body></html>")
    case "http-429":
      return page(429, "slow down", "text/plain")
    case "redirect":
      return page(302, "", "text/html", { location: "https://elsewhere.example/" })
    case "garbage":
      return page(200, Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28, 0x80]), "application/octet-stream")
    case "html":
      return page(200, "<html><body>welcome</body></html>")
    case "empty":
      return page(200, "")
    case "empty-object":
      return page(200, "{}", "application/json")
    case "null":
      return page(200, "null", "application/json")
    case "no-headers":
      return page(status === 204 ? 200 : status, body, kept["content-type"] ?? "application/json")
    case "changed-byte":
      return signed(status === 204 ? 200 : status, changedByte(body, at))
  }
}

/** Flips one bit of one byte; an empty body gets a byte. */
const changedByte = (body: Uint8Array, at: number): Uint8Array => {
  if (body.length === 0) return Buffer.from(" ")
  const changed = Uint8Array.from(body)
  const index = Math.min(body.length - 1, Math.floor(body.length * at))
  changed[index] = (changed[index] ?? 0) ^ 1
  return changed
}

const listen = (server: ReturnType<typeof createServer>): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port))
  })
