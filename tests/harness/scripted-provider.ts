import { createHmac } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { text } from "node:stream/consumers"
import type { Gateway } from "./gateway.ts"
import { startLoopback } from "./loopback.ts"
import { unique } from "./merchant-client.ts"

/*
 * A payment provider outside the gateway's process, so that its trades outlive every crash of the gateway. An order's note
 * is its plan, read by `planOf`: with "charge=lost query=error" the charge's answer is lost and every query fails. An
 * operation that the plan does not name succeeds.
 */

/** The channel that talks to it: a value for PAYHUB_CHANNELS. */
export const SCRIPTED_CHANNEL = join(resolve(import.meta.dirname, "../.."), "tests/money/channels/scripted")

export type Operation = "charge" | "query" | "close"

/**
 * What an operation does. `ok` and `slow` (half a second later) succeed; `refuse` is a definite no; `error` is HTTP 500;
 * `drop` cuts the connection; `hang` never answers; `bad` answers unreadably; `throw` and `never` make the plugin throw or
 * hang. For charges, `drop-taken`, `hang-taken` and `lost` (HTTP 500) take the order nevertheless. For closes,
 * `paid-first` lets a payer win the race, and `paid-unseen` does so but answers "closed". For queries, `absent` knows no
 * such order.
 */
type Act = string

export interface ProviderPayment {
  readonly trade_no: string
  readonly amount_fen: number
  readonly currency: string
  readonly paid_at_ms: number
  readonly fee_fen: number | null
}

export interface Trade {
  readonly orderNo: string
  readonly amountFen: number
  /** The notice path of the account that it was charged at. */
  readonly noticePath: string
  readonly plan: ReadonlyMap<string, Act>
  state: "pending" | "paid" | "closed" | "failed"
  payment: ProviderPayment | null
}

export interface Call {
  readonly operation: Operation
  readonly orderNo: string
  readonly at: number
}

export interface NoticeAnswer {
  /** null: no answer. */
  readonly status: number | null
  readonly body: string
}

export const isAcknowledged = ({ status, body }: NoticeAnswer): boolean => status === 200 && body === "success"

export interface ScriptedProvider {
  readonly origin: string
  readonly key: string
  /** The JSON for `payhub channel add scripted --account`. */
  readonly account: { readonly origin: string; readonly key: string }
  readonly calls: ReadonlyArray<Call>
  /** How many times an operation was called for an order. */
  readonly count: (operation: Operation, orderNo: string) => number
  readonly trade: (orderNo: string) => Trade
  readonly trades: () => ReadonlyArray<Trade>
  /** The payer pays, even a closed trade; no notice is sent. A second call keeps the first payment. */
  readonly pay: (orderNo: string, change?: Partial<ProviderPayment>) => ProviderPayment
  readonly fail: (orderNo: string) => void
  /** Sends one signed notice and returns the gateway's answer. */
  readonly notify: (orderNo: string, options?: NoticeOptions) => Promise<NoticeAnswer>
  readonly close: () => Promise<void>
}

export interface NoticeOptions {
  /** Default: the trade's own; null makes a notice that tells of no payment. */
  readonly payment?: ProviderPayment | null
  /** It names no receiver, so nothing in it binds it to the account. */
  readonly hint?: boolean
  /** Signs with this key instead of the account's. */
  readonly key?: string
  /** The path it is sent to; default: the notice path of the trade's account. */
  readonly path?: string
  readonly act?: "throw" | "never"
  readonly timeoutMs?: number
}

/** @param gateway the URL that notices go to, read each time, because a restarted gateway has another port */
export const startScriptedProvider = async (gateway: () => string): Promise<ScriptedProvider> => {
  const key = unique("key")
  const trades = new Map<string, Trade>()
  const plans = new Map<string, ReadonlyMap<string, Act>>()
  const calls: Array<Call> = []
  let trading = 0

  const pay: ScriptedProvider["pay"] = (orderNo, change = {}) => {
    const trade = known(orderNo)
    trading += 1
    trade.payment ??= {
      trade_no: `T${trading}-${orderNo}`,
      amount_fen: trade.amountFen,
      currency: "CNY",
      paid_at_ms: Date.now(),
      fee_fen: null,
      ...change
    }
    trade.state = "paid"
    return trade.payment
  }

  const known = (orderNo: string): Trade => {
    const trade = trades.get(orderNo)
    if (trade === undefined) throw new Error(`the provider has no order ${orderNo}`)
    return trade
  }

  /** The JSON of each operation's answer, or what happens instead of an answer. */
  const operations: { readonly [O in Operation]: (input: Input, act: Act) => object | "hang" | "drop" | "error" } = {
    charge: (input, act) => {
      const taken = ["ok", "slow", "lost", "drop-taken", "hang-taken", "bad", "throw", "never"].includes(act)
      if (taken && !trades.has(input.order_no)) {
        trades.set(input.order_no, {
          orderNo: input.order_no,
          amountFen: input.amount_fen,
          noticePath: new URL(input.notice_url).pathname,
          plan: planOf(input.description),
          state: "pending",
          payment: null
        })
      }
      switch (act) {
        case "refuse":
          return { refused: "not today" }
        case "lost":
        case "error":
          return "error"
        case "drop":
        case "drop-taken":
          return "drop"
        case "hang":
        case "hang-taken":
          return "hang"
        default:
          return { content: `https://pay.example.com/${input.order_no}` }
      }
    },
    query: (input, act) => {
      if (act === "error" || act === "hang" || act === "drop") return act
      const trade = trades.get(input.order_no)
      if (trade === undefined || act === "absent") return { state: "absent" }
      return { state: trade.state, payment: trade.payment }
    },
    close: (input, act) => {
      if (act === "refuse") return { refused: "it cannot be closed" }
      if (act === "error" || act === "hang" || act === "drop") return act
      const trade = trades.get(input.order_no)
      if (trade === undefined) return { state: "closed" }
      if (act.startsWith("paid-") && trade.state === "pending") pay(input.order_no)
      if (act === "paid-unseen") return { state: "closed" }
      if (trade.state === "paid") return { state: "paid" }
      trade.state = "closed"
      return { state: "closed" }
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const operation = (request.url ?? "").slice(1)
    if (!isOperation(operation) || request.headers["x-sign"] !== signature(key, body)) {
      response.writeHead(401).end("no")
      return
    }
    const input = JSON.parse(body) as Input
    calls.push({ operation, orderNo: input.order_no, at: Date.now() })
    if (operation === "charge") plans.set(input.order_no, planOf(input.description))
    const act = plans.get(input.order_no)?.get(operation) ?? "ok"
    const done = operations[operation](input, act)
    if (act === "slow") await new Promise((resolve) => setTimeout(resolve, 500))
    if (done === "hang") return
    if (done === "drop") return void request.socket.destroy()
    if (done === "error") return void response.writeHead(500).end("internal error")
    if (act === "bad") return void response.writeHead(200).end("<html>")
    const bug = act === "throw" || act === "never" ? { act } : {}
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...done, ...bug }))
  }

  const { url: origin, close } = await startLoopback((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })

  return {
    origin,
    key,
    account: { origin, key },
    calls,
    count: (operation, orderNo) =>
      calls.filter((call) => call.operation === operation && call.orderNo === orderNo).length,
    trade: known,
    trades: () => [...trades.values()],
    pay,
    fail: (orderNo) => {
      known(orderNo).state = "failed"
    },
    notify: async (orderNo, options = {}) => {
      const trade = trades.get(orderNo)
      const payment = options.payment === undefined ? (trade?.payment ?? null) : options.payment
      const body = JSON.stringify({
        ...(options.act === undefined ? {} : { act: options.act }),
        ...(options.hint === undefined ? {} : { hint: options.hint }),
        order_no: orderNo,
        payment
      })
      try {
        const response = await fetch(gateway() + (options.path ?? trade?.noticePath ?? ""), {
          method: "POST",
          headers: { "content-type": "application/json", "x-sign": signature(options.key ?? key, body) },
          body,
          signal: AbortSignal.timeout(options.timeoutMs ?? 30_000)
        })
        return { status: response.status, body: await response.text() }
      } catch {
        return { status: null, body: "" }
      }
    },
    close
  }
}

/** Runs `payhub channel add PROVIDER` and returns the account's id. @param feeRateBp basis points */
export const addAccount = async (
  gateway: Pick<Gateway, "command">,
  provider: string,
  settings: object,
  feeRateBp: number
): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-account-"))
  try {
    const file = join(folder, "account.json")
    writeFileSync(file, JSON.stringify(settings))
    const args = ["channel", "add", provider, "--name", provider, "--account", file]
    return String((await gateway.command([...args, "--fee-rate-bp", String(feeRateBp)])).id)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Input {
  readonly order_no: string
  readonly amount_fen: number
  readonly description: string
  readonly notice_url: string
}

/** Reads a plan: "charge=lost query=error" → what each operation does with the order. */
export const planOf = (note: string): ReadonlyMap<string, Act> =>
  new Map([...note.matchAll(/(\w+)=([\w-]+)/g)].map(([, operation = "", act = ""]) => [operation, act]))

const isOperation = (text: string): text is Operation => text === "charge" || text === "query" || text === "close"

const signature = (key: string, body: string): string => createHmac("sha256", key).update(body).digest("hex")
