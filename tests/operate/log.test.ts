import { expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { endsWithUs } from "../harness/reaper.ts"
import { until } from "../harness/until.ts"

/* The gateway's log: one flat JSON object per line, and no reader that it waits for. */

setDefaultTimeout(90_000)

const forge = (gateway: Gateway) =>
  fetch(`${gateway.url}/api/notice/sandbox`, { method: "POST", body: "forged", signal: AbortSignal.timeout(10_000) })

test("a line is flat JSON with named fields", async () => {
  const gateway = await startGateway()
  await forge(gateway)
  const line = await until("the notice is logged", () =>
    gateway
      .logs()
      .split("\n")
      .find((text) => text.includes("notice"))
  )
  expect(JSON.parse(line)).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: "WARN",
    message: "a notice was refused",
    account: "sandbox",
    reason: expect.any(String),
    request_id: expect.stringMatching(/^req_/)
  })
  await gateway.stop()
})

test("a log that nobody reads stops no order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-log-"))
  const fifo = join(folder, "log")
  // Holds the pipe open without reading from it.
  const holder = spawn("sh", ["-c", 'mkfifo "$0" && exec 3<>"$0" && echo made && exec sleep 600 >/dev/null', fifo], {
    stdio: ["ignore", "pipe", "ignore"]
  })
  if (holder.pid !== undefined) endsWithUs(holder.pid)
  await once(holder.stdout, "data")
  // The pipe is full before the gateway writes its first line.
  const gateway = await startGateway({
    through: ["sh", "-c", 'exec 2>"$0"; head -c 65536 /dev/zero >&2; exec "$@"', fifo]
  })
  const shop = await gateway.merchant()
  for (let i = 0; i < 20; i++) expect((await forge(gateway)).status).toBeLessThan(500)
  expect((await shop.qrcodePay()).message).toBe("下单成功")

  const reader = createReadStream(fifo, { encoding: "utf8" })
  let text = ""
  reader.on("data", (chunk) => (text += chunk))
  await until("the waiting lines arrive", () => text.includes("a notice was refused"))
  await gateway.stop()
  reader.destroy()
  holder.kill()
  rmSync(folder, { recursive: true, force: true })
})
