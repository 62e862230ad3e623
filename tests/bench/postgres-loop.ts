import postgres from "postgres"

/*
 * The reference for machines without pgbench: the gateway's own driver, each connection running one statement after the
 * other. Its argument is JSON (references.ts); it prints one line of JSON.
 */
const task = JSON.parse(process.argv[2] ?? "{}") as {
  readonly url: string
  readonly statements: ReadonlyArray<string>
  readonly connections: number
  readonly seconds: number
  readonly draw: { readonly from: number; readonly to: number }
  readonly merchant: number
}
const sql = postgres(task.url, { max: task.connections, fetch_types: false })
const latenciesMs: Array<number> = []
const startedMs = performance.now()
const endsMs = startedMs + task.seconds * 1000

const client = async (): Promise<void> => {
  while (performance.now() < endsMs) {
    const n = String(Math.floor(task.draw.from + Math.random() * (task.draw.to - task.draw.from)))
    const beganMs = performance.now()
    for (const text of task.statements) {
      await sql.unsafe(text, [n, task.merchant], { prepare: true })
    }
    latenciesMs.push(performance.now() - beganMs)
  }
}
await Promise.all(Array.from({ length: task.connections }, client))
const seconds = (performance.now() - startedMs) / 1000
await sql.end()
latenciesMs.sort((a, b) => a - b)
const at = (share: number) => latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0
const [p50Ms, p99Ms, maxMs] = [at(0.5), at(0.99), latenciesMs.at(-1) ?? 0]
console.log(JSON.stringify({ requests: latenciesMs.length, seconds, refused: 0, broken: 0, p50Ms, p99Ms, maxMs }))
