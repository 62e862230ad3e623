import process from "node:process"
import { text } from "node:stream/consumers"
import { type PushResult, pushWebhook } from "../../core/pipeline/notifier/push.ts"

/** A push to try. The program reads an array of them as JSON from stdin and writes the PushResults to stdout. */
export interface Attempt {
  readonly url: string
  readonly allow: ReadonlyArray<string>
  readonly own: string
  /** The resolver's answers, one for each time it is asked, the last one from then on; default: the system's resolver. */
  readonly answers?: ReadonlyArray<ReadonlyArray<string>>
}

if (import.meta.main) {
  const attempts = JSON.parse(await text(process.stdin)) as ReadonlyArray<Attempt>
  const results: Array<PushResult & { readonly asked: number }> = []
  for (const { url, allow, own, answers } of attempts) {
    let asked = 0
    const resolve = async () => answers?.[Math.min(asked++, answers.length - 1)] ?? []
    const push = { url, allow, own, body: "{}", headers: {}, ...(answers === undefined ? {} : { resolve }) }
    results.push({ ...(await pushWebhook(push)), asked })
  }
  process.stdout.write(JSON.stringify(results))
}
