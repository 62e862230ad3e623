import { Effect, Layer } from "effect"
import { ChannelHttp, ChannelRejected, ChannelUncertain } from "../../core/channel/index.ts"

/**
 * ChannelHttp for tests of channels: plain fetch, no egress list, 5,000 ms at most. It keeps the real one's promise:
 * a refused connection is a definite no, everything after that is uncertain, and redirects are not followed.
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
        // Bun names it in `code`, Deno in the cause's words.
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

/** A Uint8Array over any buffer → over its own ArrayBuffer, which is what fetch's types ask for. */
const bodyOf = (body: string | Uint8Array): string | Uint8Array<ArrayBuffer> =>
  typeof body === "string" ? body : new Uint8Array(body)
