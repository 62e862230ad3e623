/* The operator's first page: places an order through the gateway's own API and follows it to the verified webhook. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { copyText, element, fill } = await import(`./page-kit.js${search}`)
const { jsonLines, signedString, tokens } = await import(`./demo-wire.js${search}`)

const POLL_MS = 1000
const POLL_SLOW_MS = 3000
/** An order lives 30 minutes, and its webhook is tried for a few minutes more. */
const FOLLOW_MS = 40 * 60 * 1000
const AMOUNT_FEN_MAX = 10_000_000_000
const NOTE_MAX = { qrcode: 250, jsapi: 125 }
const STEPS = ["signed", "stored", "paying", "settled", "delivered"]
const MEMORY = "payhub.demo"

const { baseUrl, texts, events } = JSON.parse(byId("view").textContent)
const say = (name, values = {}) => fill(texts[name], values)

/** What `/demo/order` answered for the order on show, and the newest of `/demo/state`. */
let placed = null
let state = null
let follower = 0

prepareTabs()
prepareCopying()
byId("order-form").addEventListener("submit", (event) => {
  event.preventDefault()
  placeOrder()
})
byId("another-button").addEventListener("click", startOver)
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && follower !== 0) follow(0)
})
resume()
// A click before this point would submit the form itself, so the button waits for its script.
byId("order-button").disabled = false

// ------------------------------------------------------------------------------------------------------ ordering

async function placeOrder() {
  const button = byId("order-button")
  if (button.disabled) return
  const way = document.querySelector("input[name=way]:checked").value
  const amountFen = fenOf(byId("amount").value)
  const note = byId("note").value.trim()
  if (amountFen === null) return refuse(say("amountInvalid"), "amount")
  if ([...note].length > NOTE_MAX[way]) return refuse(say("noteTooLong", { max: NOTE_MAX[way] }), "note")
  refuse("")
  button.disabled = true
  button.textContent = say("placing")
  const answer = await ask("/demo/order", { amount_fen: amountFen, way, note })
  button.disabled = false
  button.textContent = say("submit")
  if (answer === null) return refuse(say("unreachable"))
  const exchange = answer.body
  if (exchange?.request === undefined) return refuseByEnvelope(answer.status, exchange, answer.retryAfterS)

  const envelope = parsed(exchange.response.body)
  placed = { amountFen, way, request: exchange.request, response: exchange.response, data: envelope?.data ?? null }
  state = null
  showWire()
  showJourney()
  if (exchange.response.status !== 200) {
    refuseByEnvelope(exchange.response.status, envelope, Number(exchange.response.headers?.["retry-after"]) || 0)
    if (placed.data?.order_no !== undefined) follow(0)
    return
  }
  remember()
  showCheckout()
  byId("checkout-heading").focus({ preventScroll: true })
  byId("checkout").scrollIntoView({ block: "nearest" })
  follow(0)
}

/** Yuan as people type it → whole fen, or null. */
function fenOf(text) {
  const match = /^(\d{1,9})(?:\.(\d{1,2}))?$/.exec(text.trim().replace(/^¥/, ""))
  if (match === null) return null
  const fen = Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"))
  return fen >= 1 && fen <= AMOUNT_FEN_MAX ? fen : null
}

function refuse(text, field) {
  const line = byId("order-error")
  line.textContent = text
  line.hidden = text === ""
  for (const name of ["amount", "note"]) byId(name).setAttribute("aria-invalid", String(name === field))
  if (field !== undefined) byId(field).focus()
}

function refuseByEnvelope(status, envelope, retryAfterS) {
  const message = envelope?.message ?? `HTTP ${status}`
  if (status !== 429) return refuse(say("refused", { message }))
  const seconds = retryAfterS || Number(/\d+/.exec(message)?.[0]) || 3
  refuse(say("tooMany", { seconds }))
  countDown(seconds)
}

/** The button says when it may be pressed again. */
function countDown(seconds) {
  const button = byId("order-button")
  button.disabled = seconds > 0
  button.textContent = seconds > 0 ? say("wait", { seconds }) : say("submit")
  if (seconds > 0) setTimeout(countDown, 1000, seconds - 1)
  else refuse("")
}

function startOver() {
  clearTimeout(follower)
  follower = 0
  placed = null
  state = null
  forget()
  showWire()
  showJourney()
  byId("checkout").hidden = true
  byId("order").hidden = false
  byId("amount").focus()
}

// ----------------------------------------------------------------------------------------------------- following

/** Reads the order's state again and again until its webhook has been delivered or given up. */
function follow(pauseMs) {
  clearTimeout(follower)
  follower = setTimeout(async () => {
    const order = placed
    const answer = await ask(`/demo/state?order_no=${encodeURIComponent(order.data.order_no)}`)
    if (placed !== order) return
    const readable = answer?.status === 200 && answer.body?.order !== undefined
    byId("state-error").hidden = readable
    byId("state-error").textContent = readable ? "" : say("stateUnreachable")
    if (readable) {
      state = answer.body
      showJourney()
      showWebhook()
      showTimeline()
      if (isOver()) {
        follower = 0
        return
      }
    }
    order.since ??= Date.now()
    if (Date.now() - order.since > FOLLOW_MS) follower = 0
    else follow(readable ? POLL_MS : POLL_SLOW_MS)
  }, pauseMs)
}

function isOver() {
  const status = state.order.status_name
  if (status === "FAILED" || status === "CLOSED") return true
  return state.webhook !== null && (state.webhook.state === "delivered" || state.webhook.state === "dead")
}

// ------------------------------------------------------------------------------------------------------- showing

function showCheckout() {
  const { data } = placed
  byId("order").hidden = true
  byId("checkout").hidden = false
  byId("total").textContent = yuan(placed.amountFen)
  byId("order-no").textContent = data.order_no
  byId("merchant-order-no").textContent = data.merchant_order_no ?? ""
  const hasQr = typeof data.qrCodeUrl === "string"
  const qr = byId("qr")
  qr.hidden = !hasQr
  if (hasQr) qr.src = sameOrigin(data.qrCodeUrl)
  byId("code").hidden = !hasQr
  byId("scan-hint").hidden = !hasQr
  byId("link-hint").hidden = hasQr
  const link = byId("pay-link")
  link.href = webLink(data.pay_url ?? data.sourceQrCodeUrl)
  link.hidden = link.getAttribute("href") === ""
  showStamp()
}

/** [state, detail] of each of the journey's five steps. */
function journey() {
  if (placed === null) return STEPS.map(() => ["idle", ""])
  const { response, request, data } = placed
  const steps = STEPS.map(() => ["idle", ""])
  const sign = parsed(request.body)?.sign ?? ""
  const unsigned = response.status === 401
  steps[0] = [unsigned ? "failed" : "done", say("signature", { sign: `${String(sign).slice(0, 16)}…` })]
  if (unsigned) return steps
  if (data?.order_no === undefined) {
    steps[1] = ["failed", say("answered", { answer: `${response.status} ${parsed(response.body)?.message ?? ""}` })]
    return steps
  }
  steps[1] = ["done", data.order_no]
  steps[2] = ["active", say("waitingPayer")]
  if (state === null) return steps
  const { order, webhook } = state
  if (order.status_name === "PENDING") return steps
  if (order.status_name !== "PAID" && order.status_name !== "REFUNDED") {
    steps[2] = ["failed", say("orderEnded", { status: order.status_name })]
    return steps
  }
  steps[2] = ["done", order.pay_time ?? ""]
  steps[3] = ["done", say("money", { received: order.actual_amount, fee: order.fee })]
  steps[4] = webhookStep(webhook)
  return steps
}

function webhookStep(webhook) {
  const last = webhook?.attempts?.at(-1)
  if (last === undefined) return ["active", say("pushing")]
  if (webhook.state === "delivered") {
    const verdict = webhook.verified ? say("verified") : say("unverified")
    const delivered = say("delivered", { attempt: last.attempt, ms: last.duration_ms })
    return [webhook.verified ? "done" : "failed", `${verdict} · ${delivered}`]
  }
  if (webhook.state === "dead") return ["failed", say("dead")]
  const answer = `${last.status ?? say("noAnswer")} ${last.detail}`.trim()
  return ["active", say("attemptFailed", { attempt: last.attempt, answer })]
}

function showJourney() {
  const words = { idle: "stepIdle", active: "stepActive", done: "stepDone", failed: "stepFailed" }
  let newest = ""
  for (const [i, [now, detail]] of journey().entries()) {
    const step = byId(`step-${STEPS[i]}`)
    const line = step.querySelector(".detail")
    if (step.dataset.state !== now) {
      step.dataset.state = now
      step.querySelector(".state-text").textContent = say(words[now])
      if (now === "done" || now === "failed") newest = `${step.querySelector("h3").textContent}: ${say(words[now])}`
    }
    line.textContent = detail
    line.hidden = detail === ""
  }
  if (newest !== "") byId("announcer").textContent = newest
  showStamp()
  if (placed === null) {
    byId("timeline").hidden = true
    byId("state-error").hidden = true
  }
}

function showStamp() {
  const status = state?.order.status_name ?? "PENDING"
  const paid = status === "PAID" || status === "REFUNDED"
  const stamp = byId("stamp")
  stamp.hidden = status === "PENDING"
  stamp.textContent = paid ? say("paid") : status
  stamp.dataset.kind = paid ? "paid" : "ended"
  byId("code").classList.toggle("stamped", !stamp.hidden)
  if (stamp.hidden) return
  byId("code").hidden = false
  byId("pay-link").hidden = true
  byId("scan-hint").hidden = true
  byId("link-hint").hidden = true
}

function showTimeline() {
  const entries = state.timeline ?? []
  const list = byId("timeline-entries")
  byId("timeline").hidden = entries.length === 0
  // Entries are not drawn again, so that an opened one stays open.
  if (list.childElementCount === entries.length && list.dataset.order === state.order.order_no) return
  list.dataset.order = state.order.order_no
  byId("timeline-count").textContent = String(entries.length)
  list.replaceChildren(...entries.map(timelineEntry))
}

function timelineEntry({ at, kind, detail }) {
  const head = [
    element("time", "", clock(at)),
    element("strong", "", kind),
    element("span", "meaning", ` ${events[kind] ?? ""}`)
  ]
  const text = typeof detail === "string" ? detail : JSON.stringify(detail ?? "")
  if (["", '""', "null", "{}"].includes(text)) return element("li", "", element("div", "entry", ...head))
  return element(
    "li",
    "",
    element("details", "", element("summary", "entry", ...head), element("pre", "", jsonLines(text)))
  )
}

function showWire() {
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

function showWebhook() {
  const { webhook } = state
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

// -------------------------------------------------------------------------------------------------- tabs and copies

function prepareTabs() {
  for (const list of document.querySelectorAll("[role=tablist]")) {
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]")
      if (tab !== null) selectTab(tab)
    })
    list.addEventListener("keydown", (event) => {
      const tabs = [...list.querySelectorAll("[role=tab]")]
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (step === undefined) return
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length]
      selectTab(next)
      next.focus()
    })
  }
}

function selectTab(tab) {
  for (const other of tab.parentElement.querySelectorAll("[role=tab]")) {
    const chosen = other === tab
    other.setAttribute("aria-selected", String(chosen))
    other.tabIndex = chosen ? 0 : -1
    byId(other.getAttribute("aria-controls")).hidden = !chosen
  }
  tab.classList.remove("news")
}

function prepareCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent
    let back = 0
    button.addEventListener("click", async () => {
      const copied = await copyText(byId(button.dataset.copy).textContent)
      button.textContent = say(copied ? "copied" : "copyFailed")
      clearTimeout(back)
      back = setTimeout(() => {
        button.textContent = label
      }, 1600)
    })
  }
}

// ------------------------------------------------------------------------------------------------------- the rest

/** null = no answer that is JSON. */
async function ask(path, body) {
  try {
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        "Accept-Language": document.documentElement.lang,
        ...(body === undefined ? {} : { "Content-Type": "application/json" })
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(20_000)
    })
    const retryAfterS = Number(response.headers.get("Retry-After")) || 0
    return { status: response.status, retryAfterS, body: await response.json() }
  } catch {
    return null
  }
}

/** A reload or the switch to the other language continues with the same order. */
function resume() {
  try {
    placed = JSON.parse(sessionStorage.getItem(MEMORY))
  } catch {
    placed = null
  }
  if (placed === null) return
  showWire()
  showJourney()
  showCheckout()
  follow(0)
}

function remember() {
  try {
    sessionStorage.setItem(MEMORY, JSON.stringify(placed))
  } catch {
    // Without storage a reload starts over.
  }
}

function forget() {
  try {
    sessionStorage.removeItem(MEMORY)
  } catch {
    // As above.
  }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The path of an image: the page's policy admits its own origin only, and the public URL may have another name. */
function sameOrigin(url) {
  if (url.startsWith("data:")) return url
  const { pathname, search } = new URL(url, location.href)
  return pathname + search
}

function webLink(url) {
  return typeof url === "string" && /^https?:\/\//.test(url) ? url : ""
}

function yuan(fen) {
  const text = String(fen).padStart(3, "0")
  return `${text.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",")}.${text.slice(-2)}`
}

function clock(at) {
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? String(at) : time.toLocaleTimeString([], { hour12: false })
}

function byId(id) {
  return document.getElementById(id)
}
