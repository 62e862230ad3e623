import { Context, Effect, Layer } from "effect"
import { Channels } from "../../cashier/channels.ts"
import { Settings } from "../../cashier/settings.ts"
import { fieldDecoder, jsapiPayInfoFields, orderQueryFields, qrcodePayFields, wechatJsPayFields } from "./fields.ts"

const decoders = (rules: Parameters<typeof qrcodePayFields>[0]) => ({
  qrcodePay: fieldDecoder(qrcodePayFields(rules)),
  wechatJsPay: fieldDecoder(wechatJsPayFields(rules)),
  orderQuery: fieldDecoder(orderQueryFields),
  jsapiPayInfo: fieldDecoder(jsapiPayInfoFields)
})

/** The field tables, made once for this gateway's rules and channels. */
export class Tables extends Context.Service<Tables, ReturnType<typeof decoders>>()("payhub/cashier/Tables") {
  static readonly layer: Layer.Layer<Tables, never, Channels | Settings> = Layer.effect(
    Tables,
    Effect.gen(function* () {
      const { config, ownReceiver } = yield* Settings
      const channels = yield* Channels
      return decoders({
        webhookAllow: config.webhookAllow,
        ownReceiver,
        channelCodes: channels.products.map(({ code }) => code)
      })
    })
  )
}
