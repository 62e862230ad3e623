import { Clock, Effect, Schema } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { ChannelRejected, ChannelUncertain } from "../channel/errors.ts"
import type { ChargeState } from "../channel/provider.ts"
import { newOrderNo } from "../domain/order-no.ts"
import { unsealSettings } from "./account-view.ts"
import { findAccount } from "./find.ts"
import { AccountId as id } from "./inputs.ts"
import { operation } from "./operation.ts"

export const channelTest = operation({
  name: "channel.test",
  summary: "Open an account and ask its provider about an order that does not exist: nothing is charged",
  permission: "accounts:write",
  scope: "gateway",
  positional: ["id"],
  input: Schema.Struct({ id }),
  output: Schema.Struct({ id: Schema.String, ok: Schema.Boolean, message: Schema.String }),
  succeeded: ({ ok }) => ok,
  run: Effect.fnUntraced(function* (_actor, input) {
    const channels = yield* Channels
    const stored = yield* findAccount(input.id)
    const problem = yield* unsealSettings(stored).pipe(
      Effect.flatMap(({ raw }) => channels.check(stored.provider, raw)),
      Effect.as(null),
      Effect.catchTag(["AccountInvalid", "VaultRefused"], (reason) => Effect.succeed(reason.message))
    )
    const opened = problem === null ? yield* channels.open(input.id) : null
    if (opened === null) {
      return { id: input.id, ok: false, message: `The account cannot be opened: ${problem ?? "see the log"}.` }
    }
    const createdAt = new Date(yield* Clock.currentTimeMillis)
    const orderNo = newOrderNo("QR", 0, createdAt.getTime())
    const { channel, provider } = opened
    const answer = yield* opened
      .act(
        () =>
          channel.query({
            orderNo,
            code: provider.products[0]?.code ?? "",
            amountFen: 1,
            createdAt,
            expiresAt: new Date(createdAt.getTime() + 1_800_000),
            reference: channel.reference?.({ orderNo, createdAt }) ?? {},
            channelTradeNo: null
          }),
        []
      )
      .pipe(Effect.map(describeState), Effect.catchTag(["ChannelRejected", "ChannelUncertain"], describeFailure))
    return { id: input.id, ...answer }
  })
})

const describeState = (state: ChargeState) =>
  state.state === "paid"
    ? { ok: false, message: "The provider answered, but says that an order that does not exist is paid." }
    : {
        ok: true,
        message: `The provider was reached and accepts the account (it says of an unknown order: ${state.state}).`
      }

const describeFailure = (failure: ChannelRejected | ChannelUncertain) =>
  Effect.succeed({
    ok: false,
    message:
      failure._tag === "ChannelRejected"
        ? `Refused: ${failure.reason}.`
        : {
            timeout: "The provider did not answer in time.",
            connection: `The connection to the provider failed${detail(failure)}.`,
            "bad-signature": `The provider answered, but not with a signature of the account's provider key${detail(failure)}.`,
            "server-error": `The provider was reached and reports an error of its own${detail(failure)}.`,
            unreadable: `The provider's answer does not follow its protocol${detail(failure)}.`,
            egress: `The channel called a host that it does not declare${detail(failure)}.`,
            defect: "The channel's own code failed; the log says where."
          }[failure.why]
  })

const detail = ({ detail }: ChannelUncertain): string => (detail === undefined ? "" : ` (${detail})`)
