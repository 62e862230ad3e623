import { connect, type Socket } from "node:net"
import { type MerchantClient, NOTIFY_URL, type Parameters, unique } from "./merchant-client.ts"

/** Orders that were sent at once and are answered one by one, or hang. */
export interface OrdersAtOnce {
  /** The merchant's numbers of the orders that were answered with this status. */
  readonly answered: (status: number) => ReadonlyArray<string>
  /** The bytes of the first answer with this status; "" = none. */
  readonly first: (status: number) => string
  /** How many are not answered yet. */
  readonly waiting: () => number
  readonly hangUp: () => void
}

/** Connections that are opened at a time, fewer than wait in a listener's backlog. */
const OPENED_AT_ONCE = 200

/**
 * Sends `count` orders of 10.00 yuan, each on a connection of its own: `fetch` would send 256 at a time. Resolves when
 * all are sent.
 * @param parameters added to each order
 */
export const sendOrdersAtOnce = async (
  origin: string,
  shop: MerchantClient,
  count: number,
  parameters: Parameters
): Promise<OrdersAtOnce> => {
  const sent: Array<{ readonly number: string; readonly socket: Socket; received: string }> = []
  const send = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(origin)
      const number = unique("ORD")
      const body = shop.body({ merchant_order_no: number, amount: 1000, notify_url: NOTIFY_URL, ...parameters })
      const socket = connect(Number(port), hostname)
      const order = { number, socket, received: "" }
      sent.push(order)
      socket.on("error", reject)
      socket.on("data", (chunk: Buffer) => {
        order.received += chunk.toString("latin1")
      })
      socket.once("connect", () => {
        socket.write(
          [
            "POST /api/cashier/qrcode-pay HTTP/1.1",
            `Host: ${hostname}:${port}`,
            "Content-Type: application/json",
            `Content-Length: ${Buffer.byteLength(body)}`,
            "Connection: close",
            "",
            body
          ].join("\r\n")
        )
        resolve()
      })
    })
  for (let from = 0; from < count; from += OPENED_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, count - from) }, send))
  }
  const isAnswered =
    (status: number) =>
    ({ received }: { readonly received: string }) =>
      received.startsWith(`HTTP/1.1 ${status} `)
  return {
    answered: (status) => sent.filter(isAnswered(status)).map(({ number }) => number),
    first: (status) => sent.find(isAnswered(status))?.received ?? "",
    waiting: () => sent.filter(({ received, socket }) => received === "" && !socket.destroyed).length,
    hangUp: () => {
      for (const { socket } of sent) socket.destroy()
    }
  }
}
