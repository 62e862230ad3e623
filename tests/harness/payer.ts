import { type Answer, type MerchantClient, textOf } from "./merchant-client.ts"

/** Presses a button of the sandbox page that the QR code opens: the payer pays, or declines. */
export const payer = async (order: Answer, button: "pay" | "decline" = "pay"): Promise<void> => {
  const response = await fetch(textOf(order, "sourceQrCodeUrl"), {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: `action=${button}`
  })
  if (response.status !== 303) throw new Error(`the sandbox answered ${response.status}: ${await response.text()}`)
}

/** Asks until the order's status_name is what it shall become; an error with the last answer after `timeoutMs`. */
export const becomes = async (
  client: MerchantClient,
  order: Answer,
  status: string,
  timeoutMs = 10_000
): Promise<Answer> => {
  const order_no = textOf(order, "order_no")
  for (const until = Date.now() + timeoutMs; ; ) {
    const answer = await client.orderQuery({ order_no })
    if (answer.data?.status_name === status) return answer
    if (Date.now() > until) throw new Error(`the order did not become ${status}: ${answer.text}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
