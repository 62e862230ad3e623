import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

/** The habits of the house that a machine can check: who may import whom, what no file may hold. */

const root = resolve(import.meta.dir, "..")
const SKIPPED = new Set(["node_modules", ".git", "data", "coverage"])

const filesOf = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesOf(path) : [path]
  })

const all = filesOf(root).map((path) => relative(root, path))
const sources = all.filter((path) => path.endsWith(".ts"))
const read = (path: string): string => readFileSync(join(root, path), "utf8")
const isTest = (path: string): boolean => path.endsWith(".test.ts") || path.startsWith("tests/")

/** The files of the repository that a file imports, static and dynamic. */
const importsOf = (path: string): ReadonlyArray<string> =>
  [...read(path).matchAll(/(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g)].map(([, specifier]) =>
    relative(root, resolve(root, dirname(path), specifier ?? ""))
  )

const roomOf = (path: string): string => path.split("/")[0] ?? ""
const folderOf = (path: string): string => path.split("/").slice(0, 2).join("/")

/** Inside core: a floor may use itself and the floors before it. */
const FLOORS: Readonly<Record<string, number>> = {
  "core/domain": 0,
  "core/channel": 1,
  "core/start/environment.ts": 2,
  "core/start/plugin.ts": 2,
  "core/pipeline": 2,
  "core/cashier": 3,
  "core/operator": 4,
  "core/http": 5,
  "core/cli": 5
}
/** The kit runs channels as the whole core does: it stands on top. */
const floorOf = (path: string): number =>
  path.startsWith("core/channel/kit/") ? 6 : (FLOORS[path] ?? FLOORS[folderOf(path)] ?? 6)

/** Why one file may not import another, or undefined when it may. */
const forbidden = (from: string, to: string): string | undefined => {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)]
  if (fromRoom === "core") {
    if (toRoom !== "core") return "core imports only core"
    return floorOf(to) > floorOf(from) ? "a lower floor imports no higher one" : undefined
  }
  if (fromRoom === "plugins") {
    if (toRoom === "core" || folderOf(from) === folderOf(to)) return undefined
    const exception = folderOf(from) === "plugins/embedded-postgres" && folderOf(to) === "plugins/postgres"
    return exception ? undefined : "a plugin imports core and itself"
  }
  if (fromRoom === "channels") {
    if (folderOf(from) === folderOf(to) || folderOf(to) === "channels/protocols") return undefined
    return folderOf(to) === "core/channel" ? undefined : "a channel imports core/channel, protocols and itself"
  }
  return undefined
}

describe("The import rule", () => {
  test("sees imports, so that it can fail", () => {
    expect(importsOf("payhub.ts")).toContain("core/start/gateway.ts")
    expect(forbidden("core/start/gateway.ts", "plugins/redis/index.ts")).toBeDefined()
    expect(forbidden("core/domain/order.ts", "core/http/app.ts")).toBeDefined()
    expect(forbidden("channels/sandbox/index.ts", "core/pipeline/auth/auth.ts")).toBeDefined()
    expect(forbidden("channels/sandbox/index.ts", "channels/wechat-jsapi/index.ts")).toBeDefined()
    expect(forbidden("plugins/redis/index.ts", "plugins/memory/index.ts")).toBeDefined()
    expect(forbidden("plugins/embedded-postgres/index.ts", "plugins/postgres/index.ts")).toBeUndefined()
  })

  test("holds for every file", () => {
    const broken = sources
      .filter((path) => !isTest(path))
      .flatMap((from) => importsOf(from).map((to) => ({ from, to, why: forbidden(from, to) })))
      .filter(({ why }) => why !== undefined)
    expect(broken).toEqual([])
  })

  test("leads to files that exist", () => {
    const missing = sources.flatMap((from) => importsOf(from).filter((to) => !existsSync(join(root, to))))
    expect(missing.filter((path) => !path.includes("${"))).toEqual([])
  })
})

describe("Every source file", () => {
  const house = sources.filter((path) => !isTest(path) && /^(core|plugins|channels|payhub\.ts)/.test(path))

  test("says Bun.* and Deno.* only in core/runtime.ts", () => {
    const guilty = house.filter((path) => path !== "core/runtime.ts" && /(?<![\w."'`])(Bun|Deno)\.\w/.test(code(path)))
    expect(guilty).toEqual([])
  })

  test("switches no type check off", () => {
    expect(house.filter((path) => /@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b/.test(read(path)))).toEqual([])
  })

  test("leaves nothing to be done later and skips no test", () => {
    const leftovers = sources.filter(
      (path) =>
        path !== "tests/tidy.test.ts" && /\b(TODO|FIXME|XXX)\b|\b(test|it|describe)\.(only|todo)\b/.test(read(path))
    )
    expect(leftovers).toEqual([])
  })

  test("takes time from Clock in core, where tests move it", () => {
    // These measure the machine itself: sockets, caches of pages, the process's own stop.
    const machine = ["core/start/gateway.ts"]
    const guilty = house.filter(
      (path) => path.startsWith("core/") && !machine.includes(path) && /\bDate\.now\(\)|new Date\(\)/.test(code(path))
    )
    expect(guilty).toEqual([])
  })

  test("is one thing: seldom over 300 lines, never over 450", () => {
    const long = house.filter((path) => read(path).split("\n").length > 450)
    expect(long).toEqual([])
  })
})

/** A file without its comments and strings. */
const code = (path: string): string =>
  read(path)
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/\/\/.*$/gm, "")
    .replaceAll(/(["'`])(?:\\.|(?!\1)[^\\])*\1/g, '""')

describe("Every channel", () => {
  const channels = readdirSync(join(root, "channels")).filter(
    (name) => name !== "protocols" && statSync(join(root, "channels", name)).isDirectory()
  )

  test.each(channels)("%s has a provider of that id, a README and tests", async (name) => {
    const { default: provider } = await import(join(root, "channels", name, "index.ts"))
    expect(provider.id).toBe(name)
    expect(existsSync(join(root, "channels", name, "README.md"))).toBe(true)
    expect(readdirSync(join(root, "channels", name)).some((file) => file.endsWith(".test.ts"))).toBe(true)
  })

  test.each(channels)("%s reads like its manual: index.ts has at most 150 lines", (name) => {
    expect(read(`channels/${name}/index.ts`).split("\n").length).toBeLessThanOrEqual(151)
  })
})

describe("The README", () => {
  const readme = read("README.md")

  test("names every dependency and what it is for", () => {
    const { dependencies, devDependencies } = JSON.parse(read("package.json"))
    const unnamed = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !readme.includes(`\`${name}\``)
    )
    expect(unnamed).toEqual([])
  })

  test("explains every variable that the configuration reads", () => {
    const variables = [...read("core/start/environment.ts").matchAll(/"((?:PAYHUB_[A-Z_]+|DATABASE_URL|REDIS_URL))"/g)]
    const unnamed = new Set(variables.map(([, name]) => name ?? "").filter((name) => !readme.includes(`\`${name}\``)))
    expect([...unnamed]).toEqual([])
  })

  test("links files that exist", () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? "")
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

describe("The top level", () => {
  test("holds what the architecture shows and little else", () => {
    const allowed = [
      ".ci",
      ".gitignore",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "biome.json",
      "bun.lock",
      "bunfig.toml",
      "channels",
      "core",
      "deno.json",
      "deno.lock",
      "examples",
      "package-lock.json",
      "package.json",
      "payhub.ts",
      "plugins",
      "tests",
      "tsconfig.json"
    ]
    const listed = Bun.spawnSync(["git", "ls-files"], { cwd: root }).stdout.toString().trim().split("\n")
    const top = new Set(listed.map((path) => roomOf(path)))
    expect([...top].filter((name) => !allowed.includes(name))).toEqual([])
  })
})
