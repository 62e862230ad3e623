import { describe, expect, test } from "bun:test"
import { element, type SiteNode, type SitePage } from "../../channel/site-page.ts"
import { PAGE_CSP } from "./document.ts"
import { siteResponse } from "./site-page.ts"

const page = (...body: ReadonlyArray<SiteNode>): SitePage => ({ status: 200, title: "A page", language: "en", body })

const htmlOf = (answer: SitePage): Promise<string> => siteResponse("/sandbox/", answer).text()

/** What stands between the body's tags. */
const bodyOf = async (...body: ReadonlyArray<SiteNode>): Promise<string> =>
  /<body>\n([\s\S]*)\n<\/body>/.exec(await htmlOf(page(...body)))?.[1] ?? ""

/** An element as a channel in plain JavaScript may make it. */
const untyped = (tag: string, attributes: object): SiteNode => ({ tag, attributes, children: [] }) as never

describe("A site's page", () => {
  test("is an HTML document in the gateway's theme, sent with the headers of every page", async () => {
    const response = siteResponse("/sandbox/", { ...page("Hello"), status: 404 })
    expect(response.status).toBe(404)
    expect(response.headers.get("content-security-policy")).toBe(PAGE_CSP)
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(response.headers.get("referrer-policy")).toBe("no-referrer")
    const html = await response.text()
    expect(html).toStartWith(`<!doctype html>\n<html lang="en">`)
    expect(html).toContain("<title>A page</title>")
    expect(html).toMatch(/<link rel="stylesheet" href="\/assets\/theme\.css\?v=/)
    expect(html).not.toContain("<script")
  })

  test("links its own styles behind the theme, its scripts behind the body, and its icon", async () => {
    const html = await htmlOf({ ...page("x"), styles: ["pay.css"], scripts: ["js/pay.js"], icon: "icon.svg" })
    expect(html.indexOf("/sandbox/pay.css")).toBeGreaterThan(html.indexOf("theme.css"))
    expect(html.indexOf(`<script src="/sandbox/js/pay.js"></script>`)).toBeGreaterThan(html.indexOf("<body>"))
    expect(html).toContain(`<link rel="icon" href="/sandbox/icon.svg"`)
  })

  test("loads again only in a browser without scripts, and names its methods, where it says so", async () => {
    expect(await htmlOf({ ...page(), reloadS: 3 })).toContain(
      `<noscript><meta http-equiv="refresh" content="3"></noscript>`
    )
    expect(await htmlOf(page())).not.toContain("http-equiv")
    expect(siteResponse("/sandbox/", { ...page(), allow: "GET, POST" }).headers.get("allow")).toBe("GET, POST")
  })

  test("writes elements with their attributes and children; null and false print nothing", async () => {
    const list = element(
      "dl",
      { class: "facts", data: { view: "paid", now: 5 } },
      element("div", {}, element("dt", {}, "Order"), null, false, element("dd", {}, "QR1"))
    )
    expect(await bodyOf(list)).toBe(
      `<dl class="facts" data-view="paid" data-now="5"><div><dt>Order</dt><dd>QR1</dd></div></dl>`
    )
    const form = element(
      "form",
      { method: "post", action: "/sandbox/pay/x?lang=en" },
      element("input", { type: "hidden", name: "a", value: "b" }),
      element("button", { name: "action", value: "pay" }, element("icon", { name: "clock" }), "Pay")
    )
    expect(await bodyOf(form)).toMatch(
      /^<form method="post" action="\/sandbox\/pay\/x\?lang=en"><input type="hidden" name="a" value="b"><button name="action" value="pay"><svg class="icon".*<\/svg>Pay<\/button><\/form>$/
    )
  })

  test("escapes every text and every attribute", async () => {
    const attack = `"><script>alert(1)</script>'&`
    const escaped = "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39;&amp;"
    expect(await bodyOf(attack, element("p", { class: attack, data: { x: attack } }, attack))).toBe(
      `${escaped}<p class="${escaped}" data-x="${escaped}">${escaped}</p>`
    )
    expect(await htmlOf({ ...page(), title: attack })).toContain(`<title>${escaped}</title>`)
  })

  test.each(["/sandbox/pay/x", "/", "/a?b=c#d", "https://shop.example/back?x=1", "http://127.0.0.1:8080/paid"])(
    "links %s",
    async (href) => {
      expect(await bodyOf(element("a", { href }, "on"))).toBe(`<a href="${href}">on</a>`)
    }
  )

  test.each([
    "javascript:alert(1)",
    " JavaScript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "ftp://files.example/",
    "//elsewhere.example/",
    "/\\elsewhere.example",
    "/\t/elsewhere.example",
    "relative",
    "#here",
    ""
  ])("does not link %j", (href) => {
    expect(() => siteResponse("/sandbox/", page(element("a", { href }, "on")))).toThrow("links no such address")
  })

  test.each([
    "javascript:alert(1)",
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/\t/elsewhere.example",
    "x"
  ])("posts to and loads from its own gateway only, not %j", (address) => {
    const form = element("form", { method: "post", action: address })
    const image = element("img", { src: address, alt: "", width: 1, height: 1 })
    for (const node of [form, image]) expect(() => siteResponse("/sandbox/", page(node))).toThrow("this gateway only")
  })

  test.each([
    untyped("script", {}),
    untyped("iframe", {}),
    untyped("style", {}),
    untyped("constructor", {}),
    untyped("p", { onclick: "alert(1)" }),
    untyped("p", { style: "color:red" }),
    untyped("p", { href: "/" }),
    untyped("p", { data: { 'x="1" onclick': "alert(1)" } }),
    untyped("icon", { name: "toString" })
  ])("has no element or attribute that is not listed: %j", (node) => {
    expect(() => siteResponse("/sandbox/", page(node))).toThrow()
  })

  test.each(["../secret.css", "/other.css", "https://elsewhere.example/x.css", "a//b.css", "a b.css", ""])(
    "loads no style %j from outside its site",
    (name) => {
      expect(() => siteResponse("/sandbox/", { ...page(), styles: [name] })).toThrow("no asset")
    }
  )
})

test("what is no page goes out as the site wrote it", async () => {
  const response = siteResponse("/sandbox/", {
    status: 303,
    headers: { location: "/x" },
    body: new Uint8Array([104, 105])
  })
  expect([response.status, response.headers.get("location"), await response.text()]).toEqual([303, "/x", "hi"])
})
