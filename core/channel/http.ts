import { Context, type Effect } from "effect"
import type { ChannelRejected, ChannelUncertain } from "./errors.ts"

/** A request of a channel. Its bytes are sent exactly as given, because signatures cover them. */
export interface ChannelHttpRequest {
  readonly method: "GET" | "POST"
  /** Absolute http(s) URL whose host the provider's `egress` names. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Milliseconds until the call is given up as uncertain; the core's deadline of 15,000 applies where it is sooner. */
  readonly timeoutMs?: number
}

/** An answer of any status, in raw bytes, because signatures cover them. At most 1 MiB (bills: 64 MiB). */
export interface ChannelHttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/**
 * A channel's only I/O. The core supplies it with the egress list, the deadline, the recording for the order's
 * timeline (secrets scrubbed) and, in tests, the simulator. Redirects are not followed.
 * Fails with ChannelRejected only where no byte of the request was sent (the connection was refused, the name is
 * unknown); any later failure is ChannelUncertain.
 */
export class ChannelHttp extends Context.Service<
  ChannelHttp,
  {
    readonly send: (request: ChannelHttpRequest) => Effect.Effect<ChannelHttpAnswer, ChannelRejected | ChannelUncertain>
  }
>()("payhub/channel/ChannelHttp") {}
