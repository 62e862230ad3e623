import { Effect, Exit, Schema } from "effect"
import type { GatewayUrls } from "../config/own-url.ts"
import type { JsonObject } from "../domain/order.ts"
import { AccountInvalid, ChannelRejected, ChannelUncertain, NoticeRefused } from "./errors.ts"
import { ChannelHttp, type ChannelHttpAnswer, type ChannelHttpRequest } from "./http.ts"
import type {
  Bill,
  Channel,
  ChargeRef,
  ChargeRequest,
  ChargeState,
  CloseState,
  Notice,
  PayerIdentity,
  Presentation,
  Product,
  ChannelProvider as Provider,
  RawNotice,
  RefundRef,
  RefundRequest,
  RefundState,
  Reply
} from "./provider.ts"

/** ChannelHttp as promises, which reject with ChannelRejected (nothing was sent) or ChannelUncertain. */
export interface AsyncHttp {
  readonly send: (request: ChannelHttpRequest) => Promise<ChannelHttpAnswer>
}

/**
 * An opened account in `async` functions. To say "no" they throw one of the interface's errors:
 * `ChannelRejected` (a definite no), `ChannelUncertain` (nobody knows), `NoticeRefused`. Anything else that is thrown
 * is a bug: the core logs it and treats the order as uncertain ("defect"), so that it is asked about and never lost.
 * `Channel` documents what each function must do.
 */
export interface AsyncChannel {
  readonly reference?: (order: { readonly orderNo: string; readonly createdAt: Date }) => JsonObject
  readonly charge: (request: ChargeRequest, http: AsyncHttp) => Promise<Presentation>
  readonly query: (charge: ChargeRef, http: AsyncHttp) => Promise<ChargeState>
  /**
   * Verifies, then reads, without I/O or waiting, and says what the notice is worth (see `Notice`). Anything that it
   * throws refuses the notice.
   */
  readonly readNotice: (raw: RawNotice) => Notice
  readonly replies: { readonly accepted: Reply; readonly refused: Reply }
  readonly close?: (charge: ChargeRef, http: AsyncHttp) => Promise<CloseState>
  readonly refund?: (request: RefundRequest, http: AsyncHttp) => Promise<RefundState>
  readonly queryRefund?: (refund: RefundRef, http: AsyncHttp) => Promise<RefundState>
  readonly downloadBill?: (bill: { readonly date: string }, http: AsyncHttp) => Promise<Bill>
  readonly payer?: {
    readonly authorizeUrl: PayerIdentity["authorizeUrl"]
    readonly identify: (
      login: { readonly code: string; readonly miniProgram: boolean; readonly appId: string | null },
      http: AsyncHttp
    ) => Promise<{ readonly openid: string }>
  }
}

type Fields = Schema.Struct.Fields
type AccountOf<F extends Fields> = Schema.Struct.Type<F>

export interface AsyncProvider<F extends Fields> {
  readonly id: string
  readonly products: ReadonlyArray<Product>
  /** The account's fields: `Schema.String` for text that may be shown, `Secret` for text that may not. */
  readonly account: F
  /** The hosts that an account's calls may reach. */
  readonly egress: (account: AccountOf<F>, gateway: GatewayUrls) => ReadonlyArray<string>
  /** Parses keys once. Throws AccountInvalid where the account cannot work; its sentence holds no secret. */
  readonly open: (account: AccountOf<F>, gateway: GatewayUrls) => AsyncChannel | Promise<AsyncChannel>
}

/**
 * A text of an account that must not be seen: `Redacted.value(account.key)` reads it. It is kept encrypted, and never
 * shows in a log, an error or a listing.
 */
export const Secret = Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(1)))

/** Makes a full ChannelProvider from `async` functions, for authors who do not write Effect. */
const fromAsync = <const F extends Fields>(
  spec: AsyncProvider<F> & { readonly account: F }
): Provider<AccountOf<F>> => ({
  id: spec.id,
  products: spec.products,
  account: Schema.Struct(spec.account) as unknown as Schema.Codec<AccountOf<F>, unknown>,
  egress: spec.egress,
  open: (account, gateway) =>
    Effect.promise(async () => spec.open(account, gateway)).pipe(asFailure(isAccountInvalid), Effect.map(channelOf))
})

export type ChannelProvider<Account> = Provider<Account>
export const ChannelProvider = { fromAsync }

const channelOf = (channel: AsyncChannel): Channel => {
  const { reference, close, refund, queryRefund, downloadBill, payer } = channel
  return {
    charge: (request) => act((http) => channel.charge(request, http)),
    query: (charge) => act((http) => channel.query(charge, http)),
    readNotice: (raw) =>
      Effect.try({
        try: () => channel.readNotice(raw),
        // Anybody can send anything here, so a notice that cannot be parsed is no bug and raises no alarm.
        catch: (error) =>
          error instanceof NoticeRefused
            ? error
            : new NoticeRefused({ why: "unreadable", detail: error instanceof Error ? error.name : "unreadable" })
      }),
    replies: channel.replies,
    ...(reference === undefined ? {} : { reference: (order) => reference(order) }),
    ...(close === undefined ? {} : { close: (charge) => act((http) => close(charge, http)) }),
    ...(refund === undefined ? {} : { refund: (request) => act((http) => refund(request, http)) }),
    ...(queryRefund === undefined ? {} : { queryRefund: (asked) => act((http) => queryRefund(asked, http)) }),
    ...(downloadBill === undefined ? {} : { downloadBill: (bill) => act((http) => downloadBill(bill, http)) }),
    ...(payer === undefined
      ? {}
      : {
          payer: {
            authorizeUrl: (to) => payer.authorizeUrl(to),
            identify: (login) => act((http) => payer.identify(login, http))
          }
        })
  }
}

/** Runs an `async` act with the core's ChannelHttp. When the core gives up the act, its running call ends too. */
const act = <A>(
  run: (http: AsyncHttp) => Promise<A>
): Effect.Effect<A, ChannelRejected | ChannelUncertain, ChannelHttp> =>
  Effect.gen(function* () {
    const http = yield* ChannelHttp
    const answer = Effect.promise(async (signal) =>
      run({
        send: async (request) => {
          const exit = await Effect.runPromiseExit(Effect.result(http.send(request)), { signal })
          if (Exit.isFailure(exit)) throw new ChannelUncertain({ why: "timeout", detail: "the call was given up" })
          if (exit.value._tag === "Failure") throw exit.value.failure
          return exit.value.success
        }
      })
    )
    return yield* asFailure(isChannelFailure)(answer)
  })

/** Turns a thrown error of the interface into a failure; anything else that is thrown stays a bug. */
const asFailure =
  <E>(isExpected: (thrown: unknown) => thrown is E) =>
  <A, R>(effect: Effect.Effect<A, never, R>): Effect.Effect<A, E, R> =>
    Effect.catchDefect(effect, (thrown) => (isExpected(thrown) ? Effect.fail(thrown) : Effect.die(thrown)))

const isAccountInvalid = (thrown: unknown): thrown is AccountInvalid => thrown instanceof AccountInvalid
const isChannelFailure = (thrown: unknown): thrown is ChannelRejected | ChannelUncertain =>
  thrown instanceof ChannelRejected || thrown instanceof ChannelUncertain
