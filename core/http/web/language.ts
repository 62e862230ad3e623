import type { Language } from "../../domain/language.ts"

/** A page's language: `?lang=` if it names one of ours, else what the browser prefers. */
export const pageLanguage = (call: { readonly url: URL; readonly language: Language }): Language => {
  const asked = call.url.searchParams.get("lang")?.toLowerCase().split("-")[0]
  return asked === "zh" || asked === "en" ? asked : call.language
}

/** The language an Accept-Language header asks for: English if it is wanted before Chinese, else Chinese. */
export const languageOf = (acceptLanguage: string | null): Language => {
  if (acceptLanguage === null) return "zh"
  let best: { readonly language: Language; readonly weight: number } | undefined
  for (const part of acceptLanguage.split(",")) {
    const [tag = "", ...parameters] = part.trim().toLowerCase().split(";")
    const primary = tag.trim().split("-")[0]
    if (primary !== "zh" && primary !== "en") continue
    const quality = parameters
      .map((parameter) => /^\s*q=([\d.]+)\s*$/.exec(parameter)?.[1])
      .find((q) => q !== undefined)
    const weight = quality === undefined ? 1 : Number(quality)
    if (weight > 0 && (best === undefined || weight > best.weight)) best = { language: primary, weight }
  }
  return best?.language ?? "zh"
}
