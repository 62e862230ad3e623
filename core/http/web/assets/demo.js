/* The operator's first page: places an order through the gateway's own API and follows it to the verified webhook. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { byId, parsed, say } = await import(`./demo-kit.js${search}`)
const { prepareCopying, prepareTabs } = await import(`./demo-tabs.js${search}`)
const { showWebhook, showWire } = await import(`./demo-messages.js${search}`)
const { showJourney, showStamp, showTimeline } = await import(`./demo-journey.js${search}`)

const POLL_MS = 1000
const POLL_SLOW_MS = 3000
/** An order lives 30 minutes, and its webhook is tried for a few minutes more. */
const FOLLOW_MS = 40 * 60 * 1000
const AMOUNT_FEN_MAX = 10_000_000_000
const NOTE_MAX = { qrcode: 250, jsapi: 125 }
const MEMORY = "payhub.demo"

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
  showWire(placed)
  showJourney(placed, state)
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
  showWire(placed)
  showJourney(placed, state)
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
      showJourney(placed, state)
      showWebhook(state)
      showTimeline(state)
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
  showStamp(state)
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
  showWire(placed)
  showJourney(placed, state)
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

/** The path of an image: the page's policy admits its own origin only, and the public URL may have another name. */
function sameOrigin(url) {
  if (url.startsWith("data:")) return url
  const { pathname, search } = new URL(url, location.href)
  return pathname + search
}

/** Where the order is paid, in this page's language; "" = nowhere on the web. */
function webLink(url) {
  if (typeof url !== "string" || !/^https?:\/\//.test(url)) return ""
  const link = new URL(url)
  link.searchParams.set("lang", document.documentElement.lang.slice(0, 2))
  return link.href
}

function yuan(fen) {
  const text = String(fen).padStart(3, "0")
  return `${text.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",")}.${text.slice(-2)}`
}
