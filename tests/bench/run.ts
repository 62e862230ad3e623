#!/usr/bin/env bun
import { writeFile } from "node:fs/promises"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { chartSvg } from "./chart.ts"
import { runHanging } from "./hanging.ts"
import { runIdleBodies } from "./idle-bodies.ts"
import { hasWrk } from "./load.ts"
import { machine } from "./measure.ts"
import { isReference, referenceTool } from "./references.ts"
import { type GatewayChoice, type Rig, type Store, startRig } from "./rig.ts"
import { runScale } from "./scale.ts"
import { runSoak } from "./soak.ts"
import { numberText, tableText } from "./table.ts"
import { nameOf, type Result, runThroughput } from "./throughput.ts"
import { runWebhooks } from "./webhooks.ts"

const USAGE = `bun run bench [throughput] [--quick] [--json FILE] [--chart FILE.svg]
                            [--runtime bun,deno] [--store memory,redis] [--workers 1,2] [--connections 1,16,64,256]
                            [--rounds N] [--seconds N] [--profile FOLDER] [--against CHECKOUT]
bun run bench scale    [--quick] [--json FILE]    10 thousand, a million, ten million orders
bun run bench webhooks [--quick] [--json FILE]
bun run bench hanging  [--quick] [--json FILE] [--runtime bun,deno] [--orders N] [--rounds N] [--seconds N]
bun run bench soak     [--minutes N] [--json FILE]
bun run bench idle-bodies [--quick] [--json FILE] [--runtime bun,deno] [--connections N] [--rounds N] [--seconds N]`

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const print = (text: string): void => void process.stdout.write(`${text}\n`)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    chart: { type: "string" },
    runtime: { type: "string", default: "bun,deno" },
    store: { type: "string", default: "memory,redis" },
    workers: { type: "string", default: "1,2" },
    connections: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    profile: { type: "string" },
    against: { type: "string" },
    orders: { type: "string", default: "2000" },
    minutes: { type: "string", default: "10" },
    help: { type: "boolean", default: false }
  }
})

const runtimes = values.runtime.split(",").filter((name) => name === "bun" || name === "deno")

const throughput = async (rig: Rig): Promise<unknown> => {
  const stores = values.store
    .split(",")
    .filter((name): name is Store => name === "memory" || (name === "redis" && rig.redis !== undefined))
  if (rig.redis === undefined && values.store.includes("redis")) say("no redis-server on PATH: without it")
  // One .cpuprofile for each process that ends: the gateway's is the largest; Chromium's DevTools show it.
  const env: Record<string, string> =
    values.profile === undefined ? {} : { BUN_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(values.profile)}` }
  const checkouts = values.against === undefined ? [{}] : [{}, { checkout: resolve(values.against) }]
  const workers = values.workers.split(",").map(Number)
  const gateways = runtimes.flatMap((runtime) =>
    stores.flatMap((store) =>
      checkouts.flatMap((checkout) =>
        // Workers share one port, which Bun can, and count on Redis together.
        (runtime === "bun" && store === "redis" ? workers : [1]).map(
          (count): GatewayChoice => ({ runtime, store, env, workers: count, ...checkout })
        )
      )
    )
  )
  const connections = (values.connections ?? (values.quick ? "1,64" : "1,16,64,256")).split(",").map(Number)
  const seconds = Number(values.seconds ?? (values.quick ? 3 : 5))
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
  const results = await runThroughput(rig, { gateways, connections, seconds, rounds, say })
  print(throughputTable(results))
  if (values.chart !== undefined) {
    const creates = results.filter(({ operation }) => operation === "create" || isReference(operation))
    const { cpu, cores } = machine()
    const footnote = `${rounds} × ${seconds} s each, interleaved, medians; durable commits; PostgreSQL, gateway and generator share ${cores} cores (${cpu})`
    await writeFile(values.chart, chartSvg(creates, "Orders: stored durably, charged, answered", footnote))
  }
  return results
}

const throughputTable = (results: ReadonlyArray<Result>): string => {
  const ratios = [...new Set(results.flatMap((result) => Object.keys(result.ratios)))]
  const head = [
    ...[
      "c",
      "what",
      "does",
      "per second",
      "p50 ms",
      "p99 ms",
      "µs CPU",
      "cpu gw",
      "cpu pg",
      "cpu redis",
      "cpu gen",
      "MB gw",
      "MB pg"
    ],
    ...ratios.map((name) => `× ${name}`)
  ]
  const rows = results.map((result) => {
    const last = result.rounds.at(-1)
    const { cpu, memory } = last ?? { cpu: undefined, memory: undefined }
    return [
      String(result.connections),
      nameOf(result.subject),
      result.operation,
      numberText(result.perSecond),
      numberText(result.p50Ms, 2),
      numberText(result.p99Ms, 2),
      numberText(result.cpuMicros),
      numberText(cpu?.gateway, 1),
      numberText(cpu?.postgres, 1),
      numberText(cpu?.redis, 1),
      numberText(cpu?.generator, 1),
      numberText(memory?.gateway),
      numberText(memory?.postgres),
      ...ratios.map((name) => numberText(result.ratios[name], 2))
    ]
  })
  return tableText(head, rows)
}

const commands: Readonly<Record<string, (rig: Rig) => Promise<unknown>>> = {
  throughput,
  scale: (rig) =>
    runScale(rig, { sizes: values.quick ? [10_000, 1_000_000] : [10_000, 1_000_000, 10_000_000], say, print }),
  webhooks: (rig) => runWebhooks(rig, { seconds: values.quick ? 12 : 60, say, print }),
  hanging: (rig) =>
    runHanging(rig, {
      runtimes,
      orders: Number(values.orders),
      rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
      seconds: Number(values.seconds ?? (values.quick ? 3 : 8)),
      say,
      print
    }),
  soak: (rig) => runSoak(rig, { minutes: Number(values.minutes), say, print }),
  "idle-bodies": (rig) =>
    runIdleBodies(rig, {
      runtimes: runtimes,
      crowd: Number(values.connections ?? (values.quick ? 1_000 : 4_200)),
      seconds: Number(values.seconds ?? (values.quick ? 2 : 5)),
      rounds: Number(values.rounds ?? (values.quick ? 1 : 3)),
      say,
      print
    })
}

const main = async (): Promise<number> => {
  const [name = "throughput"] = positionals
  const command = commands[name]
  if (command === undefined || values.help) {
    print(USAGE)
    return values.help ? 0 : 2
  }
  const before = machine()
  const rig = await startRig()
  try {
    const tools = { generator: hasWrk() ? "wrk" : "node:http", reference: referenceTool() }
    print(`${before.cpu}, ${before.cores} cores, ${before.memoryGb} GB, load ${before.loadAverage.toFixed(2)}`)
    print(
      Object.entries(rig.settings)
        .map(([setting, value]) => `${setting}=${value}`)
        .join(" ")
    )
    print(`load by ${tools.generator}, reference by ${tools.reference}\n`)
    const results = await command(rig)
    if (values.json !== undefined) {
      const document = {
        command: name,
        at: new Date().toISOString(),
        machine: before,
        postgres: rig.settings,
        tools,
        results
      }
      await writeFile(values.json, `${JSON.stringify(document, null, 2)}\n`)
    }
    return 0
  } finally {
    await rig.stop()
  }
}

process.exitCode = await main()
