import { readFileSync } from "node:fs"
import { Agent, request } from "node:http"

/*
 * The load generator for machines without wrk: the same work at several times its CPU cost.
 * Arguments: URL, connections, seconds, file (one JSON body a line), "once" or "again". Prints one line of JSON.
 */
const [url = "", connectionsText = "1", secondsText = "1", file = "", mode = "once"] = process.argv.slice(2)
const connections = Number(connectionsText)
const bodies = readFileSync(file, "utf8").split("\n").filter(Boolean)
const agent = new Agent({ keepAlive: true, maxSockets: connections })
const latenciesMs: Array<number> = []
let refused = 0
let broken = 0
let next = 0

const once = (body: string): Promise<void> =>
  new Promise((done) => {
    const startedMs = performance.now()
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      response.resume()
      response.once("end", () => {
        latenciesMs.push(performance.now() - startedMs)
        if (response.statusCode !== 200) refused++
        done()
      })
    })
    sent.once("error", () => {
      broken++
      done()
    })
    sent.end(body)
  })

const startedMs = performance.now()
const endsMs = startedMs + Number(secondsText) * 1000
const client = async (): Promise<void> => {
  while (performance.now() < endsMs) {
    if (next >= bodies.length) {
      if (mode === "once") return
      next = 0
    }
    await once(bodies[next++] ?? "")
  }
}
await Promise.all(Array.from({ length: connections }, client))
const seconds = (performance.now() - startedMs) / 1000
latenciesMs.sort((a, b) => a - b)
const at = (share: number) => latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0
console.log(
  JSON.stringify({
    requests: latenciesMs.length,
    seconds,
    refused,
    broken,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: latenciesMs.at(-1) ?? 0
  })
)
agent.destroy()
