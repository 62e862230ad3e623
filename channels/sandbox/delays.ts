import { Context } from "effect"

/** The sandbox's waits, in milliseconds. A reference, so that tests can shorten them; operators need no setting. */
export interface Delays {
  /** Waits before each repetition of a notice that the gateway did not accept; their number bounds the repetitions. */
  readonly retryMs: ReadonlyArray<number>
  /** Deadline of the gateway's answer to a notice. */
  readonly noticeTimeoutMs: number
  /** Fault notice "late". */
  readonly lateNoticeMs: number
  /** Fault charge "late". */
  readonly lateChargeMs: number
  /** Fault charge "hang": longer than the core's deadline of 15 s, but not endless. */
  readonly hangMs: number
  /** Fault close "late-payment": long enough for the core to hear "closed" first. */
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
