import { type CashierError, FieldsInvalid } from "../../domain/errors.ts"
import type { Language } from "../../domain/language.ts"
import { FIELD_MESSAGES, type FieldFault, fieldAdvice, fieldOf } from "../merchant/field-messages.ts"
import { answerIn, answerTo, type ErrorAnswer } from "./answer.ts"
import { FRAMEWORK, type FrameworkName } from "./gateway.ts"
import { type Advice, casesOf, type Row } from "./row.ts"
import { ROWS } from "./rows.ts"

/*
 * The errors as the documentation shows them, made from the rows: each case has the gateway's own answer.
 */

/** An error as the documentation shows it, in one language. */
export interface CatalogueEntry extends ErrorAnswer {
  /** The error's name in the gateway's code: `DuplicateOrder`, `notFound`, `amount.missing`. */
  readonly name: string
  readonly cause: string
  readonly remedy: string
}

const EXAMPLE_REQUEST_ID = "req_0123456789abcdef01234567"

/** The documented cases of one error, at least one. */
export const errorEntries = (tag: CashierError["_tag"], language: Language): ReadonlyArray<CatalogueEntry> =>
  casesOf(ROWS[tag] as Row<CashierError>).map((one) => entry(tag, answerTo(one.error, reader(language)), one, language))

export const frameworkEntry = (name: FrameworkName, language: Language): CatalogueEntry =>
  entry(name, answerIn(FRAMEWORK[name], reader(language)), FRAMEWORK[name], language)

/** Every fault that a single field can have: all messages under 422. */
export const fieldEntries = (language: Language): ReadonlyArray<CatalogueEntry> =>
  (Object.keys(FIELD_MESSAGES) as ReadonlyArray<FieldFault>).map((fault) => {
    const error = new FieldsInvalid({ errors: [{ field: fieldOf(fault), messages: [fault] }] })
    return entry(fault, answerTo(error, reader(language)), fieldAdvice(fault), language)
  })

/** Every error except the faults of single fields, by status and within a status in the order of the checks. */
export const errorCatalogue = (language: Language): ReadonlyArray<CatalogueEntry> => {
  const tags = Object.keys(ROWS) as ReadonlyArray<CashierError["_tag"]>
  const names = Object.keys(FRAMEWORK) as ReadonlyArray<FrameworkName>
  return [
    ...tags.flatMap((tag) => errorEntries(tag, language)),
    ...names.map((name) => frameworkEntry(name, language))
  ].sort((a, b) => a.code - b.code)
}

const reader = (language: Language) => ({ language, requestId: EXAMPLE_REQUEST_ID })

const entry = (name: string, answer: ErrorAnswer, { cause, remedy }: Advice, language: Language): CatalogueEntry => ({
  name,
  ...answer,
  cause: cause[language],
  remedy: remedy[language]
})
