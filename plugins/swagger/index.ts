import { readFileSync } from "node:fs"
import { Effect, Exit } from "effect"
import { channelList } from "../../core/cashier/channel-list.ts"
import { Settings } from "../../core/cashier/settings.ts"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import type { Handler, Route } from "../../core/http/edge.ts"
import { errorResponse, frameworkError } from "../../core/http/envelope.ts"
import type { GatewayEdge, HttpPlugin } from "../../core/http/http-plugin.ts"
import { FRAMEWORK } from "../../core/http/merchant/messages.ts"
import { pageResponse } from "../../core/http/web/document.ts"
import { type Language, pageLanguage } from "../../core/http/web/language.ts"
import { docsAsset } from "./assets.ts"
import { renderErrorsPage } from "./errors-page.ts"
import { type DocumentView, openApiDocument } from "./openapi.ts"
import { renderReferencePage } from "./reference-page.ts"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

/** The merchant documentation: `/swagger`, `/swagger/json` and `/swagger/errors`, in Chinese and English. */
export const swagger: HttpPlugin = {
  name: "swagger",
  http: (edge): ReadonlyArray<Route> => [
    { method: "GET", path: "/swagger", handle: page(renderReferencePage) },
    { method: "GET", path: "/swagger/errors", handle: page(renderErrorsPage) },
    { method: "GET", path: "/swagger/json", handle: document(edge) },
    { method: "GET", path: "/swagger/assets/:name", handle: asset }
  ]
}

const page =
  (render: (language: Language) => string): Handler =>
  async (call) =>
    pageResponse(200, render(pageLanguage(call)))

const asset: Handler = async (call) => {
  const found = docsAsset(call.params.name ?? "")
  if (found === undefined) return frameworkError(call, FRAMEWORK.notFound)
  const zipped = /\bgzip\b/.test(call.request.headers.get("accept-encoding") ?? "")
  return new Response(zipped ? await found.gzipped() : found.body, {
    headers: {
      "content-type": found.contentType,
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      "x-content-type-options": "nosniff",
      ...(zipped ? { "content-encoding": "gzip" } : {})
    }
  })
}

/** `/swagger/json`, of the channels that are loaded and live now. Made again when these change. */
const document = ({ run, routes }: GatewayEdge): Handler => {
  const made = new Map<Language, { readonly key: string; readonly text: string }>()
  return async (call) => {
    const language = pageLanguage(call)
    const exit = await run(Effect.all({ settings: Settings, channels: channelList() }))
    if (Exit.isFailure(exit)) return errorResponse(call, new StoreUnavailable({ store: "channel accounts" }))
    const { settings, channels } = exit.value
    const view: DocumentView = { language, publicUrl: settings.urls().publicUrl, version, channels }
    const key = JSON.stringify(view)
    const known = made.get(language)
    const text = known?.key === key ? known.text : JSON.stringify(await openApiDocument(routes, view))
    made.set(language, { key, text })
    return new Response(text, {
      headers: {
        "content-type": "application/json; charset=utf-8",
        "content-language": language === "zh" ? "zh-CN" : "en",
        "cache-control": "no-cache",
        vary: "accept-language",
        "x-content-type-options": "nosniff"
      }
    })
  }
}
