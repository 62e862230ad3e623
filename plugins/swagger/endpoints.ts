import type { Schema } from "effect"
import type { CashierError } from "../../core/domain/errors.ts"
import type { Bilingual } from "../../core/domain/language.ts"
import type { FrameworkName } from "../../core/http/errors/gateway.ts"
import {
  jsapiPayInfoFields,
  orderQueryFields,
  qrcodePayFields,
  wechatJsPayFields
} from "../../core/http/merchant/fields.ts"
import type { answers } from "./answers.ts"
import { type FieldDoc, JSAPI_PAY_INFO, ORDER_QUERY, QRCODE_PAY, WECHAT_JS_PAY } from "./field-docs.ts"

/** An endpoint as the documentation describes it. Its parameters come from its schema. */
export interface Endpoint {
  /** Method and path as the gateway serves them: "POST /api/cashier/qrcode-pay". */
  readonly route: string
  readonly answer: keyof ReturnType<typeof answers>
  readonly tag: TagName
  readonly summary: Bilingual
  readonly description: Bilingual
  readonly request?: {
    /** @param codes the codes of the loaded channels */
    readonly schema: (codes: ReadonlyArray<string>) => Schema.Top
    readonly docs: Readonly<Record<string, FieldDoc>>
    readonly signed: boolean
    /** The documented fields that the example sends. */
    readonly example: ReadonlyArray<string>
  }
  readonly query?: Readonly<Record<string, FieldDoc>>
  readonly errors: ReadonlyArray<CashierError["_tag"]>
  readonly framework: ReadonlyArray<FrameworkName>
}

export const TAGS = {
  orders: { zh: "下单与查询", en: "Orders" },
  wechat: { zh: "微信支付页", en: "WeChat payment page" },
  channels: { zh: "支付渠道", en: "Channels" }
} as const satisfies Record<string, Bilingual>

type TagName = keyof typeof TAGS

const SIGNED = [
  "MalformedRequest",
  "AppIdMissing",
  "MerchantUnknown",
  "SignatureInvalid",
  "MerchantDisabled",
  "TimestampExpired",
  "IpForbidden",
  "NonceUsed",
  "FieldsInvalid"
] as const satisfies ReadonlyArray<CashierError["_tag"]>

const CREATING = [
  ...SIGNED,
  "AmountNotPositive",
  "DuplicateOrder",
  "ThrottleExceeded",
  "ChannelUnavailable",
  "ChargeUncertain",
  "StoreUnavailable"
] as const satisfies ReadonlyArray<CashierError["_tag"]>

const BODY = ["bodyTooLarge", "unsupportedMediaType", "internal"] as const satisfies ReadonlyArray<FrameworkName>

const WHEN_IT_FAILS: Bilingual = {
  zh: `**下单失败时**

- 400 \`支付渠道不可用\` 且 \`data\` 为 null：没有渠道接单，订单号仍可使用。
- 400 \`支付渠道不可用\` 且有 \`data.order_no\`：渠道明确拒绝，订单为 FAILED，订单号已用掉。
- 500 \`服务异常\`（或根本没有收到应答）：**结果未知**。请用 merchant_order_no 查询，在得到结果之前不要换新单号。`,
  en: `**When it fails**

- 400 \`Payment channel unavailable\` with \`data: null\`: no channel took the order, the number is still free.
- 400 \`Payment channel unavailable\` with \`data.order_no\`: a channel definitely refused; the order is FAILED and the number is used.
- 500 \`Internal error\`, or no answer at all: **nobody knows yet**. Query by merchant_order_no before you use a new number.`
}

const withFailures = (zh: string, en: string): Bilingual => ({
  zh: `${zh}\n\n${WHEN_IT_FAILS.zh}`,
  en: `${en}\n\n${WHEN_IT_FAILS.en}`
})

/** Every endpoint that merchants call, in the order in which they need them. */
export const ENDPOINTS: ReadonlyArray<Endpoint> = [
  {
    route: "POST /api/cashier/qrcode-pay",
    answer: "QrcodePay",
    tag: "orders",
    summary: { zh: "扫码下单", en: "Order with a QR code" },
    description: withFailures(
      "创建订单并返回付款二维码，30 分钟内有效。默认同一 app_id + IP 每 3 秒可下一单（两个下单接口合计）。",
      "Places an order and answers a QR code, good for 30 minutes. By default one order per 3 s and app_id + address, both creating endpoints together."
    ),
    request: {
      schema: qrcodePayFields,
      docs: QRCODE_PAY,
      signed: true,
      example: ["merchant_order_no", "amount", "notify_url", "note"]
    },
    errors: CREATING,
    framework: BODY
  },
  {
    route: "POST /api/cashier/wechat-js-pay",
    answer: "WechatJsPay",
    tag: "orders",
    summary: { zh: "微信 JSAPI 下单", en: "Order for paying inside WeChat" },
    description: withFailures(
      "创建订单并返回在微信内打开的支付链接 `pay_url`。付款人打开后，网关静默授权取得 openid 并唤起微信支付。应答的 amount 单位为**元**。",
      "Places an order and answers `pay_url`, a link to open inside WeChat: the gateway gets the openid by silent OAuth and starts WeChat Pay. The answer's amount is in **yuan**."
    ),
    request: {
      schema: () => wechatJsPayFields,
      docs: WECHAT_JS_PAY,
      signed: true,
      example: ["merchant_order_no", "amount", "notify_url", "note"]
    },
    errors: CREATING,
    framework: BODY
  },
  {
    route: "POST /api/cashier/order-query",
    answer: "OrderQuery",
    tag: "orders",
    summary: { zh: "查询订单", en: "Query an order" },
    description: {
      zh: "用平台订单号或商户订单号查询自己的订单。金额为字符串，单位为元。查询有单独的频率额度，规则与下单相同。",
      en: "Reads one of your own orders by either number. Amounts are strings in yuan. Queries have a throttle slot of their own, with the same rule."
    },
    request: {
      schema: () => orderQueryFields,
      docs: ORDER_QUERY,
      signed: true,
      example: ["merchant_order_no"]
    },
    errors: [...SIGNED, "OrderNumberMissing", "OrderNotFound", "ThrottleExceeded", "StoreUnavailable"],
    framework: BODY
  },
  {
    route: "GET /api/cashier/channels",
    answer: "Channels",
    tag: "channels",
    summary: { zh: "渠道列表", en: "List the channels" },
    description: {
      zh: "不需要签名。`live` 表示生产商户现在能否使用，`test` 表示测试商户能否使用；`min_amount`、`max_amount` 以分为单位，只在渠道有限制时出现。",
      en: "Unsigned. `live` says whether live merchants can use the code now, `test` whether test-mode merchants may; `min_amount` and `max_amount` are fen and present where the channel is narrower."
    },
    errors: ["StoreUnavailable"],
    framework: ["internal"]
  },
  {
    route: "POST /api/cashier/jsapi-pay-info",
    answer: "JsapiPayInfo",
    tag: "wechat",
    summary: { zh: "取得微信支付参数", en: "Get the parameters for WeChat Pay" },
    description: {
      zh: "供商户自己的支付页使用：不需要签名，pay_token 即凭证，允许任意来源跨域调用。openid 与 code 必须且只能传一个。同一付款人重复调用得到相同的参数。两个 token 接口与支付页合计每 10 秒 10 次。渠道不认可的 openid 返回 400，订单仍为待支付。",
      en: "For a payment page of your own: unsigned, the pay_token is the credential, any origin may call. Exactly one of openid and code. The same payer gets the same parameters again. Ten calls per 10 s and token, both token endpoints and the pay page together. An openid that the channel does not know gets 400, and the order stays PENDING."
    },
    request: {
      schema: () => jsapiPayInfoFields,
      docs: JSAPI_PAY_INFO,
      signed: false,
      example: ["pay_token", "openid"]
    },
    errors: [
      "MalformedRequest",
      "FieldsInvalid",
      "PayLinkExpired",
      "OtherPayer",
      "ThrottleExceeded",
      "ChannelUnavailable",
      "ChargeUncertain",
      "StoreUnavailable"
    ],
    framework: BODY
  },
  {
    route: "GET /api/cashier/pay-state",
    answer: "PayState",
    tag: "wechat",
    summary: { zh: "查询支付状态", en: "Read the payment's state" },
    description: {
      zh: "供支付页轮询：不需要签名，允许跨域。订单过期 30 分钟后不再可读。",
      en: "For a payment page to poll: unsigned, any origin. Readable until 30 minutes after the order's expiry."
    },
    query: { token: JSAPI_PAY_INFO.pay_token },
    errors: ["PayLinkExpired", "ThrottleExceeded", "StoreUnavailable"],
    framework: ["internal"]
  }
]

/** The endpoint's name in the document and in the addresses of the reference. */
export const operationId = ({ answer }: Endpoint): string => answer.charAt(0).toLowerCase() + answer.slice(1)

export const WEBHOOK = {
  id: "paymentWebhook",
  /** What Swagger UI calls "Webhooks". */
  group: { zh: "回调", en: "Webhooks" },
  summary: { zh: "支付回调", en: "Payment webhook" },
  description: {
    zh: `渠道确认付款后，网关向订单的 \`notify_url\` 发送 \`POST\`。

**您需要做的**

1. 用 app_secret 按请求的同一算法，对除 \`sign\` 外的八个字段验签；不一致则不要处理。
2. 按 \`order_no\` 或 \`merchant_order_no\` 幂等处理：同一回调可能到达多次。
3. 在 15 秒内返回 HTTP 200，响应体恰为 \`success\`（前后空白不计；不是 JSON 的 \`"success"\`）。

否则 1 分钟后再推一次，再过 1 分钟推第三次（默认共三次，运营方可调整）。不跟随重定向。每次推送的内容逐字节相同；\`X-PayHub-Event\` 标识同一事件，\`X-PayHub-Attempt\` 是从 1 开始的次数。`,
    en: `Once the channel has confirmed the payment, the gateway sends a \`POST\` to the order's \`notify_url\`.

**What you do**

1. Verify \`sign\` over the other eight fields with your app_secret, as for requests; if it differs, ignore the call.
2. Be idempotent by \`order_no\` or \`merchant_order_no\`: the same webhook may come more than once.
3. Within 15 s answer HTTP 200 with exactly \`success\` as the body (white space around it aside; JSON \`"success"\` is not it).

Else it is sent again after 1 minute, and after another: three pushes by default, the operator can change that. Redirects are not followed. The body is the same in every attempt, byte for byte; \`X-PayHub-Event\` names the event, \`X-PayHub-Attempt\` counts from 1.`
  }
} as const
