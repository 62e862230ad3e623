import { Effect } from "effect"
import { StoreUnavailable } from "../../../core/domain/errors.ts"
import type { WrittenEventKind } from "../../../core/domain/event.ts"
import type { Json } from "../../../core/domain/order.ts"
import type { OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import type { StoreSignal } from "../../../core/pipeline/persistence/store-signals.ts"
import type { Stored } from "../../../core/pipeline/persistence/stored.ts"
import type { Stores } from "../stores.ts"
import { makeTables, type Tables } from "./tables.ts"

/** A service's method: "orders.create". */
export type StoreMethod = { [S in keyof Stores]: `${S}.${keyof Stores[S] & string}` }[keyof Stores]

/** `away`: nothing was done. `answer-lost`: it was done, and nobody is told. */
export type StoreFault = "away" | "answer-lost"

/** What the in-memory services share. */
export interface MemoryStore {
  readonly tables: Tables
  /** Unix milliseconds by the clock that the services were built on. */
  readonly nowMs: () => number
  /** Does a method's work, all of it in one turn, unless a test has made its next call fail. */
  readonly act: <A>(method: StoreMethod, work: () => A) => Stored<A>
  /** Adds a line to an order's story. */
  readonly tell: (order: OrderKey, kind: WrittenEventKind, detail: Json, once?: string) => void
  readonly listeners: Set<(signal: StoreSignal) => void>
  readonly emit: (signal: StoreSignal) => void
}

/** What a test reads and breaks. */
export interface MemoryControls {
  readonly tables: Tables
  /** Makes the next calls of a method fail, each as named; answers how many of its faults are still to come. */
  readonly fail: (method: StoreMethod, ...faults: ReadonlyArray<StoreFault>) => () => number
}

/** Rows that a table's own checks refuse; nothing was done. */
export const refused = Effect.fail(new StoreUnavailable({ store: "memory" }))

/** @param nowMs Unix milliseconds */
export const makeStore = (tables: Tables, faults: Faults, nowMs: () => number): MemoryStore => {
  const listeners = new Set<(signal: StoreSignal) => void>()
  return {
    tables,
    nowMs,
    act: (method, work) =>
      Effect.suspend(() => {
        const fault = faults.get(method)?.shift()
        if (fault === "away") return refused
        const answer = work()
        return fault === undefined
          ? Effect.succeed(answer)
          : Effect.fail(new StoreUnavailable({ store: "memory", mayHaveHappened: true }))
      }),
    tell: ({ merchantId, orderNo }, kind, detail, once) => {
      tables.events.push({ merchantId, orderNo, at: new Date(nowMs()), kind, detail, once: once ?? null })
    },
    listeners,
    emit: (signal) => {
      for (const onSignal of listeners) onSignal(signal)
    }
  }
}

export type Faults = Map<StoreMethod, Array<StoreFault>>

export const makeControls = (): MemoryControls & { readonly faults: Faults } => {
  const faults: Faults = new Map()
  return {
    tables: makeTables(),
    faults,
    fail: (method, ...more) => {
      const toCome = [...(faults.get(method) ?? []), ...more]
      faults.set(method, toCome)
      return () => toCome.length
    }
  }
}
