import { Effect } from "effect"
import type { Presentation } from "../channel/provider.ts"
import type { Flow } from "../domain/channel-code.ts"
import { claim, claimDone, claimEqual, claimNoDefect, describe, show } from "./claim.ts"
import type { KitCase } from "./kit.ts"

/** Capacity of a QR code of version 40 at its lowest error correction. */
const QR_BYTES_MAX = 2_953
const URL_BYTES_MAX = 8_192
const JSAPI_PARAMS = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"] as const

const KINDS: Readonly<Record<Flow, ReadonlyArray<Presentation["kind"]>>> = {
  qrcode: ["qrcode"],
  jsapi: ["jsapi"],
  redirect: ["redirect", "form"],
  app: ["app"]
}

const isWebUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

/** What the payer is shown, and that a repeated charge stays one charge. */
export const CHARGE_CASES: ReadonlyArray<KitCase> = [
  {
    name: "a charge of every product shows the payer what its flow promises",
    run: async (kit) => {
      for (const { code, flow } of kit.provider.products) {
        const shown = claimDone(await kit.act((channel) => channel.charge(kit.order({ code }))), `a charge of ${code}`)
        claim(KINDS[flow].includes(shown.kind), `${code} has the flow ${flow} and shows a ${shown.kind}`)
      }
    }
  },
  {
    name: "what the payer is shown can be shown: codes that fit a QR code, absolute URLs, whole parameters",
    run: async (kit) => {
      for (const { code } of kit.provider.products) {
        const shown = claimDone(await kit.act((channel) => channel.charge(kit.order({ code }))), `a charge of ${code}`)
        claimPresentable(shown)
      }
    }
  },
  {
    name: "what the payer is shown is plain JSON, because it is stored",
    run: async (kit) => {
      const shown = claimDone(await kit.act((channel) => channel.charge(kit.order())), "a charge")
      claimEqual(JSON.parse(JSON.stringify(shown)), shown, "the presentation after it was stored")
    }
  },
  {
    name: "a charge leaves its request as it was",
    run: async (kit) => {
      const order = kit.order()
      const before = structuredClone(order)
      claimDone(await kit.act((channel) => channel.charge(order)), "a charge")
      claimEqual(order, before, "the request after the charge")
    }
  },
  {
    name: "an order that is charged again is one trade at the provider, for the same amount",
    run: async (kit) => {
      const order = await kit.charged()
      const trades = await kit.simulator.trades()
      const again = await kit.act((channel) => channel.charge(order))
      claimNoDefect(again, "the second charge of an order")
      claimEqual(await kit.simulator.trades(), trades, "the number of trades after the second charge")
      claimEqual((await kit.simulator.book(order.orderNo))?.amountFen, order.amountFen, "the trade's amount in fen")
    }
  },
  {
    name: "an order that is charged again after its answer got lost is one trade, and never refused for good",
    run: async (kit) => {
      const order = kit.order()
      const trades = await kit.simulator.trades()
      kit.wire.next("cut-answer")
      await kit.act((channel) => channel.charge(order))
      if (kit.wire.clear()) return
      const again = await kit.act((channel) => channel.charge(order))
      claimEqual(await kit.simulator.trades(), trades + 1, "the number of trades after both charges")
      claim(
        again._tag === "Success" || again.failure._tag !== "ChannelRejected",
        "the order lives at the provider, and its second charge is refused for good: the core would end it unpaid"
      )
    }
  },
  {
    name: "five charges of one order at once are one trade at the provider",
    run: async (kit) => {
      const order = kit.order()
      const trades = await kit.simulator.trades()
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => kit.act((channel) => channel.charge(order))))
      for (const outcome of outcomes) claimNoDefect(outcome, "one of five charges at once")
      claimEqual(await kit.simulator.trades(), trades + 1, "the number of trades after five charges")
    }
  },
  {
    name: "two orders are two trades at the provider",
    run: async (kit) => {
      const trades = await kit.simulator.trades()
      await kit.charged()
      await kit.charged()
      claimEqual(await kit.simulator.trades(), trades + 2, "the number of trades after two orders")
    }
  },
  {
    name: "a description of quotes, ampersands, emoji and line breaks is charged all the same",
    run: async (kit) => {
      for (const description of ['咖啡 & "茶" 100% <b>', "🍵🧋", "a=b&c=d+e%20f\\", "两行\n备注", "长".repeat(125)]) {
        const order = kit.order({ description })
        const outcome = await kit.act((channel) => channel.charge(order))
        claim(outcome._tag === "Success", `the description ${show(description)} ends with ${describe(outcome)}`)
        claimEqual((await kit.simulator.book(order.orderNo))?.amountFen, order.amountFen, "the trade's amount in fen")
      }
    }
  },
  {
    name: "an order that expires in a moment, or just has, is no reason to crash",
    run: async (kit) => {
      for (const secondsLeft of [30, 1, 0, -60]) {
        const order = kit.order()
        const remainingMs = secondsLeft * 1_000
        const expiresAt = new Date(order.createdAt.getTime() + remainingMs)
        const outcome = await kit.act((channel) => channel.charge({ ...order, expiresAt, remainingMs }))
        claimNoDefect(outcome, `the charge of an order that expires in ${secondsLeft} s`)
      }
    }
  },
  {
    name: "a definite refusal is ChannelRejected with the provider's words, and the provider has no such order",
    run: async (kit) => {
      if (!kit.simulator.fault("refused")) return
      const order = kit.order()
      const outcome = await kit.act((channel) => channel.charge(order))
      claim(
        outcome._tag === "Failure" && outcome.failure._tag === "ChannelRejected",
        `a definite refusal should be ChannelRejected, so that the next account is tried: ${describe(outcome)}`
      )
      claim(outcome.failure.message.length <= 1_000, "the refusal's words are endless")
      claim((await kit.simulator.book(order.orderNo)) === undefined, "the refused order is in the provider's book")
    }
  },
  {
    name: "a product of flow jsapi without a payer is refused before anything is sent",
    run: async (kit) => {
      for (const { code } of kit.provider.products.filter(({ flow }) => flow === "jsapi")) {
        const { jsapi: _, ...order } = kit.order({ code })
        const outcome = await kit.act((channel) => Effect.suspend(() => channel.charge(order)))
        const shown = outcome._tag === "Success" ? outcome.success.kind : outcome.failure._tag
        claim(["ChannelRejected", "qrcode"].includes(shown), `a JSAPI order without a payer ends with ${shown}`)
      }
    }
  }
]

const claimPresentable = (shown: Presentation): void => {
  switch (shown.kind) {
    case "qrcode": {
      const bytes = Buffer.byteLength(shown.content)
      claim(bytes > 0 && bytes <= QR_BYTES_MAX, `a QR code of ${bytes} bytes cannot be scanned`)
      claim(!/\p{Cc}/u.test(shown.content) && shown.content.trim() === shown.content, "the QR code's text is unclean")
      claim(shown.imageUrl === undefined || isWebUrl(shown.imageUrl), `imageUrl is ${show(shown.imageUrl)}`)
      return
    }
    case "redirect":
      claim(isWebUrl(shown.url) && shown.url.length <= URL_BYTES_MAX, `the payer is sent to ${show(shown.url)}`)
      return
    case "form":
      claim(isWebUrl(shown.action), `the form goes to ${show(shown.action)}`)
      claim(Object.keys(shown.fields).length > 0, "the form has no fields")
      return
    case "jsapi":
      for (const name of JSAPI_PARAMS) {
        const value: unknown = shown.params[name]
        claim(typeof value === "string" && value !== "", `the bridge's ${name} is ${show(value)}`)
      }
      claim(/^\d{1,10}$/.test(shown.params.timeStamp), `timeStamp is ${shown.params.timeStamp}: seconds are wanted`)
      claim(shown.params.package.startsWith("prepay_id="), `package is ${show(shown.params.package)}`)
      return
    case "app":
      claim(shown.order !== "", "the app gets an empty order")
  }
}
