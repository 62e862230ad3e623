import { Effect, Schema } from "effect"
import { ChannelHttp } from "../channel/http.ts"
import { channelHttp } from "../outbound/channel-http.ts"
import { claim, claimDone, claimEqual, claimUnanswered, type Outcome, show } from "./claim.ts"
import type { Kit, KitCase } from "./kit.ts"

const HOST = /^([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/i

const hostsOf = (kit: Kit): ReadonlyArray<string> => kit.provider.egress(kit.settings, kit.gateway)

/** An act with a ChannelHttp that reaches nobody. */
const walled = <A>(kit: Kit, act: Parameters<Kit["act"]>[0]): Promise<Outcome<A>> =>
  kit.act((channel) =>
    Effect.provideService(act(channel), ChannelHttp, channelHttp({ egress: [], secrets: [] }, []))
  ) as Promise<Outcome<A>>

/** The hosts that a channel may call. */
export const EGRESS_CASES: ReadonlyArray<KitCase> = [
  {
    name: "the declared hosts are plain hosts, without scheme, path or wildcard",
    run: async (kit) => {
      for (const host of hostsOf(kit)) claim(HOST.test(host), `${show(host)} is no host`)
    }
  },
  {
    name: "every call of an order's life goes to a declared host, by http or https",
    run: async (kit) => {
      const hosts = hostsOf(kit)
      const from = kit.wire.calls.length
      const order = await kit.paid()
      claimDone(await kit.act((channel) => channel.query(order)), "a query")
      await kit.act((channel) => channel.close?.(order) ?? Effect.void)
      for (const { url } of kit.wire.calls.slice(from)) {
        claim(/^https?:\/\//.test(url), `the channel calls ${show(url)}`)
        claim(hosts.includes(new URL(url).host), `the channel calls ${new URL(url).host} and declares ${show(hosts)}`)
      }
    }
  },
  {
    name: "the declared hosts do not change from one look to the next",
    run: async (kit) => claimEqual(hostsOf(kit), hostsOf(kit), "the declared hosts")
  },
  {
    name: "a channel has no way out but ChannelHttp: where it reaches nobody, nothing arrives",
    run: async (kit) => {
      const order = kit.order()
      const before = kit.wire.calls.length
      const outcome = await walled(kit, (channel) => channel.charge(order))
      claim(
        (await kit.simulator.book(order.orderNo)) === undefined,
        "a charge arrived although ChannelHttp reached nobody: the channel has a way out of its own"
      )
      // A channel that computes its presentation needs no call.
      if (outcome._tag === "Success") claimEqual(kit.wire.calls.length, before, "calls of a charge that succeeded")
      claimUnanswered(await walled(kit, (channel) => channel.query(order)), "a query that reaches nobody")
    }
  },
  {
    name: "an account that points elsewhere is refused, or its egress says where it points",
    run: async (kit) => {
      const here = new Set(hostsOf(kit))
      const moved: unknown = JSON.parse(
        JSON.stringify(kit.simulator.account).replaceAll(/https?:\/\/[^/"\\]+/g, (origin) =>
          here.has(new URL(origin).host) ? "https://elsewhere.example" : origin
        )
      )
      if (JSON.stringify(moved) === JSON.stringify(kit.simulator.account)) return
      const outcome = await kit.check(moved)
      if (outcome._tag === "Failure") return
      const settings = Schema.decodeUnknownSync(kit.provider.account)(moved)
      const hosts = kit.provider.egress(settings, kit.gateway)
      claim(
        hosts.some((host) => host.startsWith("elsewhere.example")),
        `an account that points to elsewhere.example opens, and its egress says ${show(hosts)}`
      )
    }
  }
]
