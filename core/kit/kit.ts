import { randomBytes } from "node:crypto"
import { Clock, Effect, Layer, ManagedRuntime, Redacted, References, Result } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { AnyProvider, OpenedAccount } from "../cashier/opened-account.ts"
import type { AccountInvalid } from "../channel/errors.ts"
import type { ChannelHttp } from "../channel/http.ts"
import type { Channel, ChargeRef, ChargeRequest, Notice, Product } from "../channel/provider.ts"
import { type GatewayUrls, makeOwnUrl, OwnUrl } from "../config/own-url.ts"
import type { Flow } from "../domain/channel-code.ts"
import { newOrderNo } from "../domain/order-no.ts"
import type { Exchange } from "../outbound/channel-http.ts"
import { Accounts, type StoredAccount } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"
import { claim, claimDone, type Outcome } from "./claim.ts"
import type { KitNotice, KitSimulator } from "./simulator.ts"
import { startWire, type Wire } from "./wire.ts"

export interface KitOptions {
  /** Starts the provider's side. Called at most twice: the second simulator is another account's, with its own keys. */
  readonly simulator: () => Promise<KitSimulator>
  /**
   * What a notice's signature covers. `bytes` (default): the raw body, so that any changed byte must be refused.
   * `values`: the values in it, so that another spelling of the same values may pass.
   */
  readonly noticeSignature?: "bytes" | "values"
  /** Secret account fields whose names do not say so, as privateKey, secret, password or token do. */
  readonly secretFields?: ReadonlyArray<string>
  /** The payer of JSAPI orders. */
  readonly openid?: string
}

/** One promise of the channel interface. `run` throws Broken when the promise is broken. */
export interface KitCase {
  readonly name: string
  readonly run: (kit: Kit) => Promise<void>
}

/** An order as charges and later calls take it. */
export type KitOrder = ChargeRequest & ChargeRef

export type Act<A> = Effect.Effect<A, { readonly _tag: string; readonly message: string }, ChannelHttp>

/** A channel that the core itself opens and runs, over a wire that can be spoiled. */
export interface Kit {
  readonly provider: AnyProvider
  readonly options: KitOptions
  readonly simulator: KitSimulator
  readonly gateway: GatewayUrls
  readonly wire: Wire
  /** The channel of the simulator's account. Throws Broken if the account does not open. */
  readonly channel: Channel
  readonly settings: unknown
  /** The exchanges that the core would keep in the orders' timelines. */
  readonly exchanges: Array<Exchange>
  /** The account's secrets, which must not show anywhere. */
  readonly secrets: ReadonlyArray<string>
  readonly product: Product
  /** Decodes and opens an account's JSON as `payhub channel add` does. */
  readonly check: (account: unknown) => Promise<Outcome<Channel, AccountInvalid>>
  readonly order: (change?: Partial<KitOrder>) => KitOrder
  /** Runs an act as the gateway does, with egress, deadlines, recording and isolation. */
  readonly act: <A>(effect: (channel: Channel) => Act<A>) => Promise<Outcome<A>>
  readonly readNotice: (notice: KitNotice, receivedAt?: Date) => Promise<Outcome<Notice>>
  /** A charged order, and one that is paid. */
  readonly charged: (change?: Partial<KitOrder>) => Promise<KitOrder>
  readonly paid: (change?: Partial<KitOrder>) => Promise<KitOrder>
  /** Another account at a provider with keys of its own. */
  readonly other: () => Promise<Kit>
  readonly stop: () => Promise<void>
}

/** An act that takes longer has hung: the wire's deadlines are short. */
const HUNG_MS = 12_000
const LIFE_MS = 30 * 60_000
const OPENID = "oKitPayer0123456789abcdefghi"
const ACCOUNT_ID = "acc_kit"

export const openKit = async (provider: AnyProvider, options: KitOptions): Promise<Kit> => {
  const simulator = await options.simulator()
  const gateway = simulator.gateway ?? { publicUrl: "https://pay.example.com", localUrl: "http://127.0.0.1:9" }
  const wire = await startWire()
  const runtime = ManagedRuntime.make(coreOf(provider, simulator.account, gateway))
  const exchanges: Array<Exchange> = []
  let second: Promise<Kit> | undefined
  let serial = randomBytes(4).readUInt32LE()

  const account = await runtime.runPromise(Effect.flatMap(Channels, (channels) => channels.open(ACCOUNT_ID)))
  const opened = (): OpenedAccount => {
    claim(account !== null, "the simulator's account should open, and does not; `check` says why")
    return account
  }

  const order: Kit["order"] = (change = {}) => {
    const nowMs = Effect.runSync(Clock.currentTimeMillis)
    const createdAt = new Date(nowMs)
    const product = provider.products.find(({ code }) => code === change.code) ?? kit.product
    const orderNo = newOrderNo(product.flow === "jsapi" ? "WX" : "QR", 7, nowMs, serial++)
    return {
      orderNo,
      code: product.code,
      amountFen: 1_234,
      description: "在线支付",
      createdAt,
      expiresAt: new Date(nowMs + LIFE_MS),
      remainingMs: LIFE_MS,
      noticeUrl: simulator.noticeUrl ?? `${gateway.publicUrl}/api/notice/${ACCOUNT_ID}`,
      returnUrl: `${gateway.publicUrl}/pay/return`,
      clientIp: "203.0.113.7",
      reference: kit.channel.reference?.({ orderNo, createdAt }) ?? {},
      channelTradeNo: null,
      ...jsapiOf(product.flow, options.openid ?? OPENID),
      ...change
    }
  }

  const charged: Kit["charged"] = async (change) => {
    const made = order(change)
    claimDone(await kit.act((channel) => channel.charge(made)), "a charge")
    return made
  }

  const kit: Kit = {
    provider,
    options,
    simulator,
    gateway,
    wire,
    get channel() {
      return opened().channel
    },
    get settings() {
      return opened().settings
    },
    exchanges,
    secrets: secretTexts(simulator.account, options.secretFields),
    get product() {
      const [first] = provider.products
      claim(first !== undefined, "a provider has products")
      return first
    },
    check: (json) =>
      within(
        runtime.runPromise(Effect.flatMap(Channels, (channels) => Effect.result(channels.check(provider.id, json)))),
        "opening an account"
      ),
    order,
    act: async (effect) => {
      const { act, channel } = opened()
      let bug: unknown
      const noted = () =>
        Effect.tapDefect(
          wire.through(() => effect(channel)),
          (defect) =>
            Effect.sync(() => {
              bug = defect
            })
        )
      const outcome = await within(runtime.runPromise(Effect.result(act(noted, exchanges))), "an act")
      return bug === undefined ? outcome : withBug(outcome, bug)
    },
    readNotice: ({ headers, body }, receivedAt) => {
      const { act, channel } = opened()
      const raw = {
        method: "POST",
        headers,
        body: typeof body === "string" ? Buffer.from(body) : body,
        receivedAt: receivedAt ?? new Date(Effect.runSync(Clock.currentTimeMillis))
      }
      return within(runtime.runPromise(Effect.result(act(() => channel.readNotice(raw), []))), "reading a notice")
    },
    charged,
    paid: async (change) => {
      const made = await charged(change)
      claim(await simulator.pay(made.orderNo), "the simulator should let the payer pay an order that was charged")
      return made
    },
    other: () => {
      second ??= openKit(provider, options)
      return second
    },
    stop: async () => {
      if (second !== undefined) await (await second).stop()
      await wire.stop()
      await simulator.stop()
      await runtime.dispose()
    }
  }
  // This makes the channel fetch what it fetches once (certificates), so that a fault strikes the call it is meant for.
  if (account !== null && provider.products.length > 0) {
    await kit.act((channel) => Effect.suspend(() => channel.query(order())))
  }
  return kit
}

/** The core's own Channels over one stored account, so that accounts are opened and acts run as in the gateway. */
const coreOf = (provider: AnyProvider, account: unknown, gateway: GatewayUrls): Layer.Layer<Channels> => {
  const vault = Vault.layer(Redacted.make(randomBytes(32).toString("base64")))
  const accounts = Layer.effect(
    Accounts,
    Effect.map(Vault, (vault) => {
      const stored: StoredAccount = {
        id: ACCOUNT_ID,
        provider: provider.id,
        name: "kit",
        enabled: true,
        removed: false,
        feeRateBp: 0,
        sealed: vault.seal(Redacted.make(JSON.stringify(account)), `account:${ACCOUNT_ID}`),
        createdAt: new Date(0)
      }
      const one = Effect.succeed(stored)
      const all = Effect.succeed([stored])
      return Accounts.of({
        find: () => one,
        list: () => all,
        listAll: () => all,
        create: () => one,
        change: () => one,
        remove: () => Effect.succeed("removed"),
        reseal: () => Effect.void
      })
    })
  )
  const ownUrl = Layer.succeed(
    OwnUrl,
    makeOwnUrl(() => gateway)
  )
  return Channels.layer([provider]).pipe(
    Layer.provide(Layer.provideMerge(accounts, Layer.mergeAll(vault, ownUrl))),
    // The kit reports what goes wrong; much of it is provoked and needs no log line.
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )
}

/** The core reports only "defect"; this adds which one, for the channel's author. */
const withBug = <A>(outcome: Outcome<A>, bug: unknown): Outcome<A> =>
  Result.mapError(outcome, ({ _tag, why }) => ({ _tag, message: String(bug), ...(why === undefined ? {} : { why }) }))

const jsapiOf = (flow: Flow, openid: string): Pick<ChargeRequest, "jsapi"> =>
  flow === "jsapi" ? { jsapi: { appId: null, openid, miniProgram: false } } : {}

const SECRET_NAME = /secret|passw|token|private|(?<!public)key$/i
/** Shorter secrets are not searched for: they appear in texts by chance. */
const SECRET_CHARS_MIN = 6

/** Whether a field of an account is secret, by its name or because the author says so. */
export const isSecretName = (name: string, named: ReadonlyArray<string> = []): boolean =>
  named.includes(name) || SECRET_NAME.test(name)

const secretTexts = (account: unknown, named?: ReadonlyArray<string>): ReadonlyArray<string> =>
  leaves(account)
    .filter(([path]) => isSecretName(path.findLast((name) => !/^\d+$/.test(name)) ?? "", named))
    .flatMap(([, text]) => [text, ...pemLine(text)])
    .filter((text) => text.length >= SECRET_CHARS_MIN)

/** A line from the middle of a PEM, which also shows in a reformatted key. */
const pemLine = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n").filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line))
  return lines.slice(Math.floor(lines.length / 2), Math.floor(lines.length / 2) + 1)
}

/** All texts inside a JSON value, with their paths. */
export const leaves = (
  value: unknown,
  path: ReadonlyArray<string> = []
): ReadonlyArray<readonly [path: ReadonlyArray<string>, text: string]> => {
  if (typeof value === "string") return [[path, value]]
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]))
}

const within = async <A, E>(promise: Promise<Result.Result<A, E>>, what: string): Promise<Result.Result<A, E>> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const hung = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end in ${HUNG_MS} ms: the channel hangs`)), HUNG_MS)
  })
  try {
    return await Promise.race([promise, hung])
  } finally {
    clearTimeout(timer)
  }
}
