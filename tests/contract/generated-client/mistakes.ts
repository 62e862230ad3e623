import * as payhub from "#payhub-client"
import { type Credentials, findOrder, orderByQrCode, orderInWeChat } from "./merchant.ts"

/*
 * Mistakes that a merchant's compiler must refuse, each with the compiler's words. ../generated-client.test.ts compiles
 * this file as it is and without the expectations, to see that each line is refused for its own reason. It is never run.
 */

const order = { merchant_order_no: "1", amount: 1000 }

export const mistakes = async (shop: Credentials, paid: payhub.PaymentWebhook): Promise<void> => {
  // @ts-expect-error Property 'amount' is missing
  orderByQrCode(shop, { merchant_order_no: "1" })

  // @ts-expect-error 'boolean' is not assignable to type 'string | number'
  orderByQrCode(shop, { ...order, amount: true })

  // @ts-expect-error '"alipay_h6"' is not assignable to type
  orderByQrCode(shop, { ...order, channel_code: "alipay_h6" })

  // @ts-expect-error 'notifyUrl' does not exist in type
  orderByQrCode(shop, { ...order, notifyUrl: "https://shop.example.com/notify" })

  // @ts-expect-error '"3"' is not assignable to type
  orderInWeChat(shop, { ...order, isMiniPg: "3" })

  // @ts-expect-error missing the following properties from type 'QrcodePayRequest': app_id, timestamp, nonce, sign
  const answer = await payhub.qrcodePay(order)

  // @ts-expect-error Property 'qrCodeUrl' does not exist on type
  answer.data.data?.qrCodeUrl

  if (answer.status === 200) {
    // @ts-expect-error Property 'pay_url' does not exist on type 'QrcodePayData'
    answer.data.data.pay_url

    // @ts-expect-error Type 'number' is not assignable to type 'string'
    const yuan: string = answer.data.data.amount
    console.log(yuan)
  }

  // @ts-expect-error 'answer.data.data' is possibly 'null'
  if (answer.status === 400) answer.data.data.order_no

  // @ts-expect-error Property 'order_no' does not exist on type
  if (answer.status === 422) answer.data.data.order_no

  // @ts-expect-error have no overlap
  if (answer.status === 402) return

  const found = await findOrder(shop, {})

  // @ts-expect-error 'found.pay_time' is possibly 'null'
  if (found !== undefined) found.pay_time.slice(0, 10)

  // @ts-expect-error have no overlap
  if (found?.status === 5 || found?.status_name === "PAID") return

  // @ts-expect-error Property 'pay_token' does not exist on type 'PaymentWebhook'
  paid.pay_token

  // @ts-expect-error have no overlap
  if (paid.status === 0) return
}
