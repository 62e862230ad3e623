import { inspect } from "node:util"
import { Effect } from "effect"
import { claim } from "./claim.ts"
import type { Kit, KitCase } from "./kit.ts"
import { WIRE_FAULTS, type WireFault } from "./wire.ts"

/** A value in every textual form that logs and answers may give it. */
const texts = (value: unknown): string => {
  const parts = [inspect(value, { depth: 12, showHidden: false, maxStringLength: null }), String(value)]
  try {
    parts.push(JSON.stringify(value) ?? "")
  } catch {
    // A value that has no JSON cannot leak through JSON.
  }
  if (value instanceof Error) parts.push(value.message, value.stack ?? "", inspect(value.cause, { depth: 12 }))
  return parts.join("\n")
}

const claimClean = (kit: Kit, value: unknown, where: string): void => {
  const text = texts(value)
  for (const secret of kit.secrets) {
    const encoded = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]
    const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "")
    claim(![...encoded, base64].some((form) => text.includes(form)), `a secret of the account stands in ${where}`)
  }
}

const wholeLife = async (kit: Kit): Promise<void> => {
  const order = await kit.paid()
  await kit.act((channel) => channel.query(order))
  await kit.act((channel) => channel.close?.(order) ?? Effect.void)
}

/** The account's secrets, which must not show anywhere outside memory. */
export const SECRET_CASES: ReadonlyArray<KitCase> = [
  {
    name: "the kit knows the account's secrets: at least one field is one",
    run: async (kit) =>
      claim(
        kit.secrets.length > 0,
        "no field of the account looks secret by its name: name them in secretFields, or the cases below see nothing"
      )
  },
  {
    name: "no secret shows in an error, whatever went wrong",
    run: async (kit) => {
      for (const fault of Object.keys(WIRE_FAULTS) as ReadonlyArray<WireFault>) {
        if (fault === "slow" || fault.startsWith("lost")) continue
        kit.wire.next(fault)
        const outcome = await kit.act((channel) => channel.charge(kit.order()))
        kit.wire.clear()
        if (outcome._tag === "Failure") claimClean(kit, outcome.failure, `the error of a charge that met ${fault}`)
      }
    }
  },
  {
    name: "no secret shows in a refused notice's reason",
    run: async (kit) => {
      for (const body of ["", "{}", "a=b", "sign=1"]) {
        const outcome = await kit.readNotice({ headers: {}, body })
        if (outcome._tag === "Failure") claimClean(kit, outcome.failure, "a refused notice's reason")
      }
    }
  },
  {
    name: "no secret shows in what the core records of an order's calls",
    run: async (kit) => {
      const from = kit.exchanges.length
      await wholeLife(kit)
      claimClean(kit, kit.exchanges.slice(from), "the order's timeline")
    }
  },
  {
    name: "no secret stands in the URL of an order's calls",
    run: async (kit) => {
      const from = kit.wire.calls.length
      await wholeLife(kit)
      claimClean(
        kit,
        kit.wire.calls.slice(from).map(({ url }) => url),
        "a URL: proxies write those down"
      )
    }
  },
  {
    name: "no secret shows when the opened account, its channel or its provider is inspected or made JSON of",
    run: async (kit) => {
      claimClean(kit, kit.settings, "the opened account")
      claimClean(kit, kit.channel, "the opened channel")
      claimClean(kit, kit.provider, "the provider")
    }
  },
  {
    name: "no secret stands in what is stored of an order: its reference and what the payer is shown",
    run: async (kit) => {
      const order = kit.order()
      claimClean(kit, order.reference, "the order's reference")
      const outcome = await kit.act((channel) => channel.charge(order))
      if (outcome._tag === "Success") claimClean(kit, outcome.success, "what the payer is shown")
    }
  },
  {
    name: "no secret stands in a reply to a notice",
    run: async (kit) => claimClean(kit, kit.channel.replies, "a reply")
  },
  {
    name: "a channel writes nothing to the console",
    run: async (kit) => {
      const methods = ["log", "info", "warn", "error", "debug"] as const
      const before = methods.map((method) => [method, console[method]] as const)
      const written: Array<string> = []
      // The kit's core logs nothing (kit.ts), so any line is the channel's.
      for (const method of methods) console[method] = (...words) => void written.push(texts(words))
      try {
        await wholeLife(kit)
        await kit.readNotice({ headers: {}, body: "{}" })
      } finally {
        for (const [method, original] of before) console[method] = original
      }
      claim(written.length === 0, `the channel writes to the console: ${written[0]?.slice(0, 80)}`)
    }
  }
]
