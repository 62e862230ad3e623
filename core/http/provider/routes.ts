import { Effect } from "effect"
import { Channels } from "../../cashier/channels.ts"
import { takeNotice } from "../../cashier/notice.ts"
import { Settings } from "../../cashier/settings.ts"
import type { SiteResponse } from "../../channel/site.ts"
import { MalformedRequest } from "../../domain/errors.ts"
import { Persistence } from "../../pipeline/persistence/persistence.ts"
import { type BodyFault, readBody } from "../body.ts"
import type { Call, Handler, Route, Run } from "../edge.ts"
import { errorResponse, frameworkError, internalError } from "../envelope.ts"
import { FRAMEWORK } from "../merchant/messages.ts"
import { pageLanguage } from "../web/language.ts"
import { qrContent, qrPng } from "../web/qr-code.ts"
import { siteResponse } from "../web/site-page.ts"

/** What providers, payers and images reach: notices, QR codes and the providers' own sites. */
export const channelRoutes = (run: Run, siteIds: ReadonlyArray<string>): ReadonlyArray<Route> => [
  { method: "POST", path: "/api/notice/:account", handle: notice(run) },
  { method: "GET", path: "/qr/:name", handle: qrImage(run) },
  ...siteIds.flatMap((id): ReadonlyArray<Route> => {
    const handle = site(run, id)
    return [
      { method: "GET", path: `/${id}/*`, handle },
      { method: "POST", path: `/${id}/*`, handle }
    ]
  })
]

/** What an account's id looks like; anything else is not worth a look into the store. */
const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/

const notice =
  (run: Run): Handler =>
  async (call) => {
    const body = await readBody(call.request)
    if (typeof body === "string") return bodyRefused(call, body)
    const raw = { method: call.request.method, headers: Object.fromEntries(call.request.headers), body }
    const accountId = call.params.account ?? ""
    if (!ACCOUNT_ID.test(accountId)) return frameworkError(call, FRAMEWORK.notFound)
    const exit = await run(takeNotice(accountId, raw), call)
    if (exit._tag === "Failure") {
      // Not acknowledged, whatever went wrong: the provider comes again.
      const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
      if (failure !== undefined) return errorResponse(call, failure.error)
      return unwrap(call, await run(internalError(call, exit.cause)))
    }
    const reply = exit.value
    if (reply === null) return frameworkError(call, FRAMEWORK.notFound)
    // 204 must not carry a body, not even an empty one with a type.
    return reply.status === 204
      ? new Response(null, { status: 204 })
      : new Response(reply.body, { status: reply.status, headers: { "content-type": reply.contentType } })
  }

const bodyRefused = (call: Call, fault: BodyFault): Response =>
  fault === "too-large" ? frameworkError(call, FRAMEWORK.bodyTooLarge) : errorResponse(call, new MalformedRequest())

const qrImage =
  (run: Run): Handler =>
  async (call) => {
    const name = decodeURIComponent(call.params.name ?? "")
    const exit = await run(Effect.map(Settings, ({ linkKey }) => qrContent(linkKey, name)))
    const content = exit._tag === "Success" ? exit.value : undefined
    const png = content === undefined ? null : await qrPng(content)
    if (png === null) return frameworkError(call, FRAMEWORK.notFound)
    return new Response(new Uint8Array(png), {
      headers: {
        "content-type": "image/png",
        // A link says all that is in it, so what it shows never changes.
        "cache-control": "public, max-age=86400, immutable",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "cross-origin"
      }
    })
  }

const site =
  (run: Run, providerId: string): Handler =>
  async (call) => {
    const body = await readBody(call.request)
    if (typeof body === "string") return bodyRefused(call, body)
    const exit = await run(answerSite(providerId, call, body))
    if (exit._tag === "Failure") return unwrap(call, await run(internalError(call, exit.cause)))
    if (exit.value === null) return frameworkError(call, FRAMEWORK.notFound)
    return siteResponse(`/${providerId}/`, exit.value)
  }

const answerSite = Effect.fnUntraced(function* (providerId: string, call: Call, body: Uint8Array) {
  const channels = yield* Channels
  const { book } = yield* Persistence
  const { urls } = yield* Settings
  const account = yield* channels.open(providerId)
  if (account?.site === undefined) return null
  const response: SiteResponse = yield* account.site(
    {
      method: call.request.method,
      url: call.url,
      headers: Object.fromEntries(call.request.headers),
      body,
      language: pageLanguage(call)
    },
    {
      gateway: urls(),
      account: account.settings,
      accountId: account.id,
      clientIp: call.clientIp,
      book: {
        get: (key) => book.get(providerId, key),
        update: (key, change) => book.update(providerId, key, change)
      }
    }
  )
  return response
})

const unwrap = (
  call: Call,
  exit: { readonly _tag: "Success"; readonly value: Response } | { readonly _tag: "Failure" }
): Response => (exit._tag === "Success" ? exit.value : frameworkError(call, FRAMEWORK.internal))
