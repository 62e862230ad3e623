import { Context, Effect, FiberSet, Layer } from "effect"

/** How long the gateway's stop waits for work that is still under way. */
const DRAIN = "20 seconds"

/**
 * Runs work that no request waits for but that must not be lost when the gateway stops: recording a channel's answer,
 * pushing webhooks. Failures are logged.
 */
export class Background extends Context.Service<
  Background,
  { readonly run: <E>(effect: Effect.Effect<unknown, E>) => Effect.Effect<void> }
>()("payhub/observe/Background") {
  static readonly layer: Layer.Layer<Background> = Layer.effect(
    Background,
    Effect.gen(function* () {
      const fibers = yield* FiberSet.make<unknown, never>()
      let isDrained = false
      yield* Effect.addFinalizer(() =>
        FiberSet.awaitEmpty(fibers).pipe(
          Effect.timeoutOption(DRAIN),
          Effect.andThen(
            Effect.sync(() => {
              isDrained = true
            })
          )
        )
      )
      return Background.of({
        run: (effect) => {
          const work = Effect.catchCause(effect, (cause) => Effect.logError("background work failed", cause))
          // A request may outlive the drain, and the closed set would silently drop the work it hands over.
          return Effect.asVoid(isDrained ? Effect.forkDetach(work) : FiberSet.run(fibers, work))
        }
      })
    })
  )
}
