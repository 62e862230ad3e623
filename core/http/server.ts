/* What the gateway requires of the runtime that serves it. */

export interface ServeOptions {
  readonly hostname: string
  /** 0 = any free port. */
  readonly port: number
  /** Several processes may listen on one port and share its connections. */
  readonly reusePort: boolean
  /** Whether an address is a trusted proxy's, whose connections are many clients'. */
  readonly isProxy: (address: string) => boolean
  /** @param address the socket's address */
  readonly fetch: (request: Request, address: string) => Response | Promise<Response>
}

export interface Server {
  readonly port: number
  /** Stops listening and closes the open connections; the caller waits for requests under way before. */
  readonly stop: () => Promise<void>
}
