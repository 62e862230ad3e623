import { describe, expect, test } from "bun:test"
import { nameOf, parseRedisUrl } from "./url.ts"

const read = (url: string) => {
  const target = parseRedisUrl(url)
  if (typeof target === "string") throw new Error(target)
  return target
}

describe("REDIS_URL", () => {
  test.each([
    ["redis://localhost", "Redis at localhost:6379"],
    ["redis://10.0.0.1:6380/2", "Redis at 10.0.0.1:6380"],
    ["redis://[::1]:6380", "Redis at [::1]:6380"],
    ["rediss://user:secret@cache.example.com", "Redis at cache.example.com:6379"],
    ["redis+cluster://:secret@h1:1,h2:2,h3", "Redis Cluster at h1:1, h2:2, h3:6379"],
    ["redis+sentinel://:secret@h1,h2:2/main/3", "Redis (master main of the sentinels at h1:26379, h2:2)"]
  ])("%s is shown as %s, without its password", (url, name) => {
    expect(nameOf(read(url))).toBe(name)
  })

  test("takes a percent-encoded user and password, and a password that contains an @", () => {
    expect(read("redis://pay%20hub:s%3Ac%40r%2Ft@h")).toMatchObject({ username: "pay hub", password: "s:c@r/t" })
    expect(read("redis://:p@ss@h")).toMatchObject({ username: undefined, password: "p@ss", nodes: [{ host: "h" }] })
    expect(read("redis://h")).toMatchObject({ username: undefined, password: undefined, database: 0, tls: false })
  })

  test("takes TLS from rediss:// or tls=true, and a separate login for the sentinels", () => {
    expect(read("rediss://h").tls).toBe(true)
    expect(read("redis+cluster://h:1,i:2/?tls=true").tls).toBe(true)
    expect(read("redis+sentinel://u:p@h/m/1?sentinel_username=s&sentinel_password=t%3D")).toMatchObject({
      masterName: "m",
      database: 1,
      username: "u",
      password: "p",
      sentinelUsername: "s",
      sentinelPassword: "t="
    })
  })

  test.each([
    "http://:topsecret@h",
    "redis://:topsecret@",
    "redis://:topsecret@h:99999",
    "redis://:topsecret@h1:1,h2:2",
    "redis://:topsecret@h/zero",
    "redis://:topsecret@h/0/1",
    "redis://:topsecret@h?db=topsecret",
    "redis://:topsecret%@h",
    "redis+cluster://:topsecret@h/1",
    "redis+cluster://:topsecret@h/?tls=topsecret",
    "redis+sentinel://:topsecret@h",
    "redis://:topsecret/@h"
  ])("%s is refused with a sentence that does not contain the password", (url) => {
    const sentence = parseRedisUrl(url)
    expect(sentence).toStartWith("REDIS_URL")
    expect(sentence).not.toContain("topsecret")
  })
})
