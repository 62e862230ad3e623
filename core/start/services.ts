import { Layer } from "effect"
import { type AnyProvider, Channels } from "../cashier/channels.ts"
import { SingleFlight } from "../cashier/key-lock.ts"
import { linkKeyOf, OWN_RECEIVER_PATH, Settings } from "../cashier/settings.ts"
import type { GatewayUrls } from "../channel/gateway-urls.ts"
import type { GatewayServices } from "../http/edge.ts"
import { Tables } from "../http/merchant/field-decoders.ts"
import { Background } from "../observe/background.ts"
import { Auth } from "../pipeline/auth/auth.ts"
import { MerchantDirectory } from "../pipeline/auth/merchant-directory.ts"
import { Notifier } from "../pipeline/notifier/notifier.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import { Replay } from "../pipeline/replay/replay.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { type MasterKeys, Vault } from "../secrets/vault.ts"
import type { GatewayConfig } from "./environment.ts"
import { type Plugin, StartRefused } from "./plugin.ts"

export interface ServicesOptions {
  readonly config: GatewayConfig
  readonly plugins: ReadonlyArray<Plugin>
  readonly channels: ReadonlyArray<AnyProvider>
  readonly masterKeys: MasterKeys
  readonly urls: () => GatewayUrls
}

/** The stores that the plugins bring; of two that bring the same, the later one. */
const storesOf = (plugins: ReadonlyArray<Plugin>) => {
  const slot = <K extends "persistence" | "throttleStore" | "replayStore">(name: K) =>
    plugins.map((plugin) => plugin[name]).findLast((layer) => layer !== undefined) ?? missing(name)
  return { persistence: slot("persistence"), throttleStore: slot("throttleStore"), replayStore: slot("replayStore") }
}

const missing = (name: string): never => {
  throw new StartRefused({ variable: "plugins", message: `No plugin brings ${name}.` })
}

/** What operator commands need: the store, the vault and the channels. */
export const operatorLayer = (options: ServicesOptions): Layer.Layer<Persistence | Vault | Channels, StartRefused> => {
  const { persistence } = storesOf(options.plugins)
  return Channels.layer(options.channels, options.urls).pipe(
    Layer.provideMerge(Layer.mergeAll(persistence, Vault.layer(options.masterKeys)))
  )
}

/** The five layers and what stands on them, composed. */
export const gatewayLayer = (options: ServicesOptions): Layer.Layer<GatewayServices, StartRefused> => {
  const { config, masterKeys, urls } = options
  const { persistence, throttleStore, replayStore } = storesOf(options.plugins)
  const settings = Layer.succeed(Settings, {
    config,
    urls,
    ownReceiver: () => urls().localUrl + OWN_RECEIVER_PATH,
    linkKey: linkKeyOf(masterKeys.current)
  })
  return Tables.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Auth.layer(),
        Replay.layer,
        Notifier.layer(config.timezone),
        Channels.layer(options.channels, urls),
        SingleFlight.layer
      )
    ),
    Layer.provideMerge(Layer.mergeAll(MerchantDirectory.layer, Throttle.layer(config.throttle))),
    // Drained before the stores below it are closed.
    Layer.provideMerge(Background.layer),
    Layer.provideMerge(Layer.mergeAll(persistence, throttleStore, replayStore, Vault.layer(masterKeys), settings))
  )
}
