import type { ListedChannel } from "../../core/cashier/channel-list.ts"
import type { Bilingual, Language } from "../../core/domain/language.ts"
import type { JsonObject } from "./json-schema.ts"

const FLOWS: Readonly<Record<ListedChannel["product"]["flow"], Bilingual>> = {
  qrcode: { zh: "扫码", en: "QR code" },
  jsapi: { zh: "微信内支付", en: "inside WeChat" },
  redirect: { zh: "跳转页面", en: "redirect" },
  app: { zh: "App 拉起", en: "from an app" }
}

export const channelSchema = (channels: ReadonlyArray<ListedChannel>, language: Language): JsonObject => {
  const zh = language === "zh"
  const fen = (text: string): JsonObject => ({ type: "integer", description: text })
  return {
    type: "object",
    properties: {
      code: {
        type: "string",
        enum: channels.map(({ product }) => product.code),
        description: zh ? "渠道编码。" : "The channel code."
      },
      name: { type: "string", description: zh ? "名称，随 Accept-Language 变化。" : "Its name, by Accept-Language." },
      type: {
        type: "string",
        enum: [...new Set(channels.map(({ product }) => product.type))],
        description: zh ? "渠道类型。" : "The channel's type."
      },
      live: {
        type: "boolean",
        description: zh ? "生产商户现在能否使用。" : "Whether an enabled account serves it to live merchants now."
      },
      test: { type: "boolean", description: zh ? "测试商户能否使用。" : "Whether test-mode merchants may use it." },
      min_amount: fen(zh ? "最小金额，分；没有时为 1。" : "The least amount in fen; absent: 1."),
      max_amount: fen(zh ? "最大金额，分；没有时为 10000000000。" : "The largest amount in fen; absent: 10000000000.")
    },
    required: ["code", "name", "type", "live", "test"]
  }
}

/** The loaded channels as a Markdown table. */
export const channelTable = (channels: ReadonlyArray<ListedChannel>, language: Language): string => {
  const zh = language === "zh"
  const head = zh
    ? ["channel_code", "名称", "类型", "支付方式", "金额限制（分）", "生产可用", "测试可用"]
    : ["channel_code", "name", "type", "way to pay", "limits (fen)", "live now", "test mode"]
  const yes = (fact: boolean) => (fact ? (zh ? "是" : "yes") : zh ? "否" : "no")
  const rows = channels.map(({ product, live, test }) => [
    `\`${product.code}\``,
    zh ? product.name : product.nameEn,
    product.type,
    FLOWS[product.flow][language],
    product.minFen === undefined && product.maxFen === undefined
      ? "–"
      : `${product.minFen ?? 1} – ${product.maxFen ?? 10_000_000_000}`,
    yes(live),
    yes(test)
  ])
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")
}
