import { Context } from "effect"

/** The gateway's base URLs, for payers and providers and for itself, without a trailing slash. */
export interface GatewayUrls {
  readonly publicUrl: string
  readonly localUrl: string
}

/** The paths that the gateway both serves and hands out in URLs. */
export const OWN_PATHS = {
  /** A provider's notices for an account; the account's id follows. */
  notice: "/api/notice/",
  /** Where a provider sends the payer's browser back; the order's return token follows. */
  payReturn: "/pay/return/",
  /** The page of pay_url (contract section 6); `?token=` follows. */
  wechatPay: "/wechat-pay-invoke.html",
  /** A QR code as PNG; the signed content and `.png` follow. */
  qrCode: "/qr/",
  /** The demo merchant's webhook receiver. */
  demoReceiver: "/demo/webhook"
} as const

/** The gateway's own addresses, known once it listens; earlier calls throw. */
export class OwnUrl extends Context.Service<
  OwnUrl,
  {
    readonly urls: () => GatewayUrls
    /** Public URL to which a provider sends an account's notices. */
    readonly notice: (accountId: string) => string
    /** Public URL to which a provider sends the payer's browser back. */
    readonly payReturn: (returnToken: string) => string
    /** Public URL of a token's pay page. */
    readonly wechatPay: (token: string) => string
    /** Receiver of the demo's webhooks: this gateway's local URL. */
    readonly demoReceiver: () => string
  }
>()("payhub/config/OwnUrl") {}

export const makeOwnUrl = (urls: () => GatewayUrls): OwnUrl["Service"] => ({
  urls,
  notice: (accountId) => `${urls().publicUrl}${OWN_PATHS.notice}${accountId}`,
  payReturn: (returnToken) => urls().publicUrl + OWN_PATHS.payReturn + returnToken,
  wechatPay: (token) => `${urls().publicUrl}${OWN_PATHS.wechatPay}?token=${token}`,
  demoReceiver: () => urls().localUrl + OWN_PATHS.demoReceiver
})

/** The URL at which this machine reaches a listener: loopback for a wildcard host, IPv6 in brackets. */
export const localUrlOf = (host: string, port: number): string => {
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${port}`
}
