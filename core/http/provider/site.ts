import { Effect } from "effect"
import { Channels } from "../../cashier/channels.ts"
import type { SiteResponse } from "../../channel/site.ts"
import { OwnUrl } from "../../config/own-url.ts"
import { ChannelFacts } from "../../pipeline/persistence/channel-facts.ts"
import type { BodyHandler, Call, Route, Run } from "../call.ts"
import { bodyRefused } from "../read-json.ts"
import { notFound, respond } from "../respond.ts"
import { pageLanguage } from "../web/language.ts"
import { siteResponse } from "../web/site-page.ts"

/** The pages of providers that have their own, each under `/<provider id>/`. */
export const siteRoutes = (run: Run, siteIds: ReadonlyArray<string>): ReadonlyArray<Route> =>
  siteIds.flatMap((id): ReadonlyArray<Route> => {
    const handle = site(run, id)
    return [
      { method: "GET", path: `/${id}/*`, body: "bytes", handle },
      { method: "POST", path: `/${id}/*`, body: "bytes", handle }
    ]
  })

const site =
  (run: Run, providerId: string): BodyHandler =>
  async (call) => {
    const { body } = call
    if (typeof body === "string") return bodyRefused(call, body)
    return respond(run, call, answerSite(providerId, call, body), (answer) => {
      if (answer === null) return notFound(call)
      return siteResponse(`/${providerId}/`, answer)
    })
  }

const answerSite = Effect.fnUntraced(function* (providerId: string, call: Call, body: Uint8Array) {
  const channels = yield* Channels
  const facts = yield* ChannelFacts
  const { urls } = yield* OwnUrl
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
      facts: {
        get: (key) => facts.get(providerId, key),
        update: (key, change) => facts.update(providerId, key, change)
      }
    }
  )
  return response
})
