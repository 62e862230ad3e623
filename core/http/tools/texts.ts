import type { Texts } from "../../domain/language.ts"

/** The words of `/tools/sign`; `script` is what the page's script says. */
export const signTexts = {
  title: { zh: "签名调试", en: "Signature debugger" },
  lead: {
    zh: "把您的代码拼出的字符串和签名贴进来，网关会指出第一个不同的字节，以及原因。仅支持测试模式商户。",
    en: "Paste the string and the signature that your code made. The gateway names the first byte that differs, and why. For test-mode merchants only."
  },
  appId: { zh: "app_id", en: "app_id" },
  appIdHint: {
    zh: "测试商户的 app_id。留空则取自请求 JSON。",
    en: "A test merchant's app_id. Left empty, it is taken from the request JSON."
  },
  request: { zh: "发送的请求 JSON", en: "The request JSON that was sent" },
  requestHint: {
    zh: "原样粘贴请求体，包括 sign。不要粘贴 app_secret。",
    en: "Paste the body as it is, sign included. Never paste the app_secret."
  },
  canonical: { zh: "待签名字符串（选填）", en: "The string that was signed (optional)" },
  canonicalHint: {
    zh: "您的代码拼出的字符串。有了它，才能逐字节比较。",
    en: "What your code joined. With it, the two can be compared byte for byte."
  },
  sign: { zh: "签名（选填）", en: "The signature (optional)" },
  signHint: {
    zh: "您的代码算出的签名。留空则取请求中的 sign。",
    en: "What your code made of it. Left empty, it is the request's sign."
  },
  submit: { zh: "检查签名", en: "Check the signature" },
  privacy: {
    zh: "本页不需要 app_secret，也不会返回任何签名。",
    en: "This page does not ask for the app_secret, and answers no signature."
  },
  howTitle: { zh: "签名四步", en: "Signing in four steps" },
  how: [
    {
      zh: "取除 sign 外的全部顶层参数，去掉空字符串和 null；0 与 false 保留。",
      en: "Take every top-level parameter but sign; drop empty strings and null, keep 0 and false."
    },
    { zh: "按参数名的字节序（ASCII）升序排列。", en: "Sort by name in byte (ASCII) order." },
    {
      zh: "拼成 key1=value1&key2=value2，使用原始值，不做 URL 编码。",
      en: "Join as key1=value1&key2=value2 with raw values, not URL-encoded."
    },
    {
      zh: "以 app_secret 为密钥计算 HMAC-SHA256，输出 64 位小写十六进制。",
      en: "HMAC-SHA256 with app_secret as the key, as 64 lowercase hex digits."
    }
  ],
  script: {
    checking: { zh: "正在检查…", en: "Checking…" },
    submit: { zh: "检查签名", en: "Check the signature" },
    verified: { zh: "签名验证通过", en: "The signature verifies" },
    verifiedButString: {
      zh: "请求的签名正确，但填写的字符串与应签名的不同",
      en: "The request's signature is right, but the string given here is not the one to sign"
    },
    failed: { zh: "签名验证不通过", en: "The signature does not verify" },
    difference: { zh: "第一个不同的字节：第 {byte} 字节", en: "The first byte that differs: byte {byte}" },
    differenceAt: {
      zh: "第一个不同的字节：第 {byte} 字节，位于参数 {parameter}",
      en: "The first byte that differs: byte {byte}, in {parameter}"
    },
    expected: { zh: "应为", en: "Expected" },
    actual: { zh: "您的", en: "Yours" },
    end: { zh: "（到此结束）", en: "(ends here)" },
    findings: { zh: "原因", en: "Why" },
    canonical: { zh: "应签名的字符串", en: "The string to sign" },
    copy: { zh: "复制", en: "Copy" },
    copied: { zh: "已复制", en: "Copied" },
    copyFailed: { zh: "复制失败", en: "Not copied" },
    unreachable: { zh: "无法连接网关，请稍后重试。", en: "The gateway cannot be reached. Try again later." }
  }
} satisfies Texts
