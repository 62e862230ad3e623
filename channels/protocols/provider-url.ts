import { Schema } from "effect"

/*
 * Addresses of a provider in an account. Secrets go to them, so that only https is taken; plain http is for a simulator
 * beside the gateway: loopback, or a name without dots.
 */
const HOST = String.raw`https:\/\/[^/?#@\s]+|http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+)(:\d+)?`

/** Refuses what the pattern lets through and no URL may have, such as port 99999. */
const parses = Schema.makeFilter((text: string) => URL.canParse(text), { expected: "a URL" })

/** `https://host` or `https://host:port`, without a path. */
export const ProviderOrigin = Schema.String.check(Schema.isPattern(new RegExp(`^(${HOST})$`)), parses).annotate({
  description: "https://host, without a path"
})

/** A URL with its path: one gateway that all calls go to. */
export const ProviderUrl = Schema.String.check(Schema.isPattern(new RegExp(`^(${HOST})(\\/[^?#\\s]*)?$`)), parses)
