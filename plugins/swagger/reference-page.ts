import { docsBar } from "../../core/http/web/docs-bar.ts"
import { document } from "../../core/http/web/document.ts"
import { html, jsonScript } from "../../core/http/web/html.ts"
import type { Language } from "../../core/http/web/language.ts"
import { docsAssetUrl } from "./assets.ts"
import { SIGNED_MARK } from "./openapi.ts"

interface ReferenceTexts {
  readonly title: string
  readonly panel: string
  readonly panelHint: string
  readonly appId: string
  readonly secret: string
  readonly freshNumber: string
  readonly needsScript: string
  /** The texts of the page's script. */
  readonly script: Readonly<Record<string, string>>
}

const texts: { readonly [L in Language]: ReferenceTexts } = {
  zh: {
    title: "PayHub 商户接口",
    panel: "在线试用",
    panelHint: "填入测试商户的凭据,执行请求时由本页签名。密钥只留在本页内存中,不会发送,也不会保存。",
    appId: "app_id",
    secret: "app_secret",
    freshNumber: "每次下单自动换新的 merchant_order_no",
    needsScript: "请允许本页面运行脚本。",
    script: {
      ready: "已就绪:请求将自动补上 app_id、timestamp、nonce 并签名",
      idle: "未填写:请求按示例原样发送,会得到 401",
      live: "仅支持测试商户(pk_test_…)。请勿在此填写生产密钥。",
      insecure: "浏览器只在 HTTPS 或 localhost 页面上提供签名所需的 WebCrypto。",
      loading: "无法载入接口文档"
    }
  },
  en: {
    title: "PayHub merchant API",
    panel: "Try it",
    panelHint:
      "Enter a test merchant's credentials: this page signs what you execute. The secret stays in this page's memory; it is never sent and never stored.",
    appId: "app_id",
    secret: "app_secret",
    freshNumber: "A new merchant_order_no for every order",
    needsScript: "Please allow scripts on this page.",
    script: {
      ready: "Ready: app_id, timestamp, nonce and sign are filled in for you",
      idle: "Empty: requests go out as the example stands, and get 401",
      live: "Test merchants only (pk_test_…). Never enter a live secret here.",
      insecure: "Browsers offer WebCrypto, which signs, only on HTTPS or localhost pages.",
      loading: "The API document cannot be loaded"
    }
  }
}

/** `/swagger`: Swagger UI for `/swagger/json`, with a panel for the credentials that sign what is tried. For PAGE_CSP. */
export const renderReferencePage = (language: Language): string => {
  const { title, panel, panelHint, appId, secret, freshNumber, needsScript, script } = texts[language]
  return document({
    language,
    title,
    styles: ["theme.css", "docs.css"],
    head: html`<link rel="stylesheet" href="${docsAssetUrl("swagger-ui.css")}">
<link rel="stylesheet" href="${docsAssetUrl("reference.css")}">
<script defer src="${docsAssetUrl("swagger-ui-bundle.js")}"></script>
<script type="module" src="${docsAssetUrl("try-it.js")}"></script>
`,
    body: html`<body class="reference">
${docsBar("reference", language)}
<noscript><p class="verdict">${needsScript}</p></noscript>
<form class="try" id="try" autocomplete="off" aria-labelledby="try-title" hidden>
<h2 id="try-title">${panel}</h2>
<p class="try-hint">${panelHint}</p>
<div class="try-fields">
<label>${appId}<input id="try-app-id" spellcheck="false" autocapitalize="off" placeholder="pk_test_…"></label>
<label>${secret}<input id="try-secret" type="password" autocomplete="off" spellcheck="false" placeholder="sk_test_…"></label>
</div>
<label class="try-check"><input id="try-fresh" type="checkbox" checked><span>${freshNumber}</span></label>
<p class="try-state" id="try-state" role="status"></p>
</form>
<div id="swagger-ui"></div>
${jsonScript("reference", { language, signedMark: SIGNED_MARK, texts: script })}
</body>`
  })
}
