import { Context, Effect, Layer, Semaphore } from "effect"

/** Runs effects that share a key one after the other, within this process. */
export class KeyLock extends Context.Service<
  KeyLock,
  { readonly withLock: <A, E, R>(key: string, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> }
>()("payhub/cashier/KeyLock") {
  static readonly layer: Layer.Layer<KeyLock> = Layer.sync(KeyLock, () => {
    const held = new Map<string, { readonly lock: Semaphore.Semaphore; users: number }>()
    return KeyLock.of({
      withLock: (key, effect) =>
        Effect.suspend(() => {
          const entry = held.get(key) ?? { lock: Semaphore.makeUnsafe(1), users: 0 }
          held.set(key, entry)
          entry.users++
          return entry.lock
            .withPermits(1)(effect)
            .pipe(
              Effect.ensuring(
                Effect.sync(() => {
                  if (--entry.users === 0) held.delete(key)
                })
              )
            )
        })
    })
  })
}
