import { Context } from "effect"

/** The sandbox's waits, in milliseconds. A reference, so that a test can shorten them; an operator has no need to. */
export interface Delays {
  /** Before each further sending of a notice that the gateway did not take; as many as there are here. */
  readonly retryMs: ReadonlyArray<number>
  /** Until the gateway's answer to a notice is given up. */
  readonly noticeTimeoutMs: number
  /** Fault notice "late". */
  readonly lateNoticeMs: number
  /** Fault charge "late". */
  readonly lateChargeMs: number
  /** Fault charge "hang": longer than the core's deadline of 15 s, and not for ever. */
  readonly hangMs: number
  /** Fault close "late-payment": the core must have heard "closed" before. */
  readonly latePaymentMs: number
}

export const SandboxDelays = Context.Reference<Delays>("payhub/sandbox/Delays", {
  defaultValue: () => ({
    retryMs: [1_000, 3_000, 10_000],
    noticeTimeoutMs: 5_000,
    lateNoticeMs: 5_000,
    lateChargeMs: 3_000,
    hangMs: 20_000,
    latePaymentMs: 1_000
  })
})
