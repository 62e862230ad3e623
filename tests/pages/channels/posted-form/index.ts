import { Effect, Schema } from "effect"
import { CHANNEL_CODES, type ChannelProvider, ChannelUncertain, NoticeRefused } from "../../../../core/channel/index.ts"

const Account = Schema.Struct({ action: Schema.String })

/** A provider that wants its orders POSTed by the payer's browser, as UnionPay does; it answers nothing else. */
const postedForm: ChannelProvider<typeof Account.Type> = {
  id: "posted-form",
  products: [{ code: "unionpay_h5", ...CHANNEL_CODES.unionpay_h5 }],
  account: Account,
  egress: () => [],
  open: ({ action }) =>
    Effect.succeed({
      charge: ({ orderNo, amountFen }) =>
        Effect.succeed({
          kind: "form",
          action: `${action}?from=payhub`,
          fields: { orderId: orderNo, txnAmt: String(amountFen), note: `"quoted" <b>&amp; 中文` }
        }),
      query: () => Effect.fail(new ChannelUncertain({ why: "timeout" })),
      readNotice: () => Effect.fail(new NoticeRefused({ why: "unreadable" })),
      replies: {
        accepted: { status: 200, contentType: "text/plain", body: "ok" },
        refused: { status: 500, contentType: "text/plain", body: "fail" }
      }
    })
}
export default postedForm
