import type { Language } from "../domain/language.ts"

/**
 * A page of a channel's own site, as data. The core renders it: escaped, in the gateway's theme, with the headers and
 * the content policy that every page has. Styles and scripts are files of the site; nothing is inline.
 */
export interface SitePage {
  readonly status: number
  readonly title: string
  readonly language: Language
  /** Paths of the site's own stylesheets ("pay.css"), loaded after the gateway's theme. */
  readonly styles?: ReadonlyArray<string>
  /** Paths of the site's own scripts, loaded behind the body. */
  readonly scripts?: ReadonlyArray<string>
  /** Path of the site's own icon; default: the gateway's. */
  readonly icon?: string
  /** A browser without scripts loads the page again after so many seconds. */
  readonly reloadS?: number
  /** Methods that the address takes, for the Allow header of a 405. */
  readonly allow?: string
  readonly body: ReadonlyArray<SiteNode>
}

/** A text, or an element; null and false print nothing. */
export type SiteNode = string | SiteElement | null | false

export interface SiteElement<Tag extends SiteTag = SiteTag> {
  readonly tag: Tag
  readonly attributes: SiteAttributes[Tag]
  readonly children: ReadonlyArray<SiteNode>
}

/** What every element may carry. `data` becomes `data-*` attributes, for the site's scripts. */
export interface SharedAttributes {
  readonly class?: string
  readonly lang?: Language
  readonly role?: "status" | "alert"
  readonly data?: Readonly<Record<string, string | number>>
}

type Plain =
  | "aside"
  | "b"
  | "code"
  | "dd"
  | "div"
  | "dl"
  | "dt"
  | "footer"
  | "h1"
  | "h2"
  | "header"
  | "li"
  | "main"
  | "ol"
  | "p"
  | "section"
  | "span"
  | "table"
  | "tbody"
  | "td"
  | "thead"
  | "tr"
  | "ul"

/**
 * The elements of a page and their attributes. `href` is a path of this gateway or an http(s) URL; `action` and `src`
 * are paths of this gateway: the content policy allows nothing else. The renderer refuses every other address.
 */
export type SiteAttributes = { readonly [Tag in Plain]: SharedAttributes } & {
  readonly a: SharedAttributes & { readonly href: string }
  readonly button: SharedAttributes & { readonly name?: string; readonly value?: string }
  readonly form: SharedAttributes & { readonly method: "get" | "post"; readonly action: string }
  /** One of the gateway's drawings, in the text's colour and hidden from screen readers. */
  readonly icon: { readonly name: SiteIcon }
  readonly img: SharedAttributes & {
    readonly src: string
    readonly alt: string
    readonly width: number
    readonly height: number
  }
  readonly input: { readonly type: "hidden"; readonly name: string; readonly value: string }
  readonly th: SharedAttributes & { readonly scope: "col" | "row" }
  /** `datetime` is machine-readable: "2026-03-15T10:31:07+08:00". */
  readonly time: SharedAttributes & { readonly datetime: string }
}

export type SiteTag = keyof SiteAttributes

export type SiteIcon = "tick" | "clock" | "cross" | "closed"

/** An element of a page. */
export const element = <Tag extends SiteTag>(
  tag: Tag,
  attributes: SiteAttributes[Tag],
  ...children: ReadonlyArray<SiteNode>
): SiteElement<Tag> => ({ tag, attributes, children })
