import { Effect } from "effect"
import { Channels } from "../../cashier/channels.ts"
import { type TakeNotice, takeNotice } from "../../cashier/notice.ts"
import { OWN_PATHS } from "../../config/own-url.ts"
import { Throttle } from "../../pipeline/throttle/throttle.ts"
import type { BodyHandler, Route, Run } from "../call.ts"
import { bodyRefused } from "../read-json.ts"
import { notFound, respond } from "../respond.ts"

/** The endpoint to which providers send an account's notices. */
export const noticeRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "POST", path: `${OWN_PATHS.notice}:account`, body: "bytes", handle: notice(run) }
]

/** The shape of an account's id; anything else is not looked up in the store. */
const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/

const notice =
  (run: Run): BodyHandler =>
  async (call) => {
    const { body } = call
    if (typeof body === "string") return bodyRefused(call, body)
    const accountId = call.params.account ?? ""
    if (!ACCOUNT_ID.test(accountId)) return notFound(call)
    const sent = { method: call.request.method, headers: Object.fromEntries(call.request.headers), body }
    // No failure acknowledges the notice, so the provider repeats it.
    return respond(run, call, takenFrom(call.clientIp, { accountId, sent }), (reply) => {
      if (reply === null) return notFound(call)
      // A 204 must have no body, not even an empty one with a content type.
      return reply.status === 204
        ? new Response(null, { status: 204 })
        : new Response(reply.body, { status: reply.status, headers: { "content-type": reply.contentType } })
    })
  }

/** Takes the notice; accounts that nobody has heard of cost the store a limited number of queries per address. */
const takenFrom = Effect.fnUntraced(function* (clientIp: string, sent: TakeNotice) {
  const channels = yield* Channels
  const throttle = yield* Throttle
  const taken = takeNotice(sent)
  return yield* channels.isNew(sent.accountId) ? throttle.lookup("unknown-account", clientIp, taken) : taken
})
