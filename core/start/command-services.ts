import { join } from "node:path"
import { Effect, Layer } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { StartRefused } from "../config/start-refused.ts"
import type { OperatorServices } from "../operator/operation.ts"
import { masterKeysOf } from "../secrets/master-key.ts"
import type { House } from "./processes/start.ts"
import { isDataFolder, type Project } from "./project.ts"
import { runningGateway } from "./running-gateway.ts"
import { operatorLayer } from "./services.ts"

/**
 * The services of commands: on the running gateway's database, or on one started for the command. Commands make neither
 * a database nor a master key: in the wrong folder, that would show an empty gateway beside the real one.
 */
export const commandServices =
  (house: House, { looked }: Project) =>
  (config: GatewayConfig): Layer.Layer<OperatorServices, StartRefused> =>
    Layer.unwrap(
      Effect.gen(function* () {
        if (config.databaseUrl === null && !isDataFolder(config.dataFolder)) {
          const where = [config.dataFolder, ...looked.map((folder) => join(folder, "data"))]
          return yield* new StartRefused({
            variable: "PAYHUB_DATA",
            message: `No gateway has been started on any of these folders: ${[...new Set(where)].join(", ")}. Start it once with \`payhub start\`, or set PAYHUB_DATA or DATABASE_URL.`
          })
        }
        const masterKeys = yield* masterKeysOf(config, "refuse")
        const channels = yield* Effect.tryPromise({
          try: () => house.channels(config),
          catch: (error) =>
            error instanceof StartRefused
              ? error
              : new StartRefused({ variable: "PAYHUB_CHANNELS", message: String(error) })
        })
        const urls = yield* Effect.promise(() => runningGateway(config))
        return operatorLayer({
          config,
          plugins: house.plugins(config, "command"),
          channels,
          masterKeys,
          urls: () => urls
        })
      })
    )
