import { type Bilingual, fill, type Language } from "../../core/domain/language.ts"
import { ORDER_STATUS, type OrderStatus, STATUS_TEXT } from "../../core/domain/order.ts"
import { KNOWN_ANSWER } from "./signed-example.ts"

/** The text before the endpoints: how calls are made and signed. Markdown. */
export const introduction = (language: Language, publicUrl: string): string =>
  fill(INTRODUCTION[language], {
    publicUrl,
    secret: KNOWN_ANSWER.secret,
    canonical: fenced(KNOWN_ANSWER.canonical),
    sign: fenced(KNOWN_ANSWER.sign),
    clientCommands: clientCommands(language, publicUrl),
    statusTable: statusTable(language)
  })

/** A section of the introduction, which pages link as `/swagger#id`. */
interface IntroSection {
  /** Its English heading in lower case, in both languages. */
  readonly id: string
  readonly title: string
}

export const introSections = (language: Language): ReadonlyArray<IntroSection> => {
  const english = headings("en")
  return headings(language).map((title, i) => ({
    id: (english[i] ?? "").toLowerCase().replaceAll(/[^a-z]+/g, "-"),
    title
  }))
}

const headings = (language: Language): ReadonlyArray<string> =>
  [...INTRODUCTION[language].matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title)

const statusTable = (language: Language): string =>
  (Object.keys(ORDER_STATUS) as ReadonlyArray<OrderStatus>)
    .map((name) => `| ${ORDER_STATUS[name]} | ${name} | ${STATUS_TEXT[name][language]} |`)
    .join("\n")

const fenced = (text: string): string => `\`\`\`text\n${text}\n\`\`\``

const clientCommands = (language: Language, publicUrl: string): string =>
  fenced(`npm install @oazapfts/runtime
npx oazapfts@7 '${publicUrl}/swagger/json?lang=${language}' payhub.ts --allSchemas`)

const INTRODUCTION: Bilingual = {
  zh: `商户接口地址：\`{publicUrl}\`

### 快速开始

1. 向网关运营方领取 \`app_id\` 与 \`app_secret\`（\`pk_test_…\` 为测试商户，不会产生扣款）。
2. 在下方的「在线试用」中填入测试商户的凭据，展开任一接口，点击**试用**，再点**发送请求**：页面会替您签名。
3. 下单成功后把 \`qrCodeUrl\` 展示给付款人；付款后网关会向 \`notify_url\` 推送回调。

签名对不上？用[签名调试](/tools/sign?lang=zh)找出第一个不同的字节。所有错误及处理办法见[错误码](/swagger/errors?lang=zh)。

### 请求与应答

- 除标明 GET 的接口外，一律 \`POST\`，\`Content-Type: application/json\`，UTF-8，请求体不超过 64 KiB。生产环境必须使用 HTTPS。
- 请求体是**一个扁平的 JSON 对象**：值只能是字符串、数字、布尔或 null；不接受嵌套、重复的键和超过 2^53-1 的整数。
- 整数可以写成 JSON 整数或十进制字符串（\`1000\` 或 \`"1000"\`）；\`1000.0\`、\`1e3\`、\`"+1"\`、\`"01000"\` 都会得到 422。字符串参数收到 JSON 整数时，按其十进制文本处理。
- 空字符串和 null 等同于没有传。字符数按 Unicode 码点计，字节数按 UTF-8 计。
- 每个应答都是 \`{"code", "message", "data"}\`，HTTP 状态码等于 \`code\`。带 \`Accept-Language: en\` 时 message 为英文，code 不变。
- 每个应答都有 \`X-Request-Id\` 响应头；遇到 500 时请把它提供给运营方。

### 签名

1. 取**除 \`sign\` 外的全部顶层参数**（包括未在文档中列出的），去掉值为 null 或空字符串的；\`0\` 与 \`false\` 保留。
2. 按参数名的字节序（ASCII）升序排列。
3. 拼成 \`key1=value1&key2=value2\`。使用原始值，**不做 URL 编码**；数字使用它在 JSON 中的原文，布尔写作 \`true\` / \`false\`。
4. 以 \`app_secret\` 为密钥计算 **HMAC-SHA256**，输出 64 位小写十六进制，放进 \`sign\`。

可用来核对的例子，密钥 \`{secret}\`，待签名字符串：

{canonical}

签名：

{sign}

本文档中所有请求与回调示例的 \`sign\` 都是用这个密钥算出的。

### 生成客户端

\`/swagger/json\` 是 OpenAPI 3.1 文档，可用任何生成器生成客户端。以 TypeScript 为例：

{clientCommands}

\`app_id\`、\`timestamp\`、\`nonce\` 与 \`sign\` 由您在调用前按上述算法补上。

### 校验顺序

请求格式 → app_id → 商户存在 → 签名 → 商户未停用 → timestamp → IP 白名单 → nonce → 字段校验 → 订单号重复 → 频率限制 → 渠道。签名通过之前，不会消耗 nonce 和频率额度。

### 订单状态

| status | status_name | status_text |
| --- | --- | --- |
{statusTable}
`,
  en: `The API is at \`{publicUrl}\`.

### Quick start

1. Get an \`app_id\` and \`app_secret\` from the gateway's operator (\`pk_test_…\` is a test merchant: nobody is charged).
2. Enter a test merchant's credentials under “Try it” below, open an endpoint, press **Try it out**, then **Execute**: the page signs for you.
3. Show \`qrCodeUrl\` to the payer. Once it is paid, the gateway pushes a webhook to your \`notify_url\`.

The signature does not verify? The [signature debugger](/tools/sign?lang=en) finds the first byte that differs. Every error and its remedy is in the [error list](/swagger/errors?lang=en).

### Requests and answers

- Unless marked GET, every call is a \`POST\` with \`Content-Type: application/json\`, UTF-8, at most 64 KiB. HTTPS is mandatory in production.
- The body is **one flat JSON object** of strings, numbers, booleans and nulls; nested values, duplicate keys and integers beyond 2^53-1 are refused.
- Integers may be JSON integers or decimal text (\`1000\` or \`"1000"\`); \`1000.0\`, \`1e3\`, \`"+1"\` and \`"01000"\` get 422. A JSON integer for a string parameter counts as its decimal text.
- An empty string and null count as absent. Characters are Unicode code points, bytes are UTF-8.
- Every answer is \`{"code", "message", "data"}\`, and the HTTP status equals \`code\`. \`Accept-Language: en\` gets English messages; codes never change.
- Every answer carries \`X-Request-Id\`; quote it to the operator after a 500.

### Signing

1. Take **every top-level parameter but \`sign\`**, undocumented ones too; drop those that are null or empty. \`0\` and \`false\` stay.
2. Sort by name in byte (ASCII) order.
3. Join as \`key1=value1&key2=value2\` with raw values, **not URL-encoded**: a number's text exactly as it stands in the JSON, a boolean as \`true\` or \`false\`.
4. **HMAC-SHA256** with \`app_secret\` as the key, as 64 lowercase hex digits, sent as \`sign\`.

An example to check your code with: secret \`{secret}\`, the string

{canonical}

and its signature

{sign}

The \`sign\` of every request and webhook shown here is made with this secret.

### A generated client

\`/swagger/json\` is OpenAPI 3.1, for any generator of clients. In TypeScript, for example:

{clientCommands}

\`app_id\`, \`timestamp\`, \`nonce\` and \`sign\` are yours to add before each call, as above.

### What is checked, in this order

Request format → app_id → merchant exists → signature → merchant active → timestamp → IP allow-list → nonce → fields → duplicate order → throttle → channel. Neither a nonce nor a throttle slot is used up before the signature has verified.

### Order status

| status | status_name | status_text |
| --- | --- | --- |
{statusTable}
`
}
