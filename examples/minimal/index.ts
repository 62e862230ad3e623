/** A gateway in a dozen lines: embedded PostgreSQL, throttle and nonces in the process, the sandbox as its channel. */
import process from "node:process"
import { Effect, Redacted } from "effect"
import sandbox from "../../channels/sandbox/index.ts"
import { readConfig } from "../../core/start/environment.ts"
import { createGateway } from "../../core/start/gateway.ts"
import { embeddedPostgres } from "../../plugins/embedded-postgres/index.ts"
import { memory } from "../../plugins/memory/index.ts"

const config = await Effect.runPromise(readConfig(process.env))
const database = embeddedPostgres({ dataFolder: config.dataFolder, mode: "gateway" })
const gateway = await createGateway({ config, plugins: [memory, database], channels: [sandbox] })

console.log(`PayHub listening on ${gateway.url}`)
if (gateway.firstMerchant !== null) {
  console.log(`${gateway.firstMerchant.app_id} ${Redacted.value(gateway.firstMerchant.app_secret)}`)
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => gateway.stop().then(() => process.exit(0)))
