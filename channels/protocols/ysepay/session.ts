import { Effect } from "effect"
import { AccountInvalid } from "../../../core/channel/index.ts"
import { readPrivateKey, readPublicKey } from "../keys/index.ts"
import type { YsepayAccount } from "./account-fields.ts"
import type { YsepaySession } from "./call.ts"
import { METHODS } from "./methods.ts"

/** Parses an account's keys. AccountInvalid names the key that cannot be read, or `versions` with an unknown method. */
export const openSession = Effect.fnUntraced(function* (
  account: YsepayAccount
): Effect.fn.Return<YsepaySession, AccountInvalid> {
  const { partnerId, gateways, versions, password } = account
  const { key: privateKey } = yield* readPrivateKey("privateKey", account.privateKey, { password })
  const { key: platformKey } = yield* readPublicKey("platformCertificate", account.platformCertificate)
  const strange = Object.keys(versions).find((method) => !Object.hasOwn(METHODS, method))
  if (strange !== undefined) {
    return yield* new AccountInvalid({ field: "versions", message: `versions names no method of ours: ${strange}` })
  }
  return { partnerId, gateways, versions, privateKey, platformKey }
})

/** The hosts that an account's calls and bills reach, as ChannelHttp's egress list. */
export const egressOf = ({ gateways, billHosts }: YsepayAccount): ReadonlyArray<string> => [
  ...Object.values(gateways).map((url) => new URL(url).host),
  ...billHosts
]
