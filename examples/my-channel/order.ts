import { createHmac, randomBytes } from "node:crypto"
import process from "node:process"

/*
 * Places a merchant's order, to try the channel with. Like a merchant's program, it imports nothing of the gateway:
 *
 *   bun examples/my-channel/order.ts http://127.0.0.1:8080 APP_ID APP_SECRET [FEN]
 */

const [gateway = "http://127.0.0.1:8080", app_id = "", secret = "", fen = "1234"] = process.argv.slice(2)

const order: Readonly<Record<string, string | number>> = {
  app_id,
  timestamp: Math.floor(Date.now() / 1000),
  nonce: randomBytes(12).toString("hex"),
  merchant_order_no: `TRY${randomBytes(8).toString("hex")}`,
  amount: Number(fen),
  channel_code: "MY_CHANNEL",
  notify_url: "https://shop.example.com/notify"
}
// Every parameter as key=value, sorted by key.
const signed = Object.keys(order)
  .sort()
  .map((key) => `${key}=${order[key]}`)
  .join("&")
const sign = createHmac("sha256", secret).update(signed).digest("hex")

const answer = await fetch(`${gateway}/api/cashier/qrcode-pay`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ ...order, sign })
})
process.stdout.write(`${await answer.text()}\n`)
