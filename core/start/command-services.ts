import { Effect, Layer } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { StartRefused } from "../config/start-refused.ts"
import type { OperatorServices } from "../operator/operation.ts"
import { masterKeysOf } from "../secrets/master-key.ts"
import type { House } from "./processes/start.ts"
import { runningGatewayUrl } from "./running-gateway.ts"
import { operatorLayer } from "./services.ts"

/** The services of commands: on the running gateway's database, or on one started for the command. */
export const commandServices =
  (house: House) =>
  (config: GatewayConfig): Layer.Layer<OperatorServices, StartRefused> =>
    Layer.unwrap(
      Effect.gen(function* () {
        const masterKeys = yield* masterKeysOf(config)
        const channels = yield* Effect.tryPromise({
          try: () => house.channels(config),
          catch: (error) =>
            error instanceof StartRefused
              ? error
              : new StartRefused({ variable: "PAYHUB_CHANNELS", message: String(error) })
        })
        const localUrl = yield* Effect.promise(() => runningGatewayUrl(config))
        return operatorLayer({
          config,
          plugins: house.plugins(config, "command"),
          channels,
          masterKeys,
          urls: () => ({ localUrl, publicUrl: config.publicUrl ?? localUrl })
        })
      })
    )
