import { randomFillSync } from "node:crypto"

/*
 * Random numbers for every request, from a pool: one system call serves many, because at ten thousand orders a second
 * single calls show in the profile. Not for secrets: those are drawn one by one, so that no copy stays in a pool.
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
