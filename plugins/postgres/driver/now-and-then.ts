/**
 * Does some work again and again, one at a time: a database that does not answer is not asked by more and more
 * connections. Where it fails, the next time is waited for. Keeps no process alive.
 */
export const nowAndThen = (everyMs: number, work: () => Promise<void>): { readonly stop: () => void } => {
  let working = false
  const timer = setInterval(async () => {
    if (working) return
    working = true
    await work().catch(() => undefined)
    working = false
  }, everyMs)
  timer.unref?.()
  return { stop: () => clearInterval(timer) }
}
