/** The languages of every page and message. */
export type Language = "zh" | "en"

/** One text in both languages. */
export interface Bilingual {
  readonly zh: string
  readonly en: string
}

/** A page's texts: a tree whose leaves are bilingual. A leaf that lacks a language does not compile. */
export type Texts = Bilingual | ReadonlyArray<Texts> | { readonly [name: string]: Texts }

/** The same tree with a string for each leaf. */
export type InLanguage<Tree> = Tree extends Bilingual
  ? string
  : { readonly [Name in keyof Tree]: InLanguage<Tree[Name]> }

/** A tree of bilingual texts in one language. */
export const inLanguage = <Tree extends Texts>(tree: Tree, language: Language): InLanguage<Tree> =>
  chosen(tree, language) as InLanguage<Tree>

const chosen = (tree: Texts, language: Language): unknown => {
  if (Array.isArray(tree)) return tree.map((branch: Texts) => chosen(branch, language))
  if (isLeaf(tree)) return tree[language]
  return Object.fromEntries(Object.entries(tree).map(([name, branch]) => [name, chosen(branch, language)]))
}

const isLeaf = (tree: Texts): tree is Bilingual => "zh" in tree && typeof tree.zh === "string"

/**
 * A text with its `{name}` placeholders filled. A name without a value leaves nothing behind; what is filled in is not
 * searched for placeholders again.
 */
export const fill = (text: string, values: Readonly<Record<string, string | number | undefined>>): string =>
  text.replace(/\{(\w+)\}/g, (_placeholder, name: string) =>
    String((Object.hasOwn(values, name) ? values[name] : undefined) ?? "")
  )
