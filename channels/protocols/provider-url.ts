import { Schema } from "effect"

/*
 * Addresses of a provider in an account. Secrets are sent to them, so only https is allowed; plain http is allowed for
 * a simulator beside the gateway: loopback, or a name without dots.
 */
const HOST = String.raw`https:\/\/[^/?#@\s]+|http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+)(:\d+)?`

/** Refuses what the pattern allows and no URL may hold, such as port 99999. */
const parses = Schema.makeFilter((text: string) => URL.canParse(text), { expected: "a URL" })

/** `https://host` or `https://host:port`, without a path. */
export const ProviderOrigin = Schema.String.check(Schema.isPattern(new RegExp(`^(${HOST})$`)), parses).annotate({
  description: "https://host, without a path"
})

/** A URL with its path, for a gateway that takes all calls at one address. */
export const ProviderUrl = Schema.String.check(Schema.isPattern(new RegExp(`^(${HOST})(\\/[^?#\\s]*)?$`)), parses)
