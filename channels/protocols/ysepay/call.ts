import { Clock, Effect } from "effect"
import { ChannelHttp, type ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"
import { METHODS, type Method } from "./methods.ts"
import { type BizContent, writeRequest } from "./request.ts"
import { type MethodAnswer, readResponse } from "./response.ts"
import type { YsepaySession } from "./session.ts"

/** Sends one signed call, and verifies and reads its answer. */
export const callYsepay = Effect.fnUntraced(function* (
  session: YsepaySession,
  method: Method,
  biz: BizContent,
  notifyUrl?: string
): Effect.fn.Return<MethodAnswer, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const http = yield* ChannelHttp
  const nowMs = yield* Clock.currentTimeMillis
  const answer = yield* http.send({
    method: "POST",
    url: session.gateways[METHODS[method].gateway],
    headers: { "content-type": "application/x-www-form-urlencoded; charset=UTF-8", accept: "application/json" },
    body: writeRequest(session, { method, biz, nowMs, ...(notifyUrl === undefined ? {} : { notifyUrl }) })
  })
  if (answer.status !== 200) {
    return yield* new ChannelUncertain({ why: "server-error", detail: `HTTP ${answer.status}` })
  }
  return yield* readResponse(method, answer.body, session.platformKey)
})
