import type { Language } from "../../core/domain/language.ts"
import type { JsonObject } from "./json-schema.ts"

/**
 * An object schema as a Markdown table: name, type with its limit, presence, meaning. Readers look for this table first;
 * Swagger UI itself hides it behind a tab.
 */
export const fieldTable = (schema: JsonObject, language: Language, of: "request" | "answer"): string => {
  const zh = language === "zh"
  const required = (schema.required ?? []) as ReadonlyArray<string>
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonObject>>)
  const [presence, always, sometimes] = PRESENCE[of][language]
  const head = zh ? ["参数", "类型", presence, "说明"] : ["name", "type", presence, "meaning"]
  const rows = properties.map(([name, property]) => [
    `\`${name}\``,
    typeText(property),
    required.includes(name) ? always : sometimes,
    String(property.description ?? "")
  ])
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.map(cell).join(" | ")} |`).join("\n")
}

/** Phones hide the table head, so the words of the cells must stand without it. */
const PRESENCE = {
  request: { zh: ["必填", "必填", "选填"], en: ["presence", "required", "optional"] },
  answer: { zh: ["出现", "必有", "可能没有"], en: ["presence", "always", "sometimes"] }
} as const

const typeText = ({ type, oneOf, maxLength }: JsonObject): string => {
  // A schema without a type is a reference, and every reference leads to an object.
  const types = (oneOf as ReadonlyArray<JsonObject> | undefined)?.map((one) => one.type) ?? [type ?? "object"].flat()
  return types.map(String).join(" / ") + (maxLength === undefined ? "" : ` ≤ ${String(maxLength)}`)
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ")
