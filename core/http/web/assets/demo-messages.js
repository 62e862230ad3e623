/* The messages that travelled: the order's request and answer, and the webhook. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { element } = await import(`./page-kit.js${search}`)
const { baseUrl, byId, clock, say } = await import(`./demo-kit.js${search}`)
const { selectTab } = await import(`./demo-tabs.js${search}`)
const { jsonLines, signedString, tokens } = await import(`./demo-wire.js${search}`)

/** The request and the answer of an order. @param placed null = none yet */
export function showWire(placed) {
  if (placed === null) {
    for (const name of ["request", "response"]) showEmpty(name, say("emptyWire"))
    showEmpty("webhook", say("emptyWebhook"))
    selectTab(byId("wire-request-tab"))
    return
  }
  const { request, response } = placed
  showMessage("request", {
    first: `${request.method} ${request.path} HTTP/1.1`,
    headers: { Host: baseUrl.replace(/^https?:\/\//, ""), ...request.headers },
    body: request.body,
    signed: true
  })
  showMessage("response", {
    first: `HTTP/1.1 ${response.status}`,
    headers: response.headers ?? { "Content-Type": "application/json" },
    body: response.body
  })
  showEmpty("webhook", say("emptyWebhook"))
}

/** The webhook, once there is one. */
export function showWebhook({ webhook }) {
  if (webhook === null) return
  const attempts = webhook.attempts ?? []
  const last = attempts.at(-1)
  const verified = webhook.verified
  const fresh = byId("webhook-body") === null
  showMessage("webhook", {
    first: `POST ${webhook.url} HTTP/1.1`,
    headers: {
      "Content-Type": "application/json",
      "X-PayHub-Event": webhook.event_id,
      "X-PayHub-Attempt": String(last?.attempt ?? 1)
    },
    body: webhook.body,
    signed: true,
    badge:
      last === undefined
        ? null
        : element(
            "p",
            verified ? "badge verified" : "badge unverified",
            verified ? `${say("verified")} ✓` : say("unverified")
          ),
    after: attempts.length === 0 ? [] : [attemptTable(attempts)]
  })
  if (fresh) byId("wire-webhook-tab").classList.add("news")
}

function attemptTable(attempts) {
  return element(
    "div",
    "attempts",
    element("h3", "title", say("attempts")),
    element(
      "ol",
      "",
      ...attempts.map(({ attempt, at, status, detail, duration_ms }) =>
        element(
          "li",
          status === 200 && String(detail).trim() === "success" ? "good" : "bad",
          element("span", "", say("attempt", { attempt })),
          element("time", "", clock(at)),
          element("span", "", `${status ?? say("noAnswer")} ${detail}`.trim()),
          element("span", "", `${duration_ms} ms`)
        )
      )
    )
  )
}

/** One message of the wire: its first line, headers, body as laid-out JSON, and the string that its sign is over. */
function showMessage(name, { first, headers, body, signed = false, badge = null, after = [] }) {
  const head = element("pre", "head", element("span", "first", first))
  for (const [key, value] of Object.entries(headers)) {
    head.append("\n", element("span", "key", `${key}: `), String(value))
  }
  const raw = element("span", "", body)
  raw.id = `${name}-body`
  raw.hidden = true
  const code = element("code", "", ...tokens(jsonLines(body)).map(([kind, text]) => element("span", kind, text)))
  const pre = element("pre", "json", code)
  pre.tabIndex = 0
  const string = signed
    ? [element("p", "caption", say("signedString")), element("pre", "string", signedString(body))]
    : []
  byId(`${name}-wire`).replaceChildren(...(badge === null ? [] : [badge]), head, raw, pre, ...string, ...after)
  document.querySelector(`[data-copy="${name}-body"]`).hidden = false
}

function showEmpty(name, text) {
  byId(`${name}-wire`).replaceChildren(element("p", "empty", text))
  document.querySelector(`[data-copy="${name}-body"]`).hidden = true
  byId(`wire-${name}-tab`).classList.remove("news")
}
