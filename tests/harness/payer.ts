import { type Answer, type MerchantClient, textOf } from "./merchant-client.ts"
import { until } from "./until.ts"

/** Presses a button on the sandbox page behind the order's QR code: the payer pays or declines. */
export const actAsPayer = async (order: Answer, button: "pay" | "decline" = "pay"): Promise<void> => {
  const response = await fetch(textOf(order, "sourceQrCodeUrl"), {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: `action=${button}`
  })
  if (response.status !== 303) throw new Error(`the sandbox answered ${response.status}: ${await response.text()}`)
}

/** Queries the order until its status_name is `status`. @throws after `timeoutMs`, with the last answer */
export const becomes = async (
  client: MerchantClient,
  order: Answer,
  status: string,
  timeoutMs = 10_000
): Promise<Answer> => {
  const order_no = textOf(order, "order_no")
  let last = ""
  return until(
    `the order to become ${status}`,
    async () => {
      const answer = await client.orderQuery({ order_no })
      last = answer.text
      return answer.data?.status_name === status ? answer : undefined
    },
    { timeoutMs, why: () => last }
  )
}
