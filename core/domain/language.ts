/** The languages that merchants, payers and operators read. Chinese is the default. */
export type Language = "zh" | "en"

/** Both languages of one text. `{name}` in a text is a placeholder for `fill`. */
export interface Bilingual {
  readonly zh: string
  readonly en: string
}

/** A tree of texts: objects and lists whose leaves are bilingual. */
export type Texts = Bilingual | { readonly [name: string]: Texts } | ReadonlyArray<Texts>

/** The same tree with one language's strings as its leaves. */
export type InLanguage<T> = T extends Bilingual ? string : { readonly [K in keyof T]: InLanguage<T[K]> }

/** A tree of texts as one tree of strings per language. */
export const inBothLanguages = <const T extends Texts>(texts: T): { readonly [L in Language]: InLanguage<T> } => ({
  zh: pick(texts, "zh") as InLanguage<T>,
  en: pick(texts, "en") as InLanguage<T>
})

const pick = (texts: Texts, language: Language): unknown => {
  if (Array.isArray(texts)) return texts.map((each) => pick(each, language))
  if (isBilingual(texts)) return texts[language]
  return Object.fromEntries(Object.entries(texts).map(([name, each]) => [name, pick(each, language)]))
}

const isBilingual = (texts: Texts): texts is Bilingual =>
  "zh" in texts && typeof texts.zh === "string" && "en" in texts && typeof texts.en === "string"

/**
 * A text with its `{name}` placeholders filled in. A placeholder without a value becomes nothing; other braces stay, so
 * that texts may show JSON. Pages' scripts have the same function (assets/fill.js).
 */
export const fill = (text: string, values: Readonly<Record<string, string | number | undefined>>): string =>
  text.replace(/\{(\w+)\}/g, (_whole, name: string) => String(values[name] ?? ""))
