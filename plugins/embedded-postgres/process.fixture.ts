import process from "node:process"
import { Effect } from "effect"
import { StoreStatus } from "../../core/observe/store-status.ts"
import { embeddedPostgres } from "./index.ts"

/*
 * A gateway or a command in a process of its own, for the tests that kill it: bun process.fixture.ts gateway|command
 * DATA_FOLDER. It prints "ready", runs until its stdin ends, and prints "stopped".
 */
const [mode, dataFolder = ""] = process.argv.slice(2)
const { persistence } = embeddedPostgres({ dataFolder, mode: mode === "gateway" ? "gateway" : "command" })
if (persistence === undefined) throw new Error("no persistence")

await Effect.runPromise(
  Effect.gen(function* () {
    const store = yield* StoreStatus
    yield* store.ping()
    process.stdout.write("ready\n")
    yield* Effect.promise(() => new Promise((resolve) => process.stdin.on("end", resolve).resume()))
    // The store still works at the end, whichever other processes have come and gone.
    yield* store.ping()
  }).pipe(Effect.provide(persistence), Effect.scoped)
).catch((cause: unknown) => {
  process.stdout.write(`refused ${cause instanceof Error ? cause.message : String(cause)}\n`)
})
process.stdout.write("stopped\n")
process.exit(0)
