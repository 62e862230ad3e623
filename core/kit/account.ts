import { Redacted } from "effect"
import { claim, claimDone, claimEqual, describe, type Outcome, show } from "./claim.ts"
import { isSecretName, type Kit, type KitCase } from "./kit.ts"

const WRONG_VALUES: ReadonlyArray<unknown> = [null, 7, true, [], [{}], { a: 1 }]
const SENTENCE_CHARS_MAX = 500

/** A refused account must end with an AccountInvalid whose message is a sentence for the operator. */
const claimSentence = (kit: Kit, outcome: Outcome<unknown>, what: string): void => {
  if (outcome._tag === "Success") return
  claim(outcome.failure._tag === "AccountInvalid", `${what} should end with AccountInvalid: ${describe(outcome)}`)
  const { message } = outcome.failure
  claim(message.trim() !== "" && message.length <= SENTENCE_CHARS_MAX, `${what} is refused without a sentence`)
  const shown = kit.secrets.find((secret) => message.includes(secret))
  claim(shown === undefined, `${what} is refused by a sentence that holds a secret`)
}

const opensOrSays = async (kit: Kit, account: unknown, what: string): Promise<Outcome<unknown>> => {
  const outcome = await kit.check(account).catch((error: unknown) => {
    claim(false, `${what} threw instead of failing with AccountInvalid: ${show(error)}`)
    throw error
  })
  claimSentence(kit, outcome, what)
  return outcome
}

/** The account's form: its required fields, its refusals, and the secrets that it must not reveal. */
export const ACCOUNT_CASES: ReadonlyArray<KitCase> = [
  {
    name: "the account's JSON opens",
    run: async (kit) => {
      claimDone(await kit.check(kit.simulator.account), "opening the simulator's account")
    }
  },
  {
    name: "an account without one of its required fields is refused by a sentence that names the field",
    run: async (kit) => {
      let required = 0
      for (const name of Object.keys(kit.simulator.account)) {
        const { [name]: _, ...rest } = kit.simulator.account
        const outcome = await opensOrSays(kit, rest, `an account without ${name}`)
        if (outcome._tag === "Success") continue
        required += 1
        const { field = "", message } = outcome.failure as { readonly field?: string; readonly message: string }
        claim(`${field} ${message}`.includes(name), `an account without ${name} is told: ${message}`)
      }
      claim(required > 0, "an account needs none of its fields: an empty one would be taken")
    }
  },
  {
    name: "an account with a field of the wrong type is refused, never a crash",
    run: async (kit) => {
      for (const [name, value] of Object.entries(kit.simulator.account)) {
        for (const wrong of WRONG_VALUES) {
          const changed = { ...kit.simulator.account, [name]: wrong }
          const outcome = await opensOrSays(kit, changed, `an account whose ${name} is ${show(wrong)}`)
          const refused = outcome._tag === "Failure" || typeof value !== "string"
          claim(refused, `an account whose ${name} is ${show(wrong)} and no text is taken`)
        }
      }
    }
  },
  {
    name: "an account that is no object is refused",
    run: async (kit) => {
      for (const wrong of [null, [], "account", 7, {}]) {
        const outcome = await opensOrSays(kit, wrong, `the account ${show(wrong)}`)
        claim(outcome._tag === "Failure", `the account ${show(wrong)} is taken`)
      }
    }
  },
  {
    name: "secrets are Redacted in the opened account",
    run: async (kit) => {
      const look = (settings: unknown, path: string): void => {
        if (typeof settings !== "object" || settings === null || Redacted.isRedacted(settings)) return
        for (const [name, value] of Object.entries(settings)) {
          const bare = typeof value === "string" && isSecretName(name, kit.options.secretFields)
          claim(!bare, `${path}${name} is a secret and bare: make it Schema.RedactedFromValue`)
          look(value, `${path}${name}.`)
        }
      }
      look(kit.settings, "")
    }
  },
  {
    name: "key material that cannot be right is refused by a sentence without it, or taken as it is",
    run: async (kit) => {
      for (const [name, value] of Object.entries(kit.simulator.account)) {
        if (typeof value !== "string" || !isSecretName(name, kit.options.secretFields)) continue
        const half = value.slice(0, Math.floor(value.length / 2))
        for (const wrong of ["x", "绝密kit-secret-0123456789", "-----BEGIN PRIVATE KEY-----\nkit\n-----END", half]) {
          const outcome = await opensOrSays(kit, { ...kit.simulator.account, [name]: wrong }, `a wrong ${name}`)
          if (outcome._tag === "Success") continue
          const { message } = outcome.failure
          claim(wrong.length < 6 || !message.includes(wrong), `a wrong ${name} stands in the sentence about it`)
          claim(wrong !== half || !message.includes(half.slice(0, 12)), `a part of ${name} stands in a sentence`)
        }
      }
    }
  },
  {
    name: "opening an account calls nobody",
    run: async (kit) => {
      const { fetch } = globalThis
      let calls = 0
      globalThis.fetch = Object.assign(
        async () => {
          calls += 1
          throw new Error("the kit lets nothing out while an account is opened")
        },
        { preconnect: () => undefined }
      )
      try {
        claimDone(await kit.check(kit.simulator.account), "opening the account without a network")
      } finally {
        globalThis.fetch = fetch
      }
      claimEqual(calls, 0, "the number of calls while an account is opened")
    }
  },
  {
    name: "two opened accounts keep their keys apart",
    run: async (kit) => {
      const other = await kit.other()
      const [mine, theirs] = [await kit.charged(), await other.charged()]
      claim((await kit.simulator.book(mine.orderNo)) !== undefined, "an account's order went to the other account")
      claim((await other.simulator.book(theirs.orderNo)) !== undefined, "an account's order went to the other account")
      claim((await kit.simulator.book(theirs.orderNo)) === undefined, "an account's order went to both accounts")
      await kit.charged()
    }
  }
]
