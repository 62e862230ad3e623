import type { CashierError } from "../../domain/errors.ts"
import type { Bilingual, Language } from "../../domain/language.ts"

/** The answer to an error, in both languages. Absent, `data` is null and `headers` are empty. */
export interface BilingualAnswer {
  /** The HTTP status, also the envelope's `code`. */
  readonly code: number
  readonly message: Bilingual
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly headers?: Readonly<Record<string, string>>
}

/** Why an error happens and what the merchant can do about it. */
export interface Advice {
  readonly cause: Bilingual
  readonly remedy: Bilingual
}

/** One way in which an error occurs, as the documentation shows it. */
interface Case<E> extends Advice {
  readonly error: E
}

/** An error that always has the same answer. */
type ConstantRow<E> = BilingualAnswer & Case<E>

/** An error whose answer depends on its fields, or that occurs in several ways. */
interface ComputedRow<E> {
  /** @param language for texts inside `data`; the message is always given in both languages */
  readonly answer: (error: E, language: Language) => BilingualAnswer
  readonly cases: readonly [Case<E>, ...ReadonlyArray<Case<E>>]
}

export type Row<E> = ConstantRow<E> | ComputedRow<E>

/** The documented ways in which a row's error occurs, at least one. */
export const casesOf = <E>(row: Row<E>): ReadonlyArray<Case<E>> => ("cases" in row ? row.cases : [row])

/** One row for each error of core/domain/errors.ts, by tag. */
export type Rows = { readonly [Tag in CashierError["_tag"]]: Row<Extract<CashierError, { readonly _tag: Tag }>> }

/** An error of the gateway's HTTP layer: it has no tag, because no use case fails with it. */
export type FrameworkRow = BilingualAnswer & Advice
