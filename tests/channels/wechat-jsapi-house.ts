import { Clock, Effect, Schema } from "effect"
import { WechatPaySimulator, type WechatPaySimulatorOptions } from "../../channels/protocols/wechatpay-v3/simulator.ts"
import {
  startYsepaySimulator,
  type YsepaySimulator,
  type YsepaySimulatorOptions
} from "../../channels/protocols/ysepay/simulator.ts"
import provider from "../../channels/wechat-jsapi/index.ts"
import {
  type Channel,
  type ChannelHttp,
  type ChargeRef,
  type ChargeRequest,
  type JsapiParams,
  type Presentation,
  shanghaiParts
} from "../../core/channel/index.ts"
import { fetchChannelHttp } from "../harness/fetch-channel-http.ts"
import { type NoticeDoor, openNoticeDoor } from "./notice-door.ts"

// What the tests of channels/wechat-jsapi share: simulated providers, opened accounts, a door for notices.

/** How far the gateway's clock is ahead, in milliseconds; the simulator has its own. */
export const gateway = { aheadMs: 0 }

const cleanups: Array<() => Promise<unknown>> = []
/** Stops what a test started when the test ends. */
export const onCleanup = (stop: () => Promise<unknown>) => cleanups.push(stop)
/** For each file's own afterEach: a hook in this file would belong to the first file that imports it. */
export const cleanUp = async () => {
  gateway.aheadMs = 0
  while (cleanups.length > 0) await cleanups.pop()?.()
}

export const run = <A, E>(effect: Effect.Effect<A, E, ChannelHttp>): Promise<A> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const shifted: typeof clock = Object.create(clock, {
      currentTimeMillis: { get: () => Effect.sync(() => Date.now() + gateway.aheadMs) }
    })
    return yield* Effect.provideService(effect, Clock.Clock, shifted)
  }).pipe(Effect.provide(fetchChannelHttp), Effect.runPromise)

/** The success itself, or the error's tag with its `why` where it has one. */
export const outcome = <A, E extends { readonly _tag: string; readonly why?: string }>(
  effect: Effect.Effect<A, E, ChannelHttp>
): Promise<A | string> =>
  run(
    effect.pipe(
      Effect.catch((error) => Effect.succeed(error.why === undefined ? error._tag : `${error._tag} ${error.why}`))
    )
  )

export const openAccount = (account: unknown) =>
  Schema.decodeUnknownEffect(provider.account)(account).pipe(
    Effect.flatMap((decoded) => provider.open(decoded, { publicUrl: "", localUrl: "" }))
  )

/** An opened account, and a door for its notices. */
export interface Door extends Pick<NoticeDoor, "noticeUrl" | "notices"> {
  readonly channel: Channel
}

const openDoor = async (channel: Channel): Promise<Door> => {
  const door = await openNoticeDoor(channel, () => Date.now() + gateway.aheadMs)
  onCleanup(door.stop)
  return { channel, noticeUrl: door.noticeUrl, notices: door.notices }
}

export interface House extends Door {
  readonly wechat: WechatPaySimulator
}

/** Starts a simulated WeChat Pay and opens an account there. @param change edits the account first */
export const house = async (
  options: WechatPaySimulatorOptions = {},
  change: (account: ReturnType<WechatPaySimulator["account"]>) => unknown = (account) => account
): Promise<House> => {
  const wechat = await WechatPaySimulator.start(options)
  onCleanup(() => wechat.stop())
  return { wechat, ...(await openDoor(await Effect.runPromise(openAccount(change(wechat.account()))))) }
}

export interface YinshengHouse extends Door {
  readonly yinsheng: YsepaySimulator
}

/** Starts a simulated Yinsheng and opens an account there. It pushes a notice once unless `options` say otherwise. */
export const yinshengHouse = async (
  settings: object = {},
  options: YsepaySimulatorOptions = {}
): Promise<YinshengHouse> => {
  const yinsheng = await startYsepaySimulator({ pushesMax: 1, ...options })
  onCleanup(() => yinsheng.stop())
  const app = { appId: "wx8888888888888888", appSecret: "secret" }
  const account = { acquirer: "yinsheng", ...app, ...yinsheng.account(), ...settings }
  return { yinsheng, ...(await openDoor(await Effect.runPromise(openAccount(account)))) }
}

export const OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
let drawn = 0
export const requestOf = (
  door: { readonly noticeUrl: string; readonly channel: Pick<Channel, "reference"> },
  change: Partial<ChargeRequest> = {}
): ChargeRequest => {
  drawn += 1
  const createdAt = new Date(Date.now() + gateway.aheadMs)
  const orderNo = `WX${shanghaiParts(createdAt.getTime())}${String(drawn).padStart(8, "0")}`
  return {
    orderNo,
    code: "wxpay_js",
    amountFen: 1000 + drawn,
    description: "会员🍎",
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 1_800_000),
    remainingMs: 1_800_000,
    noticeUrl: door.noticeUrl,
    returnUrl: "https://pay.example.com/",
    clientIp: "203.0.113.1",
    reference: door.channel.reference?.({ orderNo, createdAt }) ?? {},
    jsapi: { appId: null, openid: OPENID, miniProgram: false },
    ...change
  }
}
export const refOf = (request: ChargeRequest, change: Partial<ChargeRef> = {}): ChargeRef => ({
  orderNo: request.orderNo,
  code: request.code,
  amountFen: request.amountFen,
  createdAt: request.createdAt,
  expiresAt: request.expiresAt,
  reference: request.reference,
  channelTradeNo: null,
  ...change
})
export const closeOf = (door: Door, request: ChargeRequest) =>
  door.channel.close?.(refOf(request)) ?? Effect.die("no close")
export const refundOf = (door: Door, charge: ChargeRef, refundNo: string, refundFen: number) =>
  door.channel.refund?.({ charge, refundNo, refundFen, reason: "退货🍎", noticeUrl: door.noticeUrl }) ??
  Effect.die("no refund")
export const queryRefundOf = (door: Door, charge: ChargeRef, refundNo: string) =>
  door.channel.queryRefund?.({ charge, refundNo }) ?? Effect.die("no queryRefund")
export const paramsOf = (presentation: Presentation | string): JsapiParams => {
  if (typeof presentation === "string" || presentation.kind !== "jsapi") throw new Error(JSON.stringify(presentation))
  return presentation.params
}
