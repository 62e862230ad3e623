import { FORM_PAGE_CSP, PAGE_CSP } from "./document.ts"

/** A page with the headers that every page has: nothing foreign runs in it, nobody frames it, nothing keeps it. */
export const pageResponse = (
  status: number,
  text: string,
  {
    formTarget = "self",
    headers = {}
  }: { readonly formTarget?: "self" | "anywhere"; readonly headers?: Readonly<Record<string, string>> | undefined } = {}
): Response =>
  new Response(text, {
    status,
    headers: {
      ...headers,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": formTarget === "self" ? PAGE_CSP : FORM_PAGE_CSP,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY"
    }
  })
