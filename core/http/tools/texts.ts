import type { Language } from "../web/language.ts"

export interface SignTexts {
  readonly title: string
  readonly lead: string
  readonly appId: string
  readonly appIdHint: string
  readonly request: string
  readonly requestHint: string
  readonly canonical: string
  readonly canonicalHint: string
  readonly sign: string
  readonly signHint: string
  readonly submit: string
  readonly privacy: string
  readonly howTitle: string
  readonly how: ReadonlyArray<string>
  /** What the page's script says; `{0}` is filled in. */
  readonly script: Readonly<Record<string, string>>
}

export const signTexts: { readonly [L in Language]: SignTexts } = {
  zh: {
    title: "签名调试",
    lead: "把您的代码拼出的字符串和签名贴进来,网关会指出第一个不同的字节,以及原因。仅支持测试模式商户。",
    appId: "app_id",
    appIdHint: "测试商户的 app_id。留空则取自请求 JSON。",
    request: "发送的请求 JSON",
    requestHint: "原样粘贴请求体,包括 sign。不要粘贴 app_secret。",
    canonical: "待签名字符串(选填)",
    canonicalHint: "您的代码拼出的字符串。有了它,才能逐字节比较。",
    sign: "签名(选填)",
    signHint: "您的代码算出的签名。留空则取请求中的 sign。",
    submit: "检查签名",
    privacy: "本页不需要 app_secret,也不会返回任何签名。",
    howTitle: "签名四步",
    how: [
      "取除 sign 外的全部顶层参数,去掉空字符串和 null;0 与 false 保留。",
      "按参数名的字节序(ASCII)升序排列。",
      "拼成 key1=value1&key2=value2,使用原始值,不做 URL 编码。",
      "以 app_secret 为密钥计算 HMAC-SHA256,输出 64 位小写十六进制。"
    ],
    script: {
      checking: "正在检查…",
      submit: "检查签名",
      verified: "签名验证通过",
      verifiedButString: "请求的签名正确,但填写的字符串与应签名的不同",
      failed: "签名验证不通过",
      difference: "第一个不同的字节:第 {0} 字节",
      differenceAt: "第一个不同的字节:第 {0} 字节,位于参数 {1}",
      expected: "应为",
      actual: "您的",
      end: "(到此结束)",
      findings: "原因",
      canonical: "应签名的字符串",
      copy: "复制",
      copied: "已复制",
      copyFailed: "复制失败",
      unreachable: "无法连接网关,请稍后重试。"
    }
  },
  en: {
    title: "Signature debugger",
    lead: "Paste the string and the signature that your code made. The gateway names the first byte that differs, and why. For test-mode merchants only.",
    appId: "app_id",
    appIdHint: "A test merchant's app_id. Left empty, it is taken from the request JSON.",
    request: "The request JSON that was sent",
    requestHint: "Paste the body as it is, sign included. Never paste the app_secret.",
    canonical: "The string that was signed (optional)",
    canonicalHint: "What your code joined. With it, the two can be compared byte for byte.",
    sign: "The signature (optional)",
    signHint: "What your code made of it. Left empty, it is the request's sign.",
    submit: "Check the signature",
    privacy: "This page does not ask for the app_secret, and answers no signature.",
    howTitle: "Signing in four steps",
    how: [
      "Take every top-level parameter but sign; drop empty strings and null, keep 0 and false.",
      "Sort by name in byte (ASCII) order.",
      "Join as key1=value1&key2=value2 with raw values, not URL-encoded.",
      "HMAC-SHA256 with app_secret as the key, as 64 lowercase hex digits."
    ],
    script: {
      checking: "Checking…",
      submit: "Check the signature",
      verified: "The signature verifies",
      verifiedButString: "The request's signature is right, but the string given here is not the one to sign",
      failed: "The signature does not verify",
      difference: "The first byte that differs: byte {0}",
      differenceAt: "The first byte that differs: byte {0}, in {1}",
      expected: "Expected",
      actual: "Yours",
      end: "(ends here)",
      findings: "Why",
      canonical: "The string to sign",
      copy: "Copy",
      copied: "Copied",
      copyFailed: "Not copied",
      unreachable: "The gateway cannot be reached. Try again later."
    }
  }
}
