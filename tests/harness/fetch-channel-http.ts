import { Effect, Layer } from "effect"
import { ChannelHttp, ChannelRejected, ChannelUncertain } from "../../core/channel/index.ts"

/**
 * ChannelHttp for tests of channels: plain fetch without an egress list, 5,000 ms at most. Like the real one it rejects on
 * a refused connection, is uncertain about everything after that, and follows no redirects.
 */
export const fetchChannelHttp: Layer.Layer<ChannelHttp> = Layer.succeed(ChannelHttp, {
  send: (request) =>
    Effect.tryPromise({
      try: async () => {
        const answer = await fetch(request.url, {
          method: request.method,
          headers: { ...request.headers },
          redirect: "manual",
          signal: AbortSignal.timeout(Math.min(request.timeoutMs ?? 5_000, 5_000)),
          ...(request.body === undefined ? {} : { body: bodyOf(request.body) })
        })
        return {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: new Uint8Array(await answer.arrayBuffer())
        }
      },
      catch: (error) => {
        // Bun puts the reason into `code`, Deno into the text of the cause.
        const text =
          error instanceof Error
            ? `${error.name} ${error.message} ${"code" in error ? error.code : ""} ${error.cause}`
            : ""
        if (/TimeoutError/.test(text)) return new ChannelUncertain({ why: "timeout" })
        return /ConnectionRefused|ECONNREFUSED|refused|Unable to connect/.test(text)
          ? new ChannelRejected({ reason: "connection refused" })
          : new ChannelUncertain({ why: "connection" })
      }
    })
})

/** Copies a Uint8Array over any buffer to one over an ArrayBuffer, as the types of fetch require. */
const bodyOf = (body: string | Uint8Array): string | Uint8Array<ArrayBuffer> =>
  typeof body === "string" ? body : new Uint8Array(body)
