import { inLanguage, type Language, type Texts } from "../../domain/language.ts"

export interface Snippet {
  readonly id: string
  readonly title: string
  /** What a shell or a program runs as it stands, apart from the secret. */
  readonly code: string
}

/** What an operator pastes to do the same without the page. `pages.test.ts` runs the shell and the webhook snippets. */
export const demoSnippets = (
  gateway: { readonly appId: string; readonly baseUrl: string },
  language: Language
): ReadonlyArray<Snippet> => {
  const texts = inLanguage(snippetTexts, language)
  const credentials = `APP_ID=${shellQuoted(gateway.appId)}
APP_SECRET=${shellQuoted(texts.secretHint)}
BASE=${shellQuoted(gateway.baseUrl)}`
  const sign = `sign=$(printf %s "$signed" | openssl dgst -sha256 -hmac "$APP_SECRET" | awk '{print $NF}')`
  return [
    {
      id: "order",
      title: texts.order,
      code: `${credentials}

order="DEMO$(date +%s)"; now=$(date +%s); nonce=$(openssl rand -hex 16)

# ${texts.signHint}
signed="amount=1000&app_id=$APP_ID&merchant_order_no=$order&nonce=$nonce&notify_url=https://example.com/notify&timestamp=$now"
${sign}

curl -sS "$BASE/api/cashier/qrcode-pay" -H 'Content-Type: application/json' -d @- <<JSON
{"app_id": "$APP_ID", "merchant_order_no": "$order", "amount": 1000,
 "notify_url": "https://example.com/notify",
 "nonce": "$nonce", "timestamp": $now, "sign": "$sign"}
JSON`
    },
    {
      id: "query",
      title: texts.query,
      code: `${credentials}
ORDER_NO='QR…'

now=$(date +%s); nonce=$(openssl rand -hex 16)
signed="app_id=$APP_ID&nonce=$nonce&order_no=$ORDER_NO&timestamp=$now"
${sign}

curl -sS "$BASE/api/cashier/order-query" -H 'Content-Type: application/json' -d @- <<JSON
{"app_id": "$APP_ID", "order_no": "$ORDER_NO", "nonce": "$nonce", "timestamp": $now, "sign": "$sign"}
JSON`
    },
    {
      id: "pay",
      title: texts.pay,
      code: `# ${texts.payHint}
payhub sandbox pay QR…

# ${texts.showHint}
payhub order show QR…

# ${texts.resendHint}
payhub webhook resend QR…

# ${texts.resetHint}
payhub merchant reset-secret ${gateway.appId}`
    },
    {
      id: "verify",
      title: texts.verify,
      code: `import { createHmac, timingSafeEqual } from "node:crypto"

// ${texts.bodyHint}
export function isFromPayHub(bodyText, appSecret) {
  const { sign, ...fields } = JSON.parse(bodyText)
  const signed = Object.keys(fields).sort()
    .filter((name) => fields[name] !== null && fields[name] !== "")
    .map((name) => \`\${name}=\${fields[name]}\`)
    .join("&")
  const right = createHmac("sha256", appSecret).update(signed).digest()
  const given = Buffer.from(String(sign), "hex")
  return given.length === right.length && timingSafeEqual(given, right)
}

// ${texts.afterwardsHint}`
    }
  ]
}

const snippetTexts = {
  secretHint: { zh: "首次启动时打印的 app_secret", en: "the app_secret of the first start" },
  order: { zh: "下单", en: "Place an order" },
  signHint: {
    zh: "除 sign 外的参数按名称排序，用 & 连接",
    en: "all parameters but sign, sorted by name, joined with &"
  },
  query: { zh: "查询", en: "Query it" },
  pay: { zh: "沙箱付款", en: "Pay it in the sandbox" },
  payHint: {
    zh: "向运行中的网关发送一条沙箱渠道的签名通知",
    en: "sends the sandbox channel's signed notice to the running gateway"
  },
  showHint: { zh: "查看订单和时间线", en: "the order with its timeline" },
  resendHint: { zh: "再次推送回调", en: "push its webhook once more" },
  resetHint: { zh: "遗失 app_secret 时重置", en: "when the app_secret is lost" },
  verify: { zh: "验证回调", en: "Verify the webhook" },
  bodyHint: { zh: "bodyText 是收到的请求体原文", en: "bodyText is the request's body as it came" },
  afterwardsHint: {
    zh: "验签后核对 order_no 和 amount，处理须幂等，然后返回 200 和 success",
    en: "then check order_no and amount, be idempotent, and answer 200 with: success"
  }
} satisfies Texts

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
