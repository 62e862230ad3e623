import { Layer } from "effect"
import { AskLimit } from "../cashier/ask-limit.ts"
import { Bulkheads } from "../cashier/bulkheads.ts"
import { Channels } from "../cashier/channels.ts"
import { KeyLock } from "../cashier/key-lock.ts"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { type GatewayConfig, Settings } from "../config/gateway-config.ts"
import { type GatewayUrls, makeOwnUrl, OwnUrl } from "../config/own-url.ts"
import { StartRefused } from "../config/start-refused.ts"
import type { GatewayServices } from "../http/call.ts"
import { FieldDecoders } from "../http/merchant/field-decoders.ts"
import { Background } from "../observe/background.ts"
import type { OperatorServices } from "../operator/operation.ts"
import { Auth } from "../pipeline/auth/auth.ts"
import { MerchantDirectory } from "../pipeline/auth/merchant-directory.ts"
import { Notifier } from "../pipeline/notifier/notifier.ts"
import { Replay } from "../pipeline/replay/replay.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { LinkKey, linkKeyOf } from "../secrets/link-key.ts"
import { type MasterKeys, Vault } from "../secrets/vault.ts"
import type { Plugin } from "./plugin.ts"

export interface ServicesOptions {
  readonly config: GatewayConfig
  readonly plugins: ReadonlyArray<Plugin>
  readonly channels: ReadonlyArray<AnyProvider>
  readonly masterKeys: MasterKeys
  readonly urls: () => GatewayUrls
}

/** The stores that the plugins provide; if several provide the same, the last one's. */
const storesOf = (plugins: ReadonlyArray<Plugin>) => {
  const slot = <K extends "persistence" | "throttleStore" | "replayStore">(name: K) =>
    plugins.map((plugin) => plugin[name]).findLast((layer) => layer !== undefined) ?? missing(name)
  return { persistence: slot("persistence"), throttleStore: slot("throttleStore"), replayStore: slot("replayStore") }
}

const missing = (name: string): never => {
  throw new StartRefused({ variable: "plugins", message: `No plugin provides ${name}.` })
}

/** The services of operator commands: configuration, store, vault, channels and the gateway's addresses. */
export const operatorLayer = (options: ServicesOptions): Layer.Layer<OperatorServices, StartRefused> => {
  const { persistence } = storesOf(options.plugins)
  return Channels.layer(options.channels).pipe(Layer.provideMerge(Layer.mergeAll(persistence, ground(options))))
}

/** The gateway's services: the five layers and everything built on them. */
export const gatewayLayer = (options: ServicesOptions): Layer.Layer<GatewayServices, StartRefused> => {
  const { config } = options
  const { persistence, throttleStore, replayStore } = storesOf(options.plugins)
  return FieldDecoders.layer.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Auth.layer(),
        Replay.layer,
        Notifier.layer(config.timezone),
        Channels.layer(options.channels),
        KeyLock.layer,
        AskLimit.layer,
        Bulkheads.layer
      )
    ),
    Layer.provideMerge(Layer.mergeAll(MerchantDirectory.layer, Throttle.layer(config.throttle))),
    // Background work drains before the stores below are closed.
    Layer.provideMerge(Background.layer),
    Layer.provideMerge(Layer.mergeAll(persistence, throttleStore, replayStore, ground(options)))
  )
}

/** The services that need no others: the configuration, the keys and the gateway's own addresses. */
const ground = ({ config, masterKeys, urls }: ServicesOptions) =>
  Layer.mergeAll(
    Layer.succeed(Settings, config),
    Layer.succeed(OwnUrl, makeOwnUrl(urls)),
    Layer.succeed(LinkKey, linkKeyOf(masterKeys.current)),
    Vault.layer(masterKeys)
  )
