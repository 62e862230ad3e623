import type { SiteResponse } from "../../channel/site.ts"
import type {
  SharedAttributes,
  SiteAttributes,
  SiteElement,
  SiteIcon,
  SiteNode,
  SitePage,
  SiteTag
} from "../../channel/site-page.ts"
import { document, pageResponse } from "./document.ts"
import { type Html, html, taggedHtml } from "./html.ts"
import { clockIcon, closedIcon, crossIcon, tickIcon } from "./icons.ts"

/**
 * What a channel's site answered, as the response that goes out. A page whose data breaks the rules of SitePage is the
 * channel's bug: it throws, and nothing of the page is sent.
 * @param base the path that the site is served under: "/sandbox/"
 */
export const siteResponse = (base: string, answer: SiteResponse): Response => {
  if (!("title" in answer)) {
    const { status, headers, body } = answer
    return new Response(typeof body === "string" ? body : new Uint8Array(body), { status, headers })
  }
  return pageResponse(answer.status, renderSitePage(base, answer), {
    headers: answer.allow === undefined ? {} : { allow: answer.allow }
  })
}

/** A site's page as an HTML document in the gateway's theme. */
const renderSitePage = (base: string, page: SitePage): string => {
  const { title, language, styles = [], scripts = [], icon, reloadS, body } = page
  const own = (path: string) => ownAsset(base, path)
  return document({
    title,
    language,
    styles: styles.map(own),
    ...(icon === undefined ? {} : { icon: own(icon) }),
    head: html`${reloadS !== undefined && html`<noscript><meta http-equiv="refresh" content="${reloadS}"></noscript>`}`,
    body: html`${markup(body)}${scripts.map((path) => html`\n<script src="${own(path)}"></script>`)}`
  })
}

type OwnAttribute<Tag extends SiteTag> = Exclude<keyof SiteAttributes[Tag], keyof SharedAttributes>

/** The attributes that each tag has besides the shared ones: a tag without its row does not compile. */
const OWN_ATTRIBUTES: { readonly [Tag in SiteTag]: ReadonlyArray<OwnAttribute<Tag>> } = {
  a: ["href"],
  aside: [],
  b: [],
  button: ["name", "value"],
  code: [],
  dd: [],
  div: [],
  dl: [],
  dt: [],
  footer: [],
  form: ["method", "action"],
  h1: [],
  h2: [],
  header: [],
  icon: ["name"],
  img: ["src", "alt", "width", "height"],
  input: ["type", "name", "value"],
  li: [],
  main: [],
  ol: [],
  p: [],
  section: [],
  span: [],
  table: [],
  tbody: [],
  td: [],
  th: ["scope"],
  thead: [],
  time: ["datetime"],
  tr: [],
  ul: []
}

const VOID_TAGS: ReadonlySet<SiteTag> = new Set(["img", "input"])

const ICONS: { readonly [Name in SiteIcon]: Html } = {
  tick: tickIcon,
  clock: clockIcon,
  cross: crossIcon,
  closed: closedIcon
}

const markup = (nodes: ReadonlyArray<SiteNode>): Html =>
  html`${nodes.map((node) => (typeof node === "object" && node !== null ? rendered(node) : node))}`

// Channels may be plain JavaScript: what their types promise is checked here once more.
const rendered = ({ tag, attributes, children }: SiteElement): Html => {
  if (!Object.hasOwn(OWN_ATTRIBUTES, tag)) throw new Error(`a site's page has no element "${tag}"`)
  if (tag === "icon") return drawing((attributes as SiteAttributes["icon"]).name)
  return taggedHtml(tag, writtenAttributes(tag, attributes), VOID_TAGS.has(tag) ? null : markup(children))
}

const drawing = (name: SiteIcon): Html => {
  if (!Object.hasOwn(ICONS, name)) throw new Error(`a site's page has no icon "${name}"`)
  return ICONS[name]
}

const writtenAttributes = (tag: SiteTag, attributes: SiteAttributes[SiteTag]): Readonly<Record<string, string>> => {
  const { data = {}, ...rest } = attributes as SharedAttributes & Readonly<Record<string, unknown>>
  const allowed: ReadonlyArray<string> = ["class", "lang", "role", ...OWN_ATTRIBUTES[tag]]
  const written: Record<string, string> = {}
  for (const [name, value] of Object.entries(rest)) {
    if (!allowed.includes(name)) throw new Error(`a site's <${tag}> has no attribute "${name}"`)
    if (value === undefined) continue
    if (name === "href") assertLink(String(value))
    if (name === "action" || name === "src") assertOwnPath(String(value))
    written[name] = String(value)
  }
  for (const [name, value] of Object.entries(data)) written[`data-${name}`] = String(value)
  return written
}

/** A host that no address names, so that a path stays on it and everything else leaves it. */
const NOWHERE = "https://nowhere.invalid"

const isOwnPath = (address: string): boolean =>
  address.startsWith("/") && URL.canParse(address, NOWHERE) && new URL(address, NOWHERE).origin === NOWHERE

const assertOwnPath = (address: string): void => {
  if (!isOwnPath(address)) throw new Error(`a site's page loads from and posts to this gateway only, not "${address}"`)
}

const assertLink = (address: string): void => {
  const isWebUrl = URL.canParse(address) && /^https?:$/.test(new URL(address).protocol)
  if (!isWebUrl && !isOwnPath(address)) throw new Error(`a site's page links no such address: "${address}"`)
}

const ownAsset = (base: string, path: string): string => {
  if (!/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/.test(path)) throw new Error(`a site has no asset "${path}"`)
  return base + path
}
