import { swagger } from "@elysiajs/swagger"
import { Elysia } from "elysia"
import type { ListedChannel } from "../../core/cashier/channel-list.ts"
import type { Language } from "../../core/domain/language.ts"
import type { Route } from "../../core/http/call.ts"
import { type CatalogueEntry, errorEntries, frameworkEntry } from "../../core/http/errors/catalogue.ts"
import { channelView } from "../../core/http/merchant/channel-view.ts"
import { type Answer, answers, payParams, webhookBody } from "./answers.ts"
import { channelSchema, channelTable } from "./channels.ts"
import { ENDPOINTS, type Endpoint, operationId, TAGS, WEBHOOK } from "./endpoints.ts"
import { failureEnvelopes, failureSchema, ref, successEnvelope } from "./envelopes.ts"
import { COMMON } from "./field-docs.ts"
import { fieldTable } from "./field-table.ts"
import { introduction } from "./intro.ts"
import { type JsonObject, requestSchema } from "./json-schema.ts"
import { SAMPLE_LANGUAGES } from "./samples/languages.ts"
import { comments, type SampleCall } from "./samples/sample.ts"
import { signedExample } from "./signed-example.ts"

/** What one version of the document is made for. */
export interface DocumentView {
  readonly language: Language
  readonly publicUrl: string
  readonly version: string
  readonly channels: ReadonlyArray<ListedChannel>
}

/** Marks the operations whose requests are signed: the page signs them when they are tried. */
export const SIGNED_MARK = "x-payhub-signed"

/**
 * The OpenAPI 3.1 document of the gateway's routes, made by @elysiajs/swagger. That plugin runs in an app of its own,
 * which has the gateway's routes and serves nobody: the plugin's page would load scripts from a CDN, and the plugin knows
 * only one language.
 * @param routes the gateway's own routes
 * @throws Error if a documented endpoint is not among the routes
 */
export const openApiDocument = async (routes: ReadonlyArray<Route>, view: DocumentView): Promise<JsonObject> => {
  const details = new Map(ENDPOINTS.map((endpoint) => [endpoint.route, operation(endpoint, view)]))
  const documentation = documentOf(view) as unknown as SwaggerDocumentation
  const app = new Elysia({ aot: false }).use(swagger({ provider: "swagger-ui", path: "/swagger", documentation }))
  for (const { method, path } of routes) {
    const detail = details.get(`${method} ${path}`)
    if (detail === undefined) continue
    details.delete(`${method} ${path}`)
    app.route(method, path, () => "", { detail: detail as object })
  }
  const [absent] = details.keys()
  if (absent !== undefined) throw new Error(`the documentation describes ${absent}, which the gateway does not serve`)
  const response = await app.handle(new Request("http://documentation/swagger/json"))
  return (await response.json()) as JsonObject
}

type SwaggerDocumentation = NonNullable<NonNullable<Parameters<typeof swagger>[0]>["documentation"]>

const documentOf = (view: DocumentView): JsonObject => {
  const { language, publicUrl, version, channels } = view
  const zh = language === "zh"
  return {
    openapi: "3.1.0",
    info: {
      title: zh ? "PayHub 商户接口" : "PayHub merchant API",
      version,
      description: introduction(language, publicUrl)
    },
    servers: [{ url: publicUrl }],
    tags: Object.entries(TAGS).map(([, name]) => ({ name: name[language] })),
    webhooks: { payment: { post: webhookOperation(language) } },
    components: {
      schemas: {
        ...Object.fromEntries(ENDPOINTS.flatMap((endpoint) => schemasOf(endpoint, view))),
        PaymentWebhook: webhookBody(language).data,
        Channel: channelSchema(channels, language),
        JsapiPayParams: payParams(language),
        ...failureEnvelopes(language)
      }
    }
  }
}

const answerOf = ({ answer }: Endpoint, { language, channels }: DocumentView): Answer => {
  const [first] = channels
  return answers(language, first === undefined ? {} : channelView(first, language))[answer]
}

const schemasOf = (endpoint: Endpoint, view: DocumentView): ReadonlyArray<readonly [string, JsonObject]> => {
  const { answer } = endpoint
  const request = requestOf(endpoint, view)
  return [
    ...(request === undefined ? [] : [[`${answer}Request`, request] as const]),
    [`${answer}Answer`, successEnvelope(`${answer}Data`, view.language)],
    [`${answer}Data`, answerOf(endpoint, view).data]
  ]
}

const requestOf = ({ request }: Endpoint, { language, channels }: DocumentView): JsonObject | undefined => {
  const codes = channels.map(({ product }) => product.code)
  return request && requestSchema(request.schema(codes), request.docs, language, request.signed)
}

const operation = (endpoint: Endpoint, view: DocumentView): JsonObject => {
  const { tag, answer, summary, description, request, query } = endpoint
  const { language, channels } = view
  const schema = requestOf(endpoint, view)
  const more = answer === "Channels" ? `\n\n${channelTable(channels, language)}` : ""
  return {
    operationId: operationId(endpoint),
    tags: [TAGS[tag][language]],
    summary: summary[language],
    description: description[language] + more,
    ...(request?.signed ? { [SIGNED_MARK]: true } : {}),
    ...(query === undefined ? {} : { parameters: queryParameters(query, language) }),
    ...(request === undefined || schema === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            description: fieldTable(schema, language, "request"),
            content: {
              "application/json": { schema: ref(`${answer}Request`), example: requestExample(request) }
            }
          }
        }),
    "x-codeSamples": codeSamples(endpoint, language),
    responses: { "200": success(endpoint, view), ...failures(endpoint, language) }
  }
}

/** A program for the endpoint in every language, where other tools for OpenAPI look for it too. */
const codeSamples = (endpoint: Endpoint, language: Language): ReadonlyArray<JsonObject> => {
  const call = sampleCall(endpoint)
  return SAMPLE_LANGUAGES.map(({ id, title, file, run, code }) => ({
    lang: id,
    label: title,
    "x-file": file,
    "x-run": run,
    source: code(call, comments(language))
  }))
}

/** The endpoint's example as a call. */
export const sampleCall = ({ route, request, query = {} }: Endpoint): SampleCall => {
  const [method, path = ""] = route.split(" ")
  const docs = request?.docs ?? query
  const names = request?.example ?? Object.keys(query)
  return {
    method: method === "GET" ? "GET" : "POST",
    path,
    fields: Object.fromEntries(names.map((name) => [name, docs[name]?.example ?? ""])),
    signed: request?.signed ?? false
  }
}

const queryParameters = (query: NonNullable<Endpoint["query"]>, language: Language): ReadonlyArray<JsonObject> =>
  Object.entries(query).map(([name, { text, example }]) => ({
    name,
    in: "query",
    required: true,
    description: text[language],
    schema: { type: "string", minLength: 1 },
    example
  }))

const requestExample = ({ docs, example, signed }: NonNullable<Endpoint["request"]>): JsonObject => {
  const fields = Object.fromEntries(example.map((name) => [name, docs[name]?.example ?? ""]))
  if (!signed) return fields
  const { app_id, timestamp, nonce } = COMMON
  return signedExample({ app_id: app_id.example, timestamp: timestamp.example, nonce: nonce.example, ...fields })
}

const success = (endpoint: Endpoint, view: DocumentView): JsonObject => {
  const { data, example } = answerOf(endpoint, view)
  const { language, channels } = view
  const tables = [fieldTable(data, language, "answer")]
  if (endpoint.answer === "Channels") tables.push(fieldTable(channelSchema(channels, language), language, "answer"))
  return {
    description: [`**${String(example.message)}**`, ...tables].join("\n\n"),
    content: { "application/json": { schema: ref(`${endpoint.answer}Answer`), example } }
  }
}

/** Every error of an endpoint, by status, with its cause, its remedy and an example. */
const failures = ({ errors, framework }: Endpoint, language: Language): JsonObject => {
  const entries = [
    ...errors.flatMap((tag) => errorEntries(tag, language)),
    ...framework.map((name) => frameworkEntry(name, language))
  ].sort((a, b) => a.code - b.code)
  const byCode = new Map<number, Array<CatalogueEntry>>()
  for (const entry of entries) byCode.set(entry.code, [...(byCode.get(entry.code) ?? []), entry])
  return Object.fromEntries([...byCode].map(([code, found]) => [String(code), failure(found)]))
}

const failure = (entries: ReadonlyArray<CatalogueEntry>): JsonObject => {
  const headers = new Set(entries.flatMap((entry) => Object.keys(entry.headers)))
  return {
    description: entries.map(({ message, cause, remedy }) => `- **${message}** ${cause} ${remedy}`).join("\n"),
    ...(headers.has("retry-after")
      ? { headers: { "Retry-After": { schema: { type: "integer", minimum: 1 }, description: "s" } } }
      : {}),
    content: {
      "application/json": {
        schema: failureSchema(entries),
        examples: Object.fromEntries(
          entries.map(({ name, code, message, data }, i) => [
            entries.findIndex((entry) => entry.name === name) === i ? name : `${name}${i}`,
            { summary: message, value: { code, message, data: data as JsonObject | null } }
          ])
        )
      }
    }
  }
}

const webhookOperation = (language: Language): JsonObject => {
  const zh = language === "zh"
  const { data, example } = webhookBody(language)
  const header = (name: string, description: string, schema: JsonObject): JsonObject => ({
    name,
    in: "header",
    required: true,
    description,
    schema
  })
  return {
    operationId: WEBHOOK.id,
    summary: WEBHOOK.summary[language],
    description: WEBHOOK.description[language],
    parameters: [
      header("X-PayHub-Event", zh ? "事件编号，每次推送相同。" : "The event's id, the same in every attempt.", {
        type: "string"
      }),
      header("X-PayHub-Attempt", zh ? "第几次推送，从 1 开始。" : "Counts the attempts, from 1.", {
        type: "integer",
        minimum: 1
      })
    ],
    requestBody: {
      required: true,
      description: fieldTable(data, language, "answer"),
      content: { "application/json": { schema: ref("PaymentWebhook"), example } }
    },
    responses: {
      "200": {
        description: zh ? "已收到；其他任何应答都会导致再次推送。" : "Received; any other answer has it sent again.",
        content: { "text/plain": { schema: { type: "string", enum: ["success"] }, example: "success" } }
      }
    }
  }
}
