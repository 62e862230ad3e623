import { Clock, Context, Effect, Layer, Redacted } from "effect"
import { isInRanges } from "../../domain/address-range.ts"
import {
  AppIdMissing,
  IpForbidden,
  MerchantDisabled,
  MerchantUnknown,
  SignatureInvalid,
  type StoreUnavailable,
  type ThrottleExceeded,
  TimestampExpired
} from "../../domain/errors.ts"
import { liveSecrets, type Merchant } from "../../domain/merchant.ts"
import { type Parameters, PLAIN_INTEGER, signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256, sameDigest } from "../../domain/signature.ts"
import type { ThrottleRule } from "../../domain/throttle-rule.ts"
import { Merchants } from "../persistence/merchants.ts"
import { TIMESTAMP_TOLERANCE_S } from "../replay/replay.ts"
import { Throttle } from "../throttle/throttle.ts"
import { MerchantDirectory } from "./merchant-directory.ts"

/**
 * Wrong signatures per address that are answered 401; further ones in the window get 429. The limit is wide because
 * many merchants may share an address, and correctly signed calls are never counted: it only has to stop guessing and
 * flooding.
 */
const WRONG_SIGNATURES: Exclude<ThrottleRule, "off"> = { count: 3_000, windowMs: 60_000 }

export type AuthError =
  | AppIdMissing
  | MerchantUnknown
  | SignatureInvalid
  | MerchantDisabled
  | TimestampExpired
  | IpForbidden
  | ThrottleExceeded
  | StoreUnavailable

/** Establishes who calls: the checks of the contract's section 4 up to the IP allow-list, in that order. */
export class Auth extends Context.Service<
  Auth,
  {
    readonly authenticate: (parameters: Parameters, clientIp: string) => Effect.Effect<Merchant, AuthError>
  }
>()("payhub/pipeline/Auth") {
  /** @param wrongSignatures how many wrong signatures one address may send before they are answered 429 */
  static readonly layer = (
    wrongSignatures = WRONG_SIGNATURES
  ): Layer.Layer<Auth, never, MerchantDirectory | Merchants | Throttle> =>
    Layer.effect(
      Auth,
      Effect.gen(function* () {
        const directory = yield* MerchantDirectory
        const merchants = yield* Merchants
        const throttle = yield* Throttle
        const clock = yield* Clock.Clock

        const authenticate = Effect.fnUntraced(function* (parameters: Parameters, clientIp: string) {
          const appId = parameters.get("app_id")?.text ?? ""
          if (appId === "") return yield* new AppIdMissing()
          // Only a text of an app_id's shape is looked up in the store.
          if (!APP_ID.test(appId)) return yield* new MerchantUnknown()
          const find = directory.byAppId(appId)
          const known = yield* directory.isNew(appId) ? throttle.lookup("unknown-merchant", clientIp, find) : find
          if (known === null) return yield* new MerchantUnknown()

          const nowMs = clock.currentTimeMillisUnsafe()
          const given = parameters.get("sign")
          const text = canonicalString(signedPairs(parameters))
          const secret = liveSecrets(known.secrets, nowMs).find(
            (live) => given?.kind === "string" && sameDigest(hmacSha256(Redacted.value(live.secret), text), given.text)
          )
          if (secret === undefined) {
            yield* throttle.takeStranger("wrong-signature", clientIp, wrongSignatures)
            return yield* new SignatureInvalid({ testMode: known.merchant.mode === "test" })
          }
          if (secret.firstUsedAt === null) {
            // From now on webhooks are signed with this secret; dropping the cached merchant makes that known here.
            yield* merchants.secretUsed(known.merchant.id, secret.id, new Date(nowMs))
            directory.forget(appId)
          }

          const { merchant } = known
          if (!merchant.active) return yield* new MerchantDisabled()
          if (!isFresh(parameters.get("timestamp")?.text ?? "", nowMs)) return yield* new TimestampExpired()
          if (!isAllowedAddress(merchant.allowIps, clientIp)) return yield* new IpForbidden()
          return merchant
        })
        return Auth.of({ authenticate })
      })
    )
}

const APP_ID = /^pk_(live|test)_[0-9A-Za-z]{8,64}$/

const isFresh = (timestamp: string, nowMs: number): boolean =>
  PLAIN_INTEGER.test(timestamp) && Math.abs(Number(timestamp) - Math.floor(nowMs / 1000)) <= TIMESTAMP_TOLERANCE_S

/** Whether an address is in a list of addresses and CIDR ranges; an empty list allows every address. */
const isAllowedAddress = (ranges: ReadonlyArray<string>, address: string): boolean =>
  ranges.length === 0 || isInRanges(ranges, address)
