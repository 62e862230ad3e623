import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import { buffer } from "node:stream/consumers"
import { startLoopback } from "./loopback.ts"
import { isSignedWith } from "./merchant-client.ts"

/** A push as it arrived. */
export interface Push {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  /** Unix milliseconds at which the request's head arrived. */
  readonly at: number
}

/** What the merchant's server does with a push. */
export type Reply =
  | { readonly kind: "answer"; readonly status?: number; readonly body?: string; readonly type?: string }
  | { readonly kind: "redirect"; readonly to: string; readonly status?: number }
  /** Takes the request and does not answer until the receiver is closed. */
  | { readonly kind: "hang" }
  /** Answers `success` after `afterMs` milliseconds. */
  | { readonly kind: "slow"; readonly afterMs: number }
  /** Closes the connection without an answer. */
  | { readonly kind: "drop" }

export const SUCCESS: Reply = { kind: "answer", body: "success" }
export const FAILURE: Reply = { kind: "answer", status: 500, body: "error" }

export interface Inbox {
  readonly url: string
  readonly pushes: ReadonlyArray<Push>
  /** Resolves with the first `count` pushes once that many have arrived. @throws after `timeoutMs`, 10,000 by default */
  readonly waitFor: (count: number, timeoutMs?: number) => Promise<ReadonlyArray<Push>>
  /** Resolves once `count` pushes have been answered in full. @throws as `waitFor` does */
  readonly waitForAnswers: (count: number, timeoutMs?: number) => Promise<void>
  /** Answers every push from now on with this. */
  readonly reply: (reply: Reply) => void
}

export interface WebhookReceiver {
  /** Makes a path of its own. `script` answers the 1st, 2nd … push, and its last entry all later ones; default success. */
  readonly inbox: (...script: ReadonlyArray<Reply>) => Inbox
  readonly origin: string
  readonly close: () => Promise<void>
}

/** Starts a merchant's server on a free loopback port. */
export const startWebhookReceiver = async (): Promise<WebhookReceiver> => {
  const boxes = new Map<string, MutableInbox>()
  const { url: origin, close } = await startLoopback((request, response) => {
    const at = Date.now()
    void buffer(request).then((bytes) => {
      const path = request.url ?? "/"
      const box = boxes.get(path.split("?")[0] ?? path)
      if (box === undefined) {
        response.writeHead(404).end("no such inbox")
        return
      }
      response.once("finish", box.answered)
      perform(box.take({ method: request.method ?? "", path, headers: request.headers, bytes, at }), response)
    })
  })
  return {
    origin,
    inbox: (...script) => {
      const path = `/inbox/${boxes.size + 1}`
      const box = mutableInbox(origin + path, script.length === 0 ? [SUCCESS] : script)
      boxes.set(path, box)
      return box
    },
    close
  }
}

/** The fields of a push. @throws unless its bytes are UTF-8 JSON */
export const bodyOf = (push: Push): Readonly<Record<string, unknown>> =>
  JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(push.bytes)) as Record<string, unknown>

/** Whether a push carries the signature made with this secret. */
export const isPushSignedWith = (secret: string, push: Push): boolean =>
  isSignedWith(secret, push.bytes.toString("utf8"))

interface MutableInbox extends Inbox {
  readonly take: (push: Push) => Reply
  readonly answered: () => void
}

const mutableInbox = (url: string, script: ReadonlyArray<Reply>): MutableInbox => {
  const pushes: Push[] = []
  const arrived = counter(`webhooks came to ${url}`)
  const answered = counter(`webhooks at ${url} were answered`)
  let standing: Reply | undefined
  return {
    url,
    pushes,
    reply: (reply) => {
      standing = reply
    },
    take: (push) => {
      pushes.push(push)
      arrived.add()
      return standing ?? script[pushes.length - 1] ?? script.at(-1) ?? SUCCESS
    },
    answered: answered.add,
    waitFor: async (count, timeoutMs) => {
      await arrived.reaches(count, timeoutMs)
      return pushes.slice(0, count)
    },
    waitForAnswers: answered.reaches
  }
}

/** A count that can be waited for. @param what completes the error's sentence "only 1 of 2 …" */
const counter = (what: string) => {
  let reached = 0
  let waiting: Array<{ readonly count: number; readonly done: () => void }> = []
  return {
    add: () => {
      reached += 1
      const ready = waiting.filter(({ count }) => reached >= count)
      waiting = waiting.filter(({ count }) => reached < count)
      for (const { done } of ready) done()
    },
    reaches: (count: number, timeoutMs = 10_000): Promise<void> =>
      new Promise((resolve, reject) => {
        if (reached >= count) return resolve()
        const entry = {
          count,
          done: () => {
            clearTimeout(timer)
            resolve()
          }
        }
        const timer = setTimeout(() => {
          waiting = waiting.filter((other) => other !== entry)
          reject(new Error(`only ${reached} of ${count} ${what} in ${timeoutMs} ms`))
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
