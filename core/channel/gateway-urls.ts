/** Where the gateway itself is reached: by payers and providers, and by itself. Without a trailing slash. */
export interface GatewayUrls {
  readonly publicUrl: string
  readonly localUrl: string
}
