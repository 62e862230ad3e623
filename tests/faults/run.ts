import { parseArgs } from "node:util"
import { CRASH_POINTS, type CrashPoint } from "../../core/domain/crash-point.ts"
import type { Runtime } from "../harness/gateway.ts"
import { seeded } from "../harness/seeded.ts"
import { type GatewayUnderLoad, NOTHING_BROKEN, startUnderLoad, type Verdict } from "./gateway-under-load.ts"

/*
 * The long run: `bun tests/faults/run.ts --seeds 40 [--first 1] [--runtime bun|deno] [--minutes 30] [--beside 2]
 * [--kills 6]`. Each seed starts one gateway under load, kills it `--kills` times at crash points and passings that the
 * seed draws, starts it again each time, and judges once at the end. It prints a line for each seed and the figures at
 * the end; the exit code is 1 if a promise was broken. A seed repeats its draws, not the interleaving of processes.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    first: { type: "string", default: "1" },
    runtime: { type: "string", default: "bun" },
    minutes: { type: "string", default: "600" },
    /** Seeds that run at once. */
    beside: { type: "string", default: "1" },
    /** Kills of each seed's gateway. The verdict waits for a webhook's lease of 23 s, however many there are. */
    kills: { type: "string", default: "6" }
  }
})

const PASSING_MAX = 30
/** How long a gateway has to reach its crash point before it is killed wherever it is. */
const PATIENCE_MS = 6_000

interface Outcome {
  readonly seed: number
  readonly kills: ReadonlyArray<CrashPoint | "anywhere">
  readonly verdict: Verdict
}

const killOnce = async (
  underLoad: GatewayUnderLoad,
  point: CrashPoint,
  passing: number
): Promise<CrashPoint | "anywhere"> => {
  try {
    await underLoad.restart({ point, passing })
  } catch (error) {
    // Work that is due at the start may pass the crash point before the gateway listens.
    if (String(error).includes("ended with SIGKILL")) return point
    throw error
  }
  const expiring = setInterval(() => void underLoad.expireSome().catch(() => {}), 700)
  try {
    await underLoad.gateway.died(PATIENCE_MS)
    return point
  } catch {
    // `died` has killed it.
    await underLoad.gateway.kill()
    return "anywhere"
  } finally {
    clearInterval(expiring)
  }
}

const play = async (seed: number, runtime: Runtime): Promise<Outcome> => {
  const random = seeded(seed)
  const kills: Array<CrashPoint | "anywhere"> = []
  const underLoad = await startUnderLoad({ random: seeded(seed + 1_000_000), runtime, concurrent: 6, paceMs: 50 })
  try {
    for (let kill = 0; kill < Number(values.kills); kill++) {
      const point = CRASH_POINTS[Math.floor(random() * CRASH_POINTS.length)] ?? "order.stored"
      const seldom = point === "reconcile.closed-at-channel"
      const passing = 1 + Math.floor(random() * (seldom ? 3 : PASSING_MAX))
      kills.push(await killOnce(underLoad, point, passing))
    }
    await underLoad.restart()
    await underLoad.serves(20)
    return { seed, kills, verdict: await underLoad.verdict("reconcile") }
  } finally {
    await underLoad.close()
  }
}

const faults = ({ verdict }: Outcome): ReadonlyArray<string> =>
  Object.keys(NOTHING_BROKEN).flatMap((name) => {
    const list = verdict[name as keyof typeof NOTHING_BROKEN] as ReadonlyArray<unknown>
    return list.length === 0 ? [] : [`${name}: ${JSON.stringify(list)}`]
  })

const main = async (): Promise<void> => {
  const runtime: Runtime = values.runtime === "deno" ? "deno" : "bun"
  const endsAt = Date.now() + Number(values.minutes) * 60_000
  const outcomes: Array<Outcome> = []
  const failures: Array<string> = []
  const last = Number(values.first) + Number(values.seeds) - 1
  let next = Number(values.first)

  const worker = async (): Promise<void> => {
    while (next <= last && Date.now() < endsAt) {
      const seed = next++
      try {
        const outcome = await play(seed, runtime)
        outcomes.push(outcome)
        const broken = faults(outcome)
        for (const fault of broken) failures.push(`seed ${seed}: ${fault}`)
        const { placed, acknowledged, paid, delivered } = outcome.verdict
        const figures = `${placed} placed, ${acknowledged} acknowledged, ${paid} paid, ${delivered} delivered`
        console.log(`seed ${seed}  ${outcome.kills.join(" ")}  ${figures}  ${broken.length === 0 ? "well" : "BROKEN"}`)
        for (const fault of broken) console.log(`  ${fault}`)
      } catch (error) {
        failures.push(`seed ${seed}: ${String(error)}`)
        console.log(`seed ${seed}  BROKEN  ${String(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.beside) }, worker))

  const sum = (figure: (verdict: Verdict) => number) =>
    outcomes.reduce((total, { verdict }) => total + figure(verdict), 0)
  const byPoint: Record<string, number> = {}
  for (const kill of outcomes.flatMap(({ kills }) => kills)) byPoint[kill] = (byPoint[kill] ?? 0) + 1
  const doubled = (verdict: Verdict) =>
    verdict.breaches.filter(({ promise }) => /paid once|trade number|ledger/.test(promise)).length
  console.log(`\n${outcomes.length} seeds on ${runtime}`)
  console.log(`kills                  ${outcomes.flatMap(({ kills }) => kills).length}`)
  for (const point of [...CRASH_POINTS, "anywhere"]) console.log(`  ${point.padEnd(30)}${byPoint[point] ?? 0}`)
  console.log(`orders placed          ${sum((verdict) => verdict.placed)}`)
  console.log(`orders acknowledged    ${sum((verdict) => verdict.acknowledged)}`)
  console.log(`  of them lost         ${sum((verdict) => verdict.lost.length)}`)
  console.log(`orders paid            ${sum((verdict) => verdict.paid)}`)
  console.log(`  notices forgotten    ${sum((verdict) => verdict.forgotten.length)}`)
  console.log(`  payments unsettled   ${sum((verdict) => verdict.unsettled.length)}`)
  console.log(`  double credited      ${sum(doubled)}`)
  console.log(`  webhooks missing     ${sum((verdict) => verdict.webhooksMissing.length)}`)
  console.log(`  webhooks differing   ${sum((verdict) => verdict.webhooksWrong.length)}`)
  console.log(`refused, yet stored    ${sum((verdict) => verdict.refusedYetStored.length)}`)
  if (failures.length > 0) console.log(`\nBROKEN PROMISES\n${failures.join("\n")}`)
  process.exit(failures.length === 0 ? 0 : 1)
}

await main()
