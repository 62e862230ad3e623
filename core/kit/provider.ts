import { Schema } from "effect"
import { CHANNEL_CODES } from "../domain/channel-code.ts"
import { AMOUNT_FEN_MAX } from "../domain/money.ts"
import { claim, claimEqual, show } from "./claim.ts"
import type { KitCase } from "./kit.ts"

const FLOWS = ["qrcode", "jsapi", "redirect", "app"]
const REFERENCE_BYTES_MAX = 1_024
const REPLY_BYTES_MAX = 4_096

/** A provider's description of itself. */
export const PROVIDER_CASES: ReadonlyArray<KitCase> = [
  {
    name: "the provider's id is of [a-z0-9-] and begins with a letter or digit",
    run: async ({ provider }) =>
      claim(/^[a-z0-9][a-z0-9-]*$/.test(provider.id), `the id ${show(provider.id)} is not of [a-z0-9-]`)
  },
  {
    name: "the provider has products, and none of their codes twice",
    run: async ({ provider }) => {
      const codes = provider.products.map(({ code }) => code)
      claim(codes.length > 0, "a provider without products serves no order")
      claimEqual(new Set(codes).size, codes.length, "the number of different codes")
    }
  },
  {
    name: "every product's code is 1 to 32 characters of [A-Za-z0-9_]",
    run: async ({ provider }) => {
      for (const { code } of provider.products)
        claim(/^[A-Za-z0-9_]{1,32}$/.test(code), `the code ${show(code)} cannot be sent as channel_code`)
    }
  },
  {
    name: "every product has a name for Chinese readers and one in plain ASCII for the others",
    run: async ({ provider }) => {
      for (const { code, name, nameEn } of provider.products) {
        claim(name.trim() === name && name !== "", `${code} has no name`)
        claim(/^[!-~]([ -~]*[!-~])?$/.test(nameEn), `${code} has the English name ${show(nameEn)}`)
      }
    }
  },
  {
    name: "every product's flow is one that the cashier knows",
    run: async ({ provider }) => {
      for (const { code, flow } of provider.products) claim(FLOWS.includes(flow), `${code} has the flow ${show(flow)}`)
    }
  },
  {
    name: "a product of the contract's own codes has the contract's type and flow",
    run: async ({ provider }) => {
      for (const { code, type, flow } of provider.products) {
        if (!Object.hasOwn(CHANNEL_CODES, code)) continue
        const known = CHANNEL_CODES[code as keyof typeof CHANNEL_CODES]
        claimEqual({ type, flow }, { type: known.type, flow: known.flow }, `${code}`)
      }
    }
  },
  {
    name: "a product's limits are whole fen, the lower one not above the upper one",
    run: async ({ provider }) => {
      for (const { code, minFen = 1, maxFen = AMOUNT_FEN_MAX } of provider.products) {
        const whole = Number.isSafeInteger(minFen) && Number.isSafeInteger(maxFen)
        claim(whole && minFen >= 1 && minFen <= maxFen, `${code} takes from ${minFen} to ${maxFen} fen`)
      }
    }
  },
  {
    name: "the account's schema becomes a JSON Schema, which the operator's form is made of",
    run: async ({ provider }) => {
      let text = ""
      try {
        text = JSON.stringify(Schema.toJsonSchemaDocument(provider.account))
      } catch (error) {
        claim(false, `the account's schema cannot be shown as a form: ${show(error)}`)
      }
      claim(/"properties"/.test(text), "the account's schema has no fields: a form cannot be made of it")
    }
  },
  {
    name: "the reply to an accepted notice is a small 2xx with a content type",
    run: async ({ channel }) => {
      const { status, contentType, body } = channel.replies.accepted
      claim(status >= 200 && status < 300, `an accepted notice is answered by status ${status}`)
      claim(/^[a-z]+\/[a-z0-9.+-]+/.test(contentType), `an accepted notice is answered as ${show(contentType)}`)
      claim(Buffer.byteLength(body) <= REPLY_BYTES_MAX, "the reply to a notice is more than a few words")
      claim(status !== 204 || body === "", "a 204 has no body")
    }
  },
  {
    name: "the reply to a refused notice cannot be taken for an acknowledgement",
    run: async ({ channel }) => {
      const { accepted, refused } = channel.replies
      claim(Number.isInteger(refused.status) && refused.status >= 200, `the refusal has the status ${refused.status}`)
      const same = refused.status === accepted.status && refused.body === accepted.body
      claim(!same, "a refused notice is answered as an accepted one: the provider would not come again")
    }
  },
  {
    name: "what a channel cannot do is absent, what it can do is a function",
    run: async ({ channel }) => {
      for (const name of ["charge", "query", "readNotice"] as const)
        claim(typeof channel[name] === "function", `${name} is missing`)
      for (const name of ["reference", "close", "refund", "queryRefund", "downloadBill"] as const) {
        const ability: unknown = channel[name]
        claim(ability === undefined || typeof ability === "function", `${name} is ${show(ability)}`)
      }
    }
  },
  {
    name: "a channel that refunds can be asked how a refund went",
    run: async ({ channel }) =>
      claim(
        channel.refund === undefined || channel.queryRefund !== undefined,
        "refund without queryRefund: an uncertain refund would stay so for ever"
      )
  },
  {
    name: "an order's reference is the same whenever it is asked for",
    run: async ({ channel }) => {
      const order = { orderNo: "QR20261124235959ABCDEFGH", createdAt: new Date(1_795_535_999_000) }
      claimEqual(channel.reference?.(order), channel.reference?.(order), "the reference of the same order")
    }
  },
  {
    name: "an order's reference is small plain JSON",
    run: async ({ channel, order }) => {
      const { reference } = order()
      const text = JSON.stringify(reference)
      claimEqual(JSON.parse(text), reference, "the reference after it was stored")
      claim(text.length <= REFERENCE_BYTES_MAX, `the reference has ${text.length} bytes`)
      claim(channel.reference === undefined || typeof reference === "object", "the reference is no object")
    }
  }
]
