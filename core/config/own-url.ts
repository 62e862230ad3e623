import { Context } from "effect"

/** Where the gateway itself is reached: by payers and providers, and by itself. Without a trailing slash. */
export interface GatewayUrls {
  readonly publicUrl: string
  readonly localUrl: string
}

/** The paths that the gateway serves and hands out; what serves a path and what links it both read it here. */
export const OWN_PATHS = {
  /** A provider's notices for an account: followed by the account's id. */
  notice: "/api/notice/",
  /** Where a provider sends the payer's browser back. */
  payReturn: "/pay/return",
  /** What pay_url opens (contract section 6): `?token=` follows. */
  wechatPay: "/wechat-pay-invoke.html",
  /** A QR code as PNG: followed by the sealed content and `.png`. */
  qrCode: "/qr/",
  /** The demo merchant's webhook receiver. */
  demoReceiver: "/demo/webhook"
} as const

/** The gateway's own addresses. They are known once it listens: earlier calls throw. */
export class OwnUrl extends Context.Service<
  OwnUrl,
  {
    readonly urls: () => GatewayUrls
    /** Where a provider sends an account's notices. */
    readonly notice: (accountId: string) => string
    readonly payReturn: () => string
    /** The pay page of a token, public. */
    readonly wechatPay: (token: string) => string
    /** Where the demo's webhooks go: this gateway, by loopback. */
    readonly demoReceiver: () => string
  }
>()("payhub/config/OwnUrl") {}

export const makeOwnUrl = (urls: () => GatewayUrls): OwnUrl["Service"] => ({
  urls,
  notice: (accountId) => `${urls().publicUrl}${OWN_PATHS.notice}${accountId}`,
  payReturn: () => urls().publicUrl + OWN_PATHS.payReturn,
  wechatPay: (token) => `${urls().publicUrl}${OWN_PATHS.wechatPay}?token=${token}`,
  demoReceiver: () => urls().localUrl + OWN_PATHS.demoReceiver
})

/** The URL at which this machine reaches a listener: loopback for a wildcard host, IPv6 in brackets. */
export const localUrlOf = (host: string, port: number): string => {
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`
}
