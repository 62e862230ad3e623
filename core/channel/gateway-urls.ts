/** The gateway's addresses: for payers and providers, and for itself. Without a trailing slash. */
export interface GatewayUrls {
  readonly publicUrl: string
  readonly localUrl: string
}
