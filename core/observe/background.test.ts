import { expect, test } from "bun:test"
import { Context, Deferred, Effect, Exit, Layer, Logger, Scope } from "effect"
import { Background } from "./background.ts"

const opened = async (onLine: (line: string) => void = () => {}) => {
  const scope = await Effect.runPromise(Scope.make())
  const log = Logger.layer([Logger.make(({ message }) => onLine(String(message)))])
  const services = await Effect.runPromise(Layer.buildWithScope(Layer.merge(Background.layer, log), scope))
  return {
    run: <E>(effect: Effect.Effect<unknown, E>) =>
      Effect.runPromise(Effect.provideContext(Context.get(services, Background).run(effect), services)),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

test("the stop waits for work that was handed over before", async () => {
  const { run, close } = await opened()
  const goOn = await Effect.runPromise(Deferred.make<void>())
  const told: Array<string> = []
  await run(
    Effect.andThen(
      Deferred.await(goOn),
      Effect.sync(() => told.push("done"))
    )
  )
  const closing = close().then(() => told.push("closed"))
  await Effect.runPromise(Deferred.succeed(goOn, undefined))
  await closing
  expect(told).toEqual(["done", "closed"])
})

test("work that is handed over after the stop is still tried, and its failure is logged", async () => {
  const line = Promise.withResolvers<string>()
  const { run, close } = await opened(line.resolve)
  await close()
  await new Promise<void>((resolve) => void run(Effect.sync(resolve)))
  await run(Effect.fail("the store is closed"))
  expect(await line.promise).toContain("background work failed")
})
