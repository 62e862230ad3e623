/** Waits until a fact holds; fails with its name after five seconds. */
export const eventually = async (name: string, fact: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 5_000
  while (!(await fact())) {
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${name}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
