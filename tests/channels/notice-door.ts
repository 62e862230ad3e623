import { Effect } from "effect"
import { startSimulatorServer } from "../../channels/protocols/simulator/server.ts"
import type { Channel, Notice, NoticeRefused } from "../../core/channel/index.ts"

export interface NoticeDoor {
  readonly noticeUrl: string
  /** What readNotice made of each notice, in order. */
  readonly notices: Array<Notice | NoticeRefused>
  /** Resolves once `fact` holds; judged after every notice. */
  readonly until: (fact: () => boolean) => Promise<void>
  readonly stop: () => Promise<void>
}

/**
 * Opens an address for a channel's notices, which answers as the core does.
 * @param nowMs the gateway's clock
 */
export const openNoticeDoor = async (
  channel: Pick<Channel, "readNotice" | "replies">,
  nowMs: () => number = Date.now
): Promise<NoticeDoor> => {
  const notices: Array<Notice | NoticeRefused> = []
  const waiting = new Set<() => void>()
  const server = await startSimulatorServer(async ({ headers, body }) => {
    const raw = { method: "POST", headers, body, receivedAt: new Date(nowMs()) }
    const read = await Effect.runPromise(Effect.result(channel.readNotice(raw)))
    notices.push(read._tag === "Success" ? read.success : read.failure)
    for (const look of waiting) look()
    const reply = read._tag === "Success" ? channel.replies.accepted : channel.replies.refused
    return { status: reply.status, headers: { "content-type": reply.contentType }, body: reply.body }
  })
  return {
    noticeUrl: `${server.origin}/api/notice/acc_1`,
    notices,
    until: (fact) =>
      new Promise((resolve) => {
        const look = () => {
          if (!fact()) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    stop: server.stop
  }
}
