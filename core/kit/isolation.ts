import { Effect } from "effect"
import { claim, claimNoDefect, describe } from "./claim.ts"
import type { Kit, KitCase } from "./kit.ts"

const STRANGE_ANSWERS: ReadonlyArray<string> = [
  '{"result":null,"data":[]}',
  `{"a":${"[".repeat(5_000)}`,
  '{"__proto__":{"state":"paid"}}',
  "\u0000\u0001",
  "1e999",
  '"success"',
  "success"
]

const isUncertainDefect = (outcome: Awaited<ReturnType<Kit["act"]>>): boolean =>
  outcome._tag === "Failure" && outcome.failure._tag === "ChannelUncertain" && outcome.failure.why === "defect"

/** A failure of one order affects no other order. */
export const ISOLATION_CASES: ReadonlyArray<KitCase> = [
  {
    name: "a channel that throws is an uncertain order to the core, and the next order is served",
    run: async (kit) => {
      const thrown = await kit.act(() => {
        throw new Error("the kit's own bug")
      })
      claim(isUncertainDefect(thrown), `the core makes of a bug: ${describe(thrown)}`)
      await kit.charged()
    }
  },
  {
    name: "a channel whose effect dies is an uncertain order to the core, and the next order is served",
    run: async (kit) => {
      const died = await kit.act(() => Effect.die(new Error("the kit's own bug")))
      claim(isUncertainDefect(died), `the core makes of a bug: ${describe(died)}`)
      await kit.charged()
    }
  },
  {
    name: "twenty orders at once, every other one in trouble, are charged or uncertain each for itself",
    run: async (kit) => {
      const acts: Array<Promise<void>> = []
      for (let index = 0; index < 20; index++) {
        const order = kit.order()
        acts.push(
          kit
            .act((channel) =>
              index % 2 === 0 ? channel.charge(order) : Effect.andThen(channel.charge(order), Effect.die("bug"))
            )
            .then((outcome) => {
              if (index % 2 === 0) claim(outcome._tag === "Success", `a healthy order ends with ${describe(outcome)}`)
              else claim(isUncertainDefect(outcome), `an order in trouble ends with ${describe(outcome)}`)
            })
        )
      }
      await Promise.all(acts)
    }
  },
  {
    name: "an act that is given up in the middle leaves the channel working",
    run: async (kit) => {
      await kit.act((channel) => Effect.timeoutOption(channel.charge(kit.order()), 0))
      await kit.charged()
    }
  },
  {
    name: "answers that nobody would think of are no reason to crash",
    run: async (kit) => {
      for (const answer of STRANGE_ANSWERS) {
        const order = kit.order()
        for (const status of [200, 400]) {
          kit.wire.answer(status, answer)
          const charged = await kit.act((channel) => channel.charge(order))
          kit.wire.clear()
          claimNoDefect(charged, `a charge answered by ${status} ${answer.slice(0, 20)}`)
          kit.wire.answer(status, answer)
          const queried = await kit.act((channel) => channel.query(order))
          kit.wire.clear()
          claimNoDefect(queried, `a query answered by ${status} ${answer.slice(0, 20)}`)
          const paid = queried._tag === "Success" && queried.success.state === "paid"
          claim(!paid, `a query answered by ${answer.slice(0, 20)} says paid`)
        }
      }
    }
  },
  {
    name: "a hundred questions about other orders at once do not change the answer about a paid one",
    run: async (kit) => {
      const order = await kit.paid()
      const before = await kit.act((channel) => channel.query(order))
      await Promise.all(Array.from({ length: 100 }, () => kit.act((channel) => channel.query(kit.order()))))
      const after = await kit.act((channel) => channel.query(order))
      const state = (outcome: typeof before) => (outcome._tag === "Success" ? outcome.success.state : "nothing")
      claim(
        state(before) === "paid" && state(after) === "paid",
        `a paid order is ${state(after)} after a hundred others`
      )
    }
  }
]
