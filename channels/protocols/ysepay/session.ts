import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { readPrivateKey } from "../keys/private-key.ts"
import { checkNotOwn, readPublicKey } from "../keys/public-key.ts"
import type { YsepayAccount } from "./account-fields.ts"
import { type Gateway, METHODS } from "./methods.ts"
import type { RequestSettings } from "./request.ts"

/** An account with its keys parsed: all that calls and notices need. */
export interface YsepaySession extends RequestSettings {
  readonly platformKey: KeyObject
  readonly gateways: Readonly<Record<Gateway, string>>
}

/** The hosts of an account's calls: those of the three gateways, and those of bill files. */
export const ysepayEgress = (account: Pick<YsepayAccount, "gateways" | "billHosts">): ReadonlyArray<string> => [
  ...Object.values(account.gateways).map((url) => new URL(url).host),
  ...account.billHosts
]

/**
 * Parses an account's keys. AccountInvalid names a key that cannot be read or is our own in the provider's place, or `versions` with an unknown method. */
export const openYsepaySession = Effect.fnUntraced(function* (
  account: YsepayAccount
): Effect.fn.Return<YsepaySession, AccountInvalid> {
  const { partnerId, gateways, versions, password } = account
  const { key: privateKey } = yield* readPrivateKey("privateKey", account.privateKey, { password })
  const { key: platformKey } = yield* readPublicKey("platformCertificate", account.platformCertificate)
  yield* checkNotOwn("platformCertificate", privateKey, platformKey, "Yinsheng's certificate, businessgate.cer")
  const strange = Object.keys(versions).find((method) => !Object.hasOwn(METHODS, method))
  if (strange !== undefined) {
    return yield* new AccountInvalid({ field: "versions", message: `versions names no method of ours: ${strange}` })
  }
  return { partnerId, gateways, versions, privateKey, platformKey }
})
