import { afterEach, beforeEach } from "bun:test"

/** Opens a resource before each test of a file or `describe`, and closes it after. */
export const perTest = <A extends { readonly close: () => Promise<void> }>(open: () => Promise<A>): (() => A) => {
  let opened: A | undefined
  beforeEach(async () => {
    opened = await open()
  })
  afterEach(async () => {
    await opened?.close()
    opened = undefined
  })
  return () => {
    if (opened === undefined) throw new Error("nothing is open outside of a test")
    return opened
  }
}
