import { Context, Effect, FiberSet, Layer } from "effect"

/** How long the gateway's stop waits for what is still under way. */
const DRAIN = "20 seconds"

/**
 * Work that nobody waits for but that must not be lost when the gateway stops: recording what a channel answered,
 * pushes under way. Failures are logged.
 */
export class Background extends Context.Service<
  Background,
  { readonly run: <E>(effect: Effect.Effect<unknown, E>) => Effect.Effect<void> }
>()("payhub/pipeline/Background") {
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
          // A request may outlive the drain: the closed set would drop what it hands over without a word.
          return Effect.asVoid(isDrained ? Effect.forkDetach(work) : FiberSet.run(fibers, work))
        }
      })
    })
  )
}
