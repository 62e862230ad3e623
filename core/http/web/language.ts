import type { Language } from "../../domain/language.ts"

/** The language that an Accept-Language header prefers: English if it ranks above Chinese, else Chinese. */
export const languageOf = (acceptLanguage: string | null): Language => preferred(acceptLanguage ?? "") ?? "zh"

/** The language that `?lang=` names, if it is one of the two. */
export const namedLanguage = (call: { readonly url: URL }): Language | undefined =>
  preferred(call.url.searchParams.get("lang") ?? "")

/** The language of a page: `?lang=` if it names one of the two, else what the browser accepts. */
export const pageLanguage = (call: { readonly url: URL; readonly language: Language }): Language =>
  namedLanguage(call) ?? call.language

/** The better of our languages among language ranges with weights ("en-US,en;q=0.9"); undefined = neither is named. */
const preferred = (ranges: string): Language | undefined => {
  let best: { readonly language: Language; readonly weight: number } | undefined
  for (const range of ranges.split(",")) {
    const [tag = "", ...parameters] = range.trim().toLowerCase().split(";")
    const primary = tag.trim().split("-")[0]
    if (primary !== "zh" && primary !== "en") continue
    const quality = parameters
      .map((parameter) => /^\s*q=([\d.]+)\s*$/.exec(parameter)?.[1])
      .find((q) => q !== undefined)
    const weight = quality === undefined ? 1 : Number(quality)
    if (weight > 0 && (best === undefined || weight > best.weight)) best = { language: primary, weight }
  }
  return best?.language
}
