import { readFileSync } from "node:fs"
import { Effect } from "effect"
import { channelList, testFaultsPage } from "../../core/cashier/channel-list.ts"
import { OwnUrl } from "../../core/config/own-url.ts"
import type { Language } from "../../core/domain/language.ts"
import type { Call, Handler, Route } from "../../core/http/call.ts"
import { frameworkError } from "../../core/http/envelope.ts"
import { FRAMEWORK } from "../../core/http/errors/gateway.ts"
import type { GatewayEdge } from "../../core/http/plugin-routes.ts"
import { respond } from "../../core/http/respond.ts"
import { pageResponse } from "../../core/http/web/document.ts"
import { pageLanguage } from "../../core/http/web/language.ts"
import type { Plugin } from "../../core/start/plugin.ts"
import { docsAsset } from "./assets.ts"
import type { DocsView } from "./docs-page.ts"
import { renderErrorsPage } from "./errors-page.ts"
import { type DocumentView, openApiDocument } from "./openapi.ts"
import { renderReferencePage } from "./reference-page.ts"
import { searchIndex } from "./search-index.ts"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

/** The merchant documentation: `/swagger`, `/swagger/json` and `/swagger/errors`, in Chinese and English. */
export const swagger: Plugin = {
  name: "swagger",
  http: (edge): ReadonlyArray<Route> => [
    { method: "GET", path: "/swagger", handle: page(edge, renderReferencePage) },
    { method: "GET", path: "/swagger/errors", handle: page(edge, renderErrorsPage) },
    { method: "GET", path: "/swagger/search", handle: search(edge) },
    { method: "GET", path: "/swagger/json", handle: document(edge) },
    { method: "GET", path: "/swagger/assets/:name", handle: asset }
  ]
}

const viewOf = (call: Call) =>
  Effect.map(testFaultsPage, (faultsPage): DocsView => ({ language: pageLanguage(call), faultsPage }))

const page =
  ({ run }: GatewayEdge, render: (view: DocsView) => string): Handler =>
  (call) =>
    respond(run, call, viewOf(call), (view) => pageResponse(200, render(view)))

/** `/swagger/search`: what the pages' search looks through, asked for when somebody searches; made once per language. */
const search = ({ run }: GatewayEdge): Handler => {
  const made = new Map<Language, string>()
  return (call) =>
    respond(run, call, viewOf(call), (view) => {
      const text = made.get(view.language) ?? JSON.stringify(searchIndex(view))
      made.set(view.language, text)
      return json(text, view.language)
    })
}

const json = (text: string, language: Language): Response =>
  new Response(text, {
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-language": language === "zh" ? "zh-CN" : "en",
      "cache-control": "no-cache",
      vary: "accept-language",
      "x-content-type-options": "nosniff"
    }
  })

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

/** `/swagger/json`. The document names the loaded channels and the live ones; it is rebuilt when they change. */
const document = ({ run, routes }: GatewayEdge): Handler => {
  const made = new Map<Language, { readonly key: string; readonly text: string }>()
  const textOf = Effect.fnUntraced(function* (language: Language) {
    const { urls } = yield* OwnUrl
    const view: DocumentView = { language, publicUrl: urls().publicUrl, version, channels: yield* channelList() }
    const key = JSON.stringify(view)
    const known = made.get(language)
    if (known?.key === key) return known.text
    const text = JSON.stringify(yield* Effect.promise(() => openApiDocument(routes, view)))
    made.set(language, { key, text })
    return text
  })
  return (call) => {
    const language = pageLanguage(call)
    return respond(run, call, textOf(language), (text) => json(text, language))
  }
}
