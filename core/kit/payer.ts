import type { PayerIdentity } from "../channel/provider.ts"
import { claim, claimDone, claimEqual, claimUnanswered, describe, type Outcome, show } from "./claim.ts"
import type { Act, Kit, KitCase } from "./kit.ts"

const REDIRECT_URL = "https://pay.example.com/wechat/callback?token=a%26b&lang=zh"
const STATE = "KitState0123456789"
const OPENID = "oKitPayer0123456789abcdefghi"

type Identify = (code: string) => Promise<Outcome<{ readonly openid: string }>>
interface Login {
  readonly url: string
  /** Returns a fresh code of the payer; undefined = the simulator has no login. */
  readonly code: () => Promise<string | undefined>
  readonly identify: Identify
}

/** A case about channels that identify the payer; it passes for other channels. */
const payerCase = (name: string, run: (kit: Kit, login: Login) => Promise<void>): KitCase => ({
  name,
  run: async (kit) => {
    const payer: PayerIdentity | undefined = kit.channel.payer
    if (payer === undefined) return
    const redirectUrl = kit.simulator.gateway === undefined ? REDIRECT_URL : `${kit.gateway.publicUrl}/back?a=1`
    const url = payer.authorizeUrl({ redirectUrl, state: STATE, appId: null })
    await run(kit, {
      url,
      code: async () => kit.simulator.login?.(url, OPENID),
      identify: (code) =>
        kit.act(() => payer.identify({ code, miniProgram: false, appId: null }) as Act<{ readonly openid: string }>)
    })
  }
})

/** Identifying the payer (JSAPI). */
export const PAYER_CASES: ReadonlyArray<KitCase> = [
  payerCase("the login page is an absolute URL that carries the state and the way back", async (kit, { url }) => {
    claim(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), `the login page is ${show(url)}`)
    claim(url.includes(STATE), "the login page's URL does not carry the state")
    claim(
      url.includes(encodeURIComponent(`${new URL(kit.gateway.publicUrl).origin}/`)),
      "the way back is not in the URL"
    )
  }),
  payerCase("a fresh code names the payer, the same one every time", async (_kit, { code, identify }) => {
    const codes = [await code(), await code()]
    const openids: Array<string> = []
    for (const one of codes)
      if (one !== undefined) openids.push(claimDone(await identify(one), "a fresh login code").openid)
    for (const openid of openids) claim(/^\S{1,128}$/.test(openid), `the openid is ${show(openid)}`)
    claimEqual(new Set(openids).size <= 1, true, "that two codes of one payer name one openid")
  }),
  payerCase("a code that was used already names nobody", async (_kit, { code, identify }) => {
    const one = await code()
    if (one === undefined) return
    await identify(one)
    const outcome = await identify(one)
    claim(outcome._tag === "Failure", `a used code names ${describe(outcome)}`)
  }),
  payerCase("a code that nobody issued names nobody", async (_kit, { identify }) => {
    for (const code of ["", "nobody-issued-this", "a&b=c", "x".repeat(2_000)])
      claimUnanswered(await identify(code), `the code ${show(code.slice(0, 30))}`)
  }),
  {
    name: "a payer whom the provider does not know is refused as such, and another payer is charged under the same number",
    run: async (kit) => {
      const { stranger } = kit.simulator
      const product = kit.provider.products.find(({ flow }) => flow === "jsapi")
      if (stranger === undefined || product === undefined) return
      const order = kit.order({ code: product.code })
      const jsapi = { appId: null, openid: stranger, miniProgram: false }
      const outcome = await kit.act((channel) => channel.charge({ ...order, jsapi }))
      const concerns = outcome._tag === "Failure" ? outcome.failure.concerns : undefined
      claim(
        outcome._tag === "Failure" && outcome.failure._tag === "ChannelRejected" && concerns === "payer",
        `the refusal of an unknown openid should be ChannelRejected with concerns "payer"; it is ${describe(outcome)}${
          concerns === undefined ? "" : ` with concerns "${concerns}"`
        }: the order of the right payer must not end by it`
      )
      claimDone(await kit.act((channel) => channel.charge(order)), "the charge of the right payer")
    }
  },
  payerCase("a login that meets a fault names nobody", async (kit, { code, identify }) => {
    for (const fault of ["lost-request", "http-500", "garbage", "empty", "empty-object", "null", "giant"] as const) {
      const one = await code()
      if (one === undefined) return
      kit.wire.next(fault)
      const outcome = await identify(one)
      kit.wire.clear()
      claimUnanswered(outcome, `a login that meets ${fault}`)
    }
  })
]
