/* Where the payment is: its five steps, the stamp on its code, and the order's timeline. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { element } = await import(`./page-kit.js${search}`)
const { byId, clock, events, parsed, say } = await import(`./demo-kit.js${search}`)
const { jsonLines } = await import(`./demo-wire.js${search}`)

const STEPS = ["signed", "stored", "paying", "settled", "delivered"]

/** [state, detail] of each of the journey's five steps. */
function journey(placed, state) {
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

/** Shows the steps of an order, or five idle ones. @param placed null = no order yet @param state null = not read yet */
export function showJourney(placed, state) {
  const words = { idle: "stepIdle", active: "stepActive", done: "stepDone", failed: "stepFailed" }
  let newest = ""
  for (const [i, [now, detail]] of journey(placed, state).entries()) {
    const step = byId(`step-${STEPS[i]}`)
    const line = step.querySelector(".detail")
    if (step.dataset.state !== now) {
      step.dataset.state = now
      step.querySelector(".state-text").textContent = say(words[now])
      if (now === "done" || now === "failed")
        newest = say("announced", { step: step.querySelector("h3").textContent, state: say(words[now]) })
    }
    line.textContent = detail
    line.hidden = detail === ""
  }
  if (newest !== "") byId("announcer").textContent = newest
  showStamp(state)
  if (placed === null) {
    byId("timeline").hidden = true
    byId("state-error").hidden = true
  }
}

/** Over the code: how the order ended. */
export function showStamp(state) {
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

/** What the gateway has written down of the order. */
export function showTimeline(state) {
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
