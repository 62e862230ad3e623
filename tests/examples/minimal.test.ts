import { expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { MerchantClient } from "../harness/merchant-client.ts"
import { ended, endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"

setDefaultTimeout(120_000)

const REPOSITORY = resolve(import.meta.dirname, "../..")
const EXAMPLE = join(REPOSITORY, "examples/minimal/index.ts")

test("the minimal gateway has at most 20 lines of code", () => {
  const lines = readFileSync(EXAMPLE, "utf8").split("\n")
  expect(lines.filter((line) => line.trim() !== "" && !/^\s*(\/\*|\*|\/\/)/.test(line)).length).toBeLessThanOrEqual(20)
})

test.each(["bun", "deno"] as const)(
  "the minimal gateway lists channels, takes an order and stops on %s",
  async (runtime) => {
    const folder = mkdtempSync(join(tmpdir(), "payhub-minimal-"))
    // PostgreSQL refuses to run as root, and the user that it runs as has to pass through this folder.
    chmodSync(folder, 0o755)
    folderEndsWithUs(folder)
    const child = spawn(
      join(REPOSITORY, "node_modules/.bin", runtime),
      [...(runtime === "deno" ? ["run", "-A"] : []), EXAMPLE],
      {
        cwd: REPOSITORY,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, PAYHUB_PORT: "0", PAYHUB_DATA: folder },
        stdio: ["ignore", "pipe", "pipe"]
      }
    )
    const pid = child.pid ?? 0
    endsWithUs(pid)
    const exited = new Promise<number | null>((done) => child.once("exit", done))
    exited.then(() => ended(pid))
    try {
      const [url, app_id, app_secret] = await new Promise<ReadonlyArray<string>>((done, fail) => {
        let said = ""
        const hear = (chunk: Buffer) => {
          said += chunk.toString("utf8")
          const found = /PayHub listening on (\S+)\n(pk_test_\w+) (sk_test_\w+)/.exec(said)
          if (found !== null) done(found.slice(1))
        }
        child.stdout.on("data", hear)
        child.stderr.on("data", hear)
        exited.then((code) => fail(new Error(`it ended with ${code}: ${said}`)))
      })
      if (url === undefined || app_id === undefined || app_secret === undefined) throw new Error("it named no merchant")

      const response = await fetch(`${url}/api/cashier/channels`)
      expect(response.status).toBe(200)
      const { data } = (await response.json()) as { readonly data: { readonly channels: ReadonlyArray<object> } }
      expect(data.channels).toContainEqual(expect.objectContaining({ code: "YINSHENG_QRCODE", test: true }))

      const client = new MerchantClient(() => url, { app_id, app_secret })
      expect(await client.qrcodePay()).toMatchObject({ code: 200, message: "下单成功" })

      child.kill("SIGTERM")
      expect(await exited).toBe(0)
    } finally {
      child.kill("SIGKILL")
      await exited
      rmSync(folder, { recursive: true, force: true })
    }
  }
)
