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
const isTest = (path: string): boolean =>
  path.endsWith(".test.ts") || /fixture\.ts$/.test(path) || path.startsWith("tests/")

/** The files of the repository that a file imports, static and dynamic. */
const importsOf = (path: string): ReadonlyArray<string> =>
  [...read(path).matchAll(/(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g)].map(([, specifier]) =>
    relative(root, resolve(root, dirname(path), specifier ?? ""))
  )

const roomOf = (path: string): string => path.split("/")[0] ?? ""
const folderOf = (path: string): string => path.split("/").slice(0, 2).join("/")

const contributing = read("CONTRIBUTING.md")

/** A fenced block of CONTRIBUTING after a heading or a first line. */
const blockAfter = (mark: string): ReadonlyArray<string> => {
  const [, block = ""] = /```text\n([\s\S]*?)```/.exec(contributing.slice(contributing.indexOf(mark))) ?? []
  return block.trimEnd().split("\n")
}

/** The rooms of core and their floors, as CONTRIBUTING lists them. */
const FLOORS = new Map(
  blockAfter("Rooms of the core, by floor.")
    .map((line) => /^ {2}(\d) {2}(\w+) /.exec(line))
    .filter((match) => match !== null)
    .map(([, floor, room]): [string, number] => [`core/${room}`, Number(floor)])
)

/** core/runtime.ts serves those who start: it is on the top floor. */
const TOP = Math.max(...FLOORS.values())
const floorOf = (path: string): number => FLOORS.get(folderOf(path)) ?? TOP

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
    expect(importsOf("payhub.ts")).toContain("core/start/processes/start.ts")
    expect(forbidden("core/start/gateway.ts", "plugins/redis/index.ts")).toBeDefined()
    expect(forbidden("core/domain/order.ts", "core/http/app.ts")).toBeDefined()
    expect(forbidden("channels/sandbox/index.ts", "core/pipeline/auth/auth.ts")).toBeDefined()
    expect(forbidden("core/cashier/place.ts", "core/http/merchant/fields.ts")).toBeDefined()
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

  test("makes no circles", () => {
    const files = sources.filter((path) => !isTest(path))
    expect(circlesOf(new Map(files.map((path) => [path, importsOf(path).filter((to) => files.includes(to))])))).toEqual(
      []
    )
    expect(
      circlesOf(
        new Map([
          ["a", ["b"]],
          ["b", ["c"]],
          ["c", ["b"]]
        ])
      )
    ).toEqual([["b", "c"]])
  })

  test("leads to files that exist", () => {
    const missing = sources.flatMap((from) => importsOf(from).filter((to) => !existsSync(join(root, to))))
    expect(missing.filter((path) => !path.includes("${"))).toEqual([])
  })
})

/** Sets of two files and more that import one another (Tarjan's strongly connected components). */
const circlesOf = (graph: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlyArray<ReadonlyArray<string>> => {
  const indexes = new Map<string, number>()
  const lows = new Map<string, number>()
  const stack: Array<string> = []
  const circles: Array<ReadonlyArray<string>> = []
  const visit = (node: string): void => {
    indexes.set(node, indexes.size)
    lows.set(node, indexes.size - 1)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!indexes.has(next)) visit(next)
      if (stack.includes(next)) lows.set(node, Math.min(lows.get(node) ?? 0, lows.get(next) ?? 0))
    }
    if (lows.get(node) !== indexes.get(node)) return
    const members = stack.splice(stack.indexOf(node))
    if (members.length > 1) circles.push(members.sort())
  }
  for (const node of graph.keys()) if (!indexes.has(node)) visit(node)
  return circles
}

describe("The rooms", () => {
  const inCore = readdirSync(join(root, "core"), { withFileTypes: true })

  test("of core are those that CONTRIBUTING lists, and its root holds runtime.ts alone", () => {
    const folders = inCore.filter((entry) => entry.isDirectory()).map(({ name }) => `core/${name}`)
    expect(folders.sort()).toEqual([...FLOORS.keys()].sort())
    expect(inCore.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual(["runtime.ts"])
  })

  test("of the pipeline are the five layers, and nothing else is in it", () => {
    const layers = readdirSync(join(root, "core/pipeline")).sort()
    expect(layers).toEqual(["auth", "notifier", "persistence", "replay", "throttle"])
  })

  test("of persistence are one service per noun, each with a file of statements of the same name", () => {
    const nouns = all.filter(
      (path) => path.startsWith("core/pipeline/persistence/") && read(path).includes("Context.Service")
    )
    expect(nouns.length).toBeGreaterThan(8)
    const elsewhere = ["driver/"]
    const missing = nouns
      .map((path) => path.split("/").at(-1) ?? "")
      .filter((name) => !["", ...elsewhere].some((folder) => existsSync(join(root, "plugins/postgres", folder + name))))
    expect(missing).toEqual([])
  })

  test.each(["### An order's way", "### A notice's way"])(
    "%s is what CONTRIBUTING shows, at most 20 files long",
    (mark) => {
      const way = blockAfter(mark).map((line) => line.split(" ")[0] ?? "")
      expect(way.length).toBeGreaterThan(4)
      expect(way.length).toBeLessThanOrEqual(20)
      expect(way.filter((path) => !existsSync(join(root, path)))).toEqual([])
    }
  )
})

describe("Every source file", () => {
  const house = sources.filter((path) => !isTest(path) && /^(core|plugins|channels|payhub\.ts)/.test(path))

  test("says Bun.* and Deno.* only in core/runtime.ts", () => {
    const guilty = house.filter((path) => path !== "core/runtime.ts" && /(?<![\w."'`])(Bun|Deno)\.\w/.test(code(path)))
    expect(guilty).toEqual([])
  })

  test("of the doors leaves the body of a request to the edge, which counts who makes it wait", () => {
    const readers = house.filter(
      (path) =>
        path.startsWith("core/http/") && /request\.(body|json|text|arrayBuffer|formData|blob|bytes)\b/.test(code(path))
    )
    expect(readers).toEqual(["core/http/body.ts"])
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
    // These measure the machine itself: sockets, caches of pages, the process's own log and stop.
    const machine = ["core/start/gateway.ts", "core/observe/log-writer.ts"]
    const guilty = house.filter(
      (path) => path.startsWith("core/") && !machine.includes(path) && /\bDate\.now\(\)|new Date\(\)/.test(code(path))
    )
    expect(guilty).toEqual([])
  })

  test("is one thing: never over 300 lines", () => {
    const long = house.filter((path) => read(path).trimEnd().split("\n").length > 300)
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
      ".dockerignore",
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
      "pnpm-workspace.yaml",
      "tests",
      "tsconfig.json"
    ]
    const listed = Bun.spawnSync(["git", "ls-files"], { cwd: root }).stdout.toString().trim().split("\n")
    const top = new Set(listed.map((path) => roomOf(path)))
    expect([...top].filter((name) => !allowed.includes(name))).toEqual([])
  })
})
