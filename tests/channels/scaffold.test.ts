import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type Gateway, type Runtime, startGateway } from "../harness/gateway.ts"
import { textOf } from "../harness/merchant-client.ts"
import { becomes } from "../harness/payer.ts"
import { ended, endsWithUs } from "../harness/reaper.ts"

/* The architecture's bar: a channel is added by one new folder and no other change. */

const ROOT = resolve(import.meta.dirname, "../..")
const FILES = ["README.md", "index.test.ts", "index.ts", "order.ts", "simulator.ts"]
const INDEX_LINES_MAX = 150

setDefaultTimeout(120_000)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "payhub-scaffold-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const commandOf = (runtime: Runtime, script: string): [string, Array<string>] => [
  join(ROOT, "node_modules/.bin", runtime),
  runtime === "deno" ? ["run", "-A", script] : [script]
]

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `payhub channel new …` in a folder, with a database setting that no command could use. */
const channelNew = (args: ReadonlyArray<string>, cwd = folder, runtime: Runtime = "bun"): Ran => {
  const [program, before] = commandOf(runtime, join(ROOT, "payhub.ts"))
  const env = { ...process.env, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", PAYHUB_PORT: "not a port" }
  const ran = spawnSync(program, [...before, "channel", "new", ...args], { cwd, env, encoding: "utf8" })
  return { code: ran.status, out: ran.stdout, err: ran.stderr }
}

const made = (name: string, runtime: Runtime = "bun") => {
  const ran = channelNew([name, "--folder", join(folder, name), "--json"], folder, runtime)
  expect([ran.code, ran.err]).toEqual([0, ""])
  return JSON.parse(ran.out)
}

/** All files below a folder with the times of their last changes. */
const snapshot = (of: string): Readonly<Record<string, number>> => {
  const files: Record<string, number> = {}
  for (const name of ["channels", "examples", "core/channel", "core/operator"]) {
    for (const entry of readdirSync(join(of, name), { recursive: true })) {
      const path = join(of, name, String(entry))
      if (statSync(path).isFile()) files[path] = statSync(path).mtimeMs
    }
  }
  return files
}

describe("payhub channel new", () => {
  test.each(["bun", "deno"] as const)("on %s writes a folder and says what it wrote", (runtime) => {
    const before = snapshot(ROOT)
    const name = `made-by-${runtime}`
    const answer = made(name, runtime)
    expect(answer).toEqual({
      id: name,
      code: `MADE_BY_${runtime.toUpperCase()}`,
      folder: name,
      files: ["index.ts", "simulator.ts", "index.test.ts", "order.ts", "README.md"].map((file) => `${name}/${file}`),
      found_at_start: false
    })
    expect(readdirSync(join(folder, name)).sort()).toEqual(FILES)
    expect(Object.keys(snapshot(ROOT))).toEqual(Object.keys(before))
  })

  test("names the channel everywhere, marks every blank, and keeps to 150 lines", () => {
    made("blue-pay")
    for (const file of FILES) expect(readFileSync(join(folder, "blue-pay", file), "utf8")).not.toMatch(/my.?channel/i)
    const index = readFileSync(join(folder, "blue-pay/index.ts"), "utf8")
    expect(index).toContain('id: "blue-pay"')
    expect(index).toContain('code: "BLUE_PAY"')
    expect(index).toContain('nameEn: "Blue Pay"')
    expect(index.split("\n").length).toBeLessThanOrEqual(INDEX_LINES_MAX + 1)
    const blanks = [...index.matchAll(/BLANK (\d+):/g)].map(([, number]) => Number(number))
    expect(blanks).toEqual(blanks.map((_, at) => at + 1))
    const listed = [...readFileSync(join(folder, "blue-pay/README.md"), "utf8").matchAll(/^\| (\d+) +\|/gm)]
    expect(listed.map(([, number]) => Number(number))).toEqual(blanks)
  })

  test("writes to channels/NAME where the command runs, and the tests of it pass", () => {
    const ran = channelNew(["red-pay"])
    expect([ran.code, ran.err]).toEqual([0, ""])
    expect(ran.out).toContain("channels/red-pay/index.ts")
    expect(ran.out).toContain("PAYHUB_CHANNELS=./channels/red-pay")
    const [bun] = commandOf("bun", "")
    const tests = spawnSync(bun, ["test", "./channels/red-pay"], { cwd: folder, encoding: "utf8" })
    expect(tests.stderr).toMatch(/\n 0 fail\n/)
    expect(Number(/\n (\d+) pass\n/.exec(tests.stderr)?.[1])).toBeGreaterThanOrEqual(60)
    expect(tests.status).toBe(0)
  })

  test("writes to the gateway's own channels folder, where a start finds it without being told", () => {
    const home = join(folder, "home")
    for (const name of ["core", "channels", "plugins", "examples/my-channel", "payhub.ts", "package.json", "deno.json"])
      cpSync(join(ROOT, name), join(home, name), { recursive: true })
    symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"))
    const [bun, before] = commandOf("bun", join(home, "payhub.ts"))
    const ran = spawnSync(bun, [...before, "channel", "new", "own-pay", "--json"], { cwd: home, encoding: "utf8" })
    expect(JSON.parse(ran.stdout)).toMatchObject({ folder: "channels/own-pay", found_at_start: true })
    const imports = readFileSync(join(home, "channels/own-pay/index.ts"), "utf8")
    expect(imports).toContain('from "../../core/channel/index.ts"')
    const readme = readFileSync(join(home, "channels/own-pay/README.md"), "utf8")
    expect(readme).not.toContain("PAYHUB_CHANNELS")
    expect(readme).toContain("\n   bun payhub.ts start\n")
    const script = `const { loadChannels } = await import("${home}/core/start/load-channels.ts")
      console.log((await loadChannels("${home}/channels", [])).map(({ id }) => id).join())`
    expect(spawnSync(bun, ["-e", script], { cwd: home, encoding: "utf8" }).stdout).toContain("own-pay")
  })

  test("writes a folder that works behind a symbolic link too", () => {
    // Its path holds the template's own name.
    const link = join(folder, "my-channel")
    symlinkSync(mkdtempSync(join(folder, "my-channel-")), link)
    expect(channelNew(["linked-pay", "--folder", join(link, "linked-pay")]).code).toBe(0)
    const [bun] = commandOf("bun", "")
    const script = `const { default: p } = await import(${JSON.stringify(join(link, "linked-pay/index.ts"))}); console.log(p.id)`
    expect(spawnSync(bun, ["-e", script], { encoding: "utf8" }).stdout).toBe("linked-pay\n")
  })

  test.each(["Bad", "a_b", "1pay", "pay-", "a--b", "../pay", "", "protocols", "a".repeat(33)])(
    "refuses the name %p and writes nothing",
    (name) => {
      const before = readdirSync(folder)
      const ran = channelNew([name, "--folder", join(folder, "refused")])
      expect(ran.code).toBe(2)
      expect(ran.err).toContain("NAME: must be")
      expect(readdirSync(folder)).toEqual(before)
    }
  )

  test("refuses a folder that exists and leaves it as it is", () => {
    made("twice-pay")
    const before = snapshot(ROOT)
    rmSync(join(folder, "twice-pay/order.ts"))
    const ran = channelNew(["twice-pay", "--folder", join(folder, "twice-pay")])
    expect([ran.code, ran.out]).toEqual([1, ""])
    expect(ran.err).toMatch(/exists already/)
    expect(existsSync(join(folder, "twice-pay/order.ts"))).toBe(false)
    expect(Object.keys(snapshot(ROOT))).toEqual(Object.keys(before))
  })

  test.each(["sandbox", "yinsheng-qrcode", "wechat-jsapi"])("refuses the name of the channel %s", (name) => {
    const ran = channelNew([name, "--folder", join(folder, "other")])
    expect([ran.code, ran.err]).toEqual([1, `There is a channel ${name} already.\n`])
    expect(existsSync(join(folder, "other"))).toBe(false)
  })
})

describe.each(["bun", "deno"] as const)("a written channel on %s", (runtime) => {
  let gateway: Gateway | undefined
  let provider: ChildProcess | undefined
  afterEach(async () => {
    provider?.kill()
    await gateway?.stop()
  }, 60_000)

  test("serves a live order with nothing but its folder added", async () => {
    const name = `live-${runtime}`
    const { code } = made(name)
    const place = join(folder, name)
    gateway = await startGateway({ runtime, env: { PAYHUB_CHANNELS: place } })
    const { url } = gateway
    const row = async () => {
      const answer = (await (await fetch(`${url}/api/cashier/channels`)).json()) as {
        readonly data: { readonly channels: ReadonlyArray<{ readonly code: string; readonly live: boolean }> }
      }
      return answer.data.channels.find((channel) => channel.code === code)
    }
    expect(await row()).toMatchObject({ code, name: "我的通道", type: "aggregate", live: false })

    const account = join(folder, `${name}.json`)
    provider = await startProvider(runtime, join(place, "simulator.ts"), account)
    const added = await gateway.command(["channel", "add", name, "--name", "Tried", "--account", account])
    expect(JSON.stringify(added)).not.toContain(JSON.parse(readFileSync(account, "utf8")).secret)
    expect(await gateway.command(["channel", "test", String(added.id)])).toMatchObject({ ok: true })

    const shop = await gateway.merchant({ test: false })
    const order = await shop.qrcodePay({ channel_code: code, amount: 1_234 })
    expect(order.code).toBe(200)
    expect(await row()).toMatchObject({ live: true })
    const page = await fetch(`${textOf(order, "sourceQrCodeUrl")}?pay`)
    expect(await page.text()).toContain("the gateway answered: success")
    await becomes(shop, order, "PAID")

    // The README's walk-through runs the same script.
    const [program, before] = commandOf(runtime, join(place, "order.ts"))
    const tried = spawnSync(program, [...before, url, shop.appId, shop.secret], { encoding: "utf8" })
    expect(JSON.parse(tried.stdout)).toMatchObject({ code: 200, data: { amount: 1_234 } })
  })
})

/** Starts the written simulator as its README does, and waits until it has written its account. */
const startProvider = (runtime: Runtime, script: string, account: string): Promise<ChildProcess> =>
  new Promise((done, fail) => {
    const [program, args] = commandOf(runtime, script)
    const child = spawn(program, [...args, account], { stdio: ["ignore", "pipe", "inherit"] })
    const { pid } = child
    if (pid !== undefined) {
      endsWithUs(pid)
      child.once("exit", () => ended(pid))
    }
    child.once("error", fail)
    child.once("exit", (code) => fail(new Error(`the simulator ended with ${code}`)))
    child.stdout?.once("data", () => done(child))
  })
