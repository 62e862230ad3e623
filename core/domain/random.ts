import { randomFillSync } from "node:crypto"

/*
 * Random numbers for what is made with every request. One system call serves many: at ten thousand orders a second it is
 * seen in the profile otherwise. Not for secrets: those are drawn one by one, and nothing of them is left behind.
 */

const pool = Buffer.alloc(4_096)
let used = pool.length

const draw = (bytes: number): number => {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return used - bytes
}

export const randomUint32 = (): number => pool.readUInt32LE(draw(4))

/** @param bytes at most 4,096 */
export const randomHex = (bytes: number): string => {
  const from = draw(bytes)
  return pool.toString("hex", from, from + bytes)
}
