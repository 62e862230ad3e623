/** node demo.mjs demo: place an order, receive its verified webhook, query it. node demo.mjs verify: check stdin. */
import { once } from "node:events"
import { createServer } from "node:http"
import { buffer } from "node:stream/consumers"
import { PayHub, verify, yuan } from "./payhub.mjs"

const BODY_BYTES_MAX = 64 * 1024
const WAIT_MS = 60_000

const { PAYHUB_URL = "http://127.0.0.1:8080", PAYHUB_APP_ID, PAYHUB_APP_SECRET, RECEIVER_PORT = "0" } = process.env

/** Your orders table, by merchant_order_no. 你的订单表。 */
const orders = new Map()

/** The answer to a webhook: anything but 200 `success` makes PayHub push it again. 只有 200 + success 才算成功。 */
const receive = (body) => {
  const fields = verify(body, PAYHUB_APP_SECRET)
  if (fields === null) return [401, "bad signature"]
  const order = orders.get(fields.merchant_order_no)
  if (order === undefined || (order.orderNo !== null && order.orderNo !== fields.order_no))
    return [404, "unknown order"]
  if (fields.status !== 1 || fields.amount !== yuan(order.amount)) return [400, "status or amount does not match"]
  // The same webhook may come again: deliver the goods once per order_no. 幂等:同一订单只发货一次。
  // SQL: UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW', then ship when one row changed.
  if (order.state === "NEW") {
    order.state = "PAID"
    order.orderNo = fields.order_no
  }
  return [200, "success"]
}

/** The raw body, or null if it is too large; its rest is read and dropped. */
const readBody = async (request) => {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk)
  }
  return bytes <= BODY_BYTES_MAX ? Buffer.concat(chunks) : null
}

const demo = async () => {
  const client = new PayHub({ url: PAYHUB_URL, appId: PAYHUB_APP_ID, appSecret: PAYHUB_APP_SECRET })
  let onPaid = () => {}
  const paid = new Promise((resolve) => {
    onPaid = resolve
  })
  const server = createServer(async (request, response) => {
    try {
      const body = await readBody(request)
      const [status, text] = body === null ? [413, "body too large"] : receive(body)
      // Paid when the answer has left, because the demo then exits. 先应答再退出。
      const answered = () => status === 200 && onPaid()
      response.writeHead(status, { "Content-Type": "text/plain" }).end(text, answered)
    } catch {
      response.destroy() // the sender closed the connection
    }
  })
  server.listen(Number(RECEIVER_PORT), "127.0.0.1")
  await once(server, "listening")
  const notify_url = `http://127.0.0.1:${server.address().port}/payhub/notify`

  // Store the order before you place it: the webhook may arrive before the answer. 先落库再下单,回调可能先到。
  const merchant_order_no = `NODE${Date.now()}${process.pid}`
  const order = { amount: 1000, orderNo: null, state: "NEW" } // fen 单位:分
  orders.set(merchant_order_no, order)
  const { amount } = order
  const note = "Node 示例"
  const made = await client.qrcodePay({ merchant_order_no, amount, notify_url, note, extra: "a/b&c=d 中文" })
  if (made.code !== 200) throw new Error(`${made.code} ${made.message}`)
  const { order_no, sourceQrCodeUrl } = made.data
  order.orderNo = order_no
  console.log(`NOTIFY_URL ${notify_url}\nPAY ${sourceQrCodeUrl}\nORDER_NO ${order_no}`)

  const tooLate = setTimeout(() => fail(`no webhook in ${WAIT_MS / 1000} s`), WAIT_MS)
  await paid
  clearTimeout(tooLate)
  const { data } = await client.orderQuery({ order_no })
  if (data?.status_name !== "PAID") throw new Error(`the query says ${data?.status_name}`)
  console.log(`PAID ${data.amount}`)
  server.close()
  server.closeAllConnections()
}

const fail = (message, code = 1) => {
  console.error(message)
  process.exit(code)
}

const needed = (name) => {
  if (!process.env[name]) fail(`${name} is not set`, 2)
}

const command = process.argv[2]
if (command === "demo") {
  needed("PAYHUB_APP_ID")
  needed("PAYHUB_APP_SECRET")
  // fetch says only "fetch failed"; its cause says why.
  await demo().catch((error) =>
    fail(error.cause ? `PayHub does not answer at ${PAYHUB_URL}: ${error.cause.message}` : error.message)
  )
} else if (command === "verify") {
  needed("PAYHUB_APP_SECRET")
  process.exitCode = verify(await buffer(process.stdin), PAYHUB_APP_SECRET) === null ? 1 : 0
} else {
  console.error("usage: node demo.mjs demo|verify")
  process.exitCode = 2
}
