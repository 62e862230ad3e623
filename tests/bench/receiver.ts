import { createServer, type RequestListener } from "node:http"
import { listenOnLoopback } from "../harness/loopback.ts"

/*
 * Merchants' servers for webhooks, one port each: the first ones answer at once, the last ones take a push and never
 * answer. Arguments: how many servers, and how many of them hang. Prints its control URL, where GET / answers the ports
 * and the arrivals and POST / forgets the arrivals.
 */
const [countText = "1", hangingText = "0"] = process.argv.slice(2)
const count = Number(countText)
const hanging = Number(hangingText)

/** Event id → Unix milliseconds of its first arrival at a server that answers. */
let arrivals = new Map<string, number>()

const answers: RequestListener = (request, response) => {
  const event = String(request.headers["x-payhub-event"])
  if (!arrivals.has(event)) arrivals.set(event, performance.timeOrigin + performance.now())
  request.resume()
  request.once("end", () => response.end("success"))
}
const hangs: RequestListener = (request) => void request.resume()

const listen = (listener: RequestListener): Promise<number> => listenOnLoopback(createServer(listener), 1_024)

const ports = await Promise.all(
  Array.from({ length: count }, (_, index) => listen(index < count - hanging ? answers : hangs))
)
const control = await listen((request, response) => {
  if (request.method === "POST") arrivals = new Map()
  response.end(JSON.stringify({ ports, arrivals: request.method === "POST" ? [] : [...arrivals] }))
})
console.log(`http://127.0.0.1:${control}/`)
