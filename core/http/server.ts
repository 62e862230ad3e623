/* What the gateway asks of whichever runtime serves it. */

export interface ServeOptions {
  readonly hostname: string
  /** 0 = any free port. */
  readonly port: number
  /** Several processes may listen on one port and share its connections. */
  readonly reusePort: boolean
  /** @param address the socket's address */
  readonly fetch: (request: Request, address: string) => Response | Promise<Response>
}

export interface Server {
  readonly port: number
  /** Takes no more connections and ends those that are open. Wait for requests under way before. */
  readonly stop: () => Promise<void>
}
