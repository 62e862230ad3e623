/*
 * Signs what is tried on the reference page. The secret exists only in its input and, for one request at a time, in the
 * key made from it; it is never sent and never stored.
 */

const { language, texts } = JSON.parse(document.getElementById("reference").textContent)
export const panel = document.getElementById("try")
const appId = document.getElementById("try-app-id")
const secret = document.getElementById("try-secret")
const fresh = document.getElementById("try-fresh")
const state = document.getElementById("try-state")

panel.addEventListener("submit", (event) => event.preventDefault())
for (const input of [appId, secret]) input.addEventListener("input", showState)
showState()

/** The request of Swagger UI as it is sent: signed, where the endpoint wants that and there is something to sign with. */
export async function prepared(request, signed) {
  const { pathname } = new URL(request.url, location.href)
  request.headers["Accept-Language"] = language
  if (!signed.has(pathname) || !canSign()) return request
  const pairs = pairsOf(request.body)
  if (pairs === undefined) return request
  pairs.set("app_id", JSON.stringify(appId.value.trim()))
  pairs.set("timestamp", String(Math.floor(Date.now() / 1000)))
  pairs.set("nonce", JSON.stringify(randomText(16)))
  if (fresh.checked && pairs.has("merchant_order_no") && !pathname.endsWith("/order-query")) {
    pairs.set("merchant_order_no", JSON.stringify(`TRY${Date.now()}${randomText(3)}`))
  }
  pairs.delete("sign")
  pairs.set("sign", JSON.stringify(await hmac(secret.value.trim(), canonical(pairs))))
  request.body = `{${[...pairs].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`
  return request
}

/** The members of a flat JSON object, each value as it was written: 1000.0 must not become 1000. */
function pairsOf(body) {
  const text = typeof body === "string" ? body : JSON.stringify(body)
  try {
    const value = JSON.parse(text)
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  } catch {
    return undefined
  }
  const member = /("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|[^\s",{}[\]]+)/g
  return new Map([...text.matchAll(member)].map(([, key, value]) => [JSON.parse(key), value]))
}

function canonical(pairs) {
  return [...pairs]
    .filter(([, value]) => value !== '""' && value !== "null")
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${key}=${value.startsWith('"') ? JSON.parse(value) : value}`)
    .join("&")
}

async function hmac(key, text) {
  const bytes = (words) => new TextEncoder().encode(words)
  const algorithm = { name: "HMAC", hash: "SHA-256" }
  const imported = await crypto.subtle.importKey("raw", bytes(key), algorithm, false, ["sign"])
  const digest = await crypto.subtle.sign("HMAC", imported, bytes(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

function randomText(bytes) {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

function canSign() {
  return appId.value.trim().startsWith("pk_test_") && secret.value.trim() !== "" && crypto.subtle !== undefined
}

function showState() {
  const given = appId.value.trim()
  const [kind, text] =
    crypto.subtle === undefined
      ? ["bad", texts.insecure]
      : given !== "" && !given.startsWith("pk_test_".slice(0, given.length))
        ? ["bad", texts.live]
        : canSign()
          ? ["good", texts.ready]
          : ["", texts.idle]
  state.className = `try-state ${kind}`
  state.textContent = text
}
