import { inspect, isDeepStrictEqual } from "node:util"
import type { Result } from "effect"

/** A broken promise of the channel interface. The message is a sentence for the channel's author. */
export class Broken extends Error {
  override readonly name = "Broken"
}

export function claim(kept: boolean, sentence: string): asserts kept {
  if (!kept) throw new Broken(sentence)
}

export const claimEqual = (actual: unknown, expected: unknown, what: string): void =>
  claim(isDeepStrictEqual(actual, expected), `${what} should be ${show(expected)} and is ${show(actual)}`)

/** The outcome of an act: its value, or an error of its error channel. */
export type Outcome<A, E = Failure> = Result.Result<A, E>
export interface Failure {
  readonly _tag: string
  readonly message: string
  readonly why?: string
  readonly concerns?: string
}

export const claimDone = <A>(outcome: Outcome<A>, what: string): A => {
  claim(outcome._tag === "Success", `${what} should succeed and ended with ${describe(outcome)}`)
  return outcome.success
}

/** The outcome must be uncertain: no success, no definite no, and no bug of the channel. */
export const claimUncertain = (outcome: Outcome<unknown>, what: string): void => {
  claim(
    outcome._tag === "Failure" && outcome.failure._tag === "ChannelUncertain",
    `${what} leaves open what the provider did: it should end with ChannelUncertain and ended with ${describe(outcome)}`
  )
  claimNoDefect(outcome, what)
}

/** The outcome must be a failure of any kind, because there was no answer to rely on. */
export const claimUnanswered = (outcome: Outcome<unknown>, what: string): void => {
  claim(outcome._tag === "Failure", `${what} says nothing: it should fail and answered ${describe(outcome)}`)
  claimNoDefect(outcome, what)
}

export const claimNoDefect = (outcome: Outcome<unknown>, what: string): void =>
  claim(
    outcome._tag === "Success" || outcome.failure.why !== "defect",
    `${what} met a bug, the channel threw: ${outcome._tag === "Success" ? "" : outcome.failure.message}`
  )

export const describe = (outcome: Outcome<unknown>): string =>
  outcome._tag === "Success"
    ? show(outcome.success)
    : `${outcome.failure._tag}${outcome.failure.why === undefined ? "" : ` (${outcome.failure.why})`}`

export const show = (value: unknown): string => inspect(value, { depth: 4, breakLength: 120 }).slice(0, 300)
