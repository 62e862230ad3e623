import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { isSignedWith } from "./merchant-client.ts"

/** One push as it arrived. */
export interface Push {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** Unix milliseconds of the request's arrival. */
  readonly at: number
}

/** What the merchant's server does with a push. */
export type Reply =
  | { readonly kind: "answer"; readonly status?: number; readonly body?: string; readonly type?: string }
  | { readonly kind: "redirect"; readonly to: string; readonly status?: number }
  /** Takes the request and never answers, until the receiver is closed. */
  | { readonly kind: "hang" }
  /** Answers `success` after so many milliseconds. */
  | { readonly kind: "slow"; readonly afterMs: number }
  /** Closes the connection without an answer. */
  | { readonly kind: "drop" }

export const SUCCESS: Reply = { kind: "answer", body: "success" }
export const FAILURE: Reply = { kind: "answer", status: 500, body: "error" }

export interface Inbox {
  readonly url: string
  readonly pushes: ReadonlyArray<Push>
  /** Resolves with the first `count` pushes once so many have come; an error after `timeoutMs`. */
  readonly waitFor: (count: number, timeoutMs?: number) => Promise<ReadonlyArray<Push>>
  /** What answers from now on. */
  readonly reply: (reply: Reply) => void
}

export interface WebhookReceiver {
  /** A path of its own: what `script` says answers the 1st, 2nd … push, its last entry all that follow. */
  readonly inbox: (...script: ReadonlyArray<Reply>) => Inbox
  readonly origin: string
  readonly close: () => Promise<void>
}

/** A merchant's server on a free loopback port. */
export const startWebhookReceiver = async (): Promise<WebhookReceiver> => {
  const boxes = new Map<string, MutableInbox>()
  const server = createServer((request, response) => {
    const at = Date.now()
    void readBytes(request).then((bytes) => {
      const path = request.url ?? "/"
      const box = boxes.get(path.split("?")[0] ?? path)
      if (box === undefined) {
        response.writeHead(404).end("no such inbox")
        return
      }
      const reply = box.take({ method: request.method ?? "", path, headers: request.headers, bytes, at })
      perform(reply, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    inbox: (...script) => {
      const path = `/inbox/${boxes.size + 1}`
      const box = mutableInbox(origin + path, script.length === 0 ? [SUCCESS] : script)
      boxes.set(path, box)
      return box
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** The eight fields and `sign`, read from a push whose bytes are UTF-8 JSON. */
export const bodyOf = (push: Push): Readonly<Record<string, unknown>> =>
  JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(push.bytes)) as Record<string, unknown>

/** Whether a push carries this secret's signature. */
export const isPushSignedWith = (secret: string, push: Push): boolean =>
  isSignedWith(secret, push.bytes.toString("utf8"))

interface MutableInbox extends Inbox {
  readonly take: (push: Push) => Reply
}

const mutableInbox = (url: string, script: ReadonlyArray<Reply>): MutableInbox => {
  const pushes: Push[] = []
  let waiting: Array<{ readonly count: number; readonly done: () => void }> = []
  let standing: Reply | undefined
  return {
    url,
    pushes,
    reply: (reply) => {
      standing = reply
    },
    take: (push) => {
      pushes.push(push)
      const ready = waiting.filter(({ count }) => pushes.length >= count)
      waiting = waiting.filter(({ count }) => pushes.length < count)
      for (const { done } of ready) done()
      return standing ?? script[pushes.length - 1] ?? script.at(-1) ?? SUCCESS
    },
    waitFor: (count, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const finish = () => resolve(pushes.slice(0, count))
        if (pushes.length >= count) return finish()
        const entry = {
          count,
          done: () => {
            clearTimeout(timer)
            finish()
          }
        }
        const timer = setTimeout(() => {
          waiting = waiting.filter((other) => other !== entry)
          reject(new Error(`only ${pushes.length} of ${count} webhooks came to ${url} in ${timeoutMs} ms`))
        }, timeoutMs)
        waiting.push(entry)
      })
  }
}

const perform = (reply: Reply, response: ServerResponse): void => {
  switch (reply.kind) {
    case "answer":
      response.writeHead(reply.status ?? 200, { "Content-Type": reply.type ?? "text/plain" }).end(reply.body ?? "")
      return
    case "redirect":
      response.writeHead(reply.status ?? 302, { Location: reply.to }).end("success")
      return
    case "slow":
      setTimeout(() => response.end("success"), reply.afterMs)
      return
    case "drop":
      response.destroy()
      return
    case "hang":
      return
  }
}

const readBytes = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
