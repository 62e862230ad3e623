import { inLanguage, type Texts } from "../../core/domain/language.ts"
import { assetUrl } from "../../core/http/web/assets.ts"
import { html, jsonScript } from "../../core/http/web/html.ts"
import { docsAssetUrl } from "./assets.ts"
import { type DocsView, docsPage } from "./docs-page.ts"
import { introSections } from "./intro.ts"
import { SIGNED_MARK } from "./openapi.ts"
import { SWAGGER_UI_PATTERNS, SWAGGER_UI_WORDS } from "./swagger-ui-words.ts"

const referenceTexts = {
  title: { zh: "PayHub 商户接口", en: "PayHub merchant API" },
  panel: { zh: "在线试用", en: "Try it" },
  panelHint: {
    zh: "填入测试商户的凭据，执行请求时由本页签名。密钥只留在本页内存中，不会发送，也不会保存。",
    en: "Enter a test merchant's credentials: this page signs what you execute. The secret stays in this page's memory; it is never sent and never stored."
  },
  freshNumber: {
    zh: "每次下单自动换新的 merchant_order_no",
    en: "A new merchant_order_no for every order"
  },
  needsScript: { zh: "请允许本页面运行脚本。", en: "Please allow scripts on this page." },
  /** What the page's script says. */
  script: {
    ready: {
      zh: "已就绪：请求将自动补上 app_id、timestamp、nonce 并签名",
      en: "Ready: app_id, timestamp, nonce and sign are filled in for you"
    },
    idle: {
      zh: "未填写：请求按示例原样发送，会得到 401",
      en: "Empty: requests go out as the example stands, and get 401"
    },
    live: {
      zh: "仅支持测试商户（pk_test_…）。请勿在此填写生产密钥。",
      en: "Test merchants only (pk_test_…). Never enter a live secret here."
    },
    insecure: {
      zh: "浏览器只在 HTTPS 或 localhost 页面上提供签名所需的 WebCrypto。",
      en: "Browsers offer WebCrypto, which signs, only on HTTPS or localhost pages."
    },
    loading: { zh: "无法载入接口文档", en: "The API document cannot be loaded" },
    sample: { zh: "示例代码", en: "Sample code" },
    sampleHint: {
      zh: "存为 {file}，设置 PAYHUB_URL、PAYHUB_APP_ID、PAYHUB_APP_SECRET，再运行 {run}",
      en: "Save it as {file}, set PAYHUB_URL, PAYHUB_APP_ID and PAYHUB_APP_SECRET, then run {run}"
    },
    copy: { zh: "复制", en: "Copy" },
    copied: { zh: "已复制", en: "Copied" },
    copyFailed: { zh: "复制失败", en: "Not copied" }
  }
} satisfies Texts

/** `/swagger`, for `pageResponse`: Swagger UI over `/swagger/json`, with a panel whose credentials sign what is tried. */
export const renderReferencePage = (view: DocsView): string => {
  const { language } = view
  const { title, panel, panelHint, freshNumber, needsScript, script } = inLanguage(referenceTexts, language)
  return docsPage(view, {
    name: "reference",
    title,
    styles: [docsAssetUrl("swagger-ui.css"), docsAssetUrl("reference.css"), docsAssetUrl("samples.css")],
    head: html`<script defer src="${docsAssetUrl("swagger-ui-bundle.js")}"></script>
<script type="module" src="${docsAssetUrl("reference.js")}"></script>
`,
    content: html`<main>
<noscript><p class="alert">${needsScript}</p></noscript>
<form class="card try" id="try" autocomplete="off" aria-labelledby="try-title" hidden>
<h2 id="try-title">${panel}</h2>
<p class="try-hint">${panelHint}</p>
<div class="try-fields">
<label>app_id<input id="try-app-id" spellcheck="false" autocapitalize="off" placeholder="pk_test_…"></label>
<label>app_secret<input id="try-secret" type="password" autocomplete="off" spellcheck="false" placeholder="sk_test_…"></label>
</div>
<label class="try-check"><input id="try-fresh" type="checkbox" checked><span>${freshNumber}</span></label>
<p class="try-state" id="try-state" role="status"></p>
</form>
<div id="swagger-ui"></div>
</main>
${jsonScript("reference", {
  language,
  kit: assetUrl("page-kit.js"),
  signedMark: SIGNED_MARK,
  sections: introSections(language).map(({ id }) => id),
  translation: language === "zh" ? { words: SWAGGER_UI_WORDS, patterns: SWAGGER_UI_PATTERNS } : null,
  texts: script
})}`
  })
}
