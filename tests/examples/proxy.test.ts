import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { listenOnLoopback } from "../harness/loopback.ts"
import { ended, endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"

/* The proxies of examples/deploy in front of a real gateway: TLS, and the address of the client. */

setDefaultTimeout(60_000)

const deploy = join(resolve(import.meta.dirname, "../.."), "examples/deploy")
const HOST = "pay.example.com"
const TOKEN = "metrics-token-of-this-test"

let gateway: Gateway
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "payhub-proxy-"))
  // nginx's workers are another user where its master is root.
  chmodSync(folder, 0o755)
  folderEndsWithUs(folder)
  gateway = await startGateway({
    env: { PAYHUB_PUBLIC_URL: `https://${HOST}`, PAYHUB_TRUSTED_PROXIES: "127.0.0.1", PAYHUB_METRICS_TOKEN: TOKEN }
  })
  const subject = ["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`]
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
    join(folder, "key.pem")
  ]
  const made = ["req", "-x509", ...key, "-out", join(folder, "cert.pem"), "-days", "1", ...subject]
  execFileSync("openssl", made, { stdio: "ignore" })
})
afterAll(async () => {
  await gateway?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const freePort = async (): Promise<number> => {
  const server = createServer()
  const port = await listenOnLoopback(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Ports {
  readonly http: number
  readonly https: number
}

interface Proxy {
  readonly name: string
  /** Writes the example, on ports and with a certificate of this test, and returns the command that runs it. */
  readonly command: (ports: Ports) => ReadonlyArray<string>
}

/** The example's text with each part that an operator replaces replaced; each must be there. */
const replaced = (file: string, changes: ReadonlyArray<readonly [from: string, to: string]>): string =>
  changes.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from)
      return text.replaceAll(from, to)
    },
    readFileSync(join(deploy, file), "utf8")
  )

const nginx: Proxy = {
  name: "nginx",
  command: ({ http, https }) => {
    const site = replaced("nginx.conf", [
      ["listen 80;", `listen 127.0.0.1:${http};`],
      ["listen 443 ssl;", `listen 127.0.0.1:${https} ssl;`],
      ["/etc/ssl/payhub/fullchain.pem", join(folder, "cert.pem")],
      ["/etc/ssl/payhub/privkey.pem", join(folder, "key.pem")],
      ["127.0.0.1:8080;", `${new URL(gateway.url).host};`]
    ])
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${join(folder, kind)};`
    )
    const main = `daemon off; pid ${join(folder, "nginx.pid")}; error_log stderr; events {}\n`
    writeFileSync(join(folder, "nginx.conf"), `${main}http { access_log off; ${temporary.join(" ")}\n${site}\n}\n`)
    const args = ["-e", "stderr", "-p", folder, "-c", join(folder, "nginx.conf")]
    const checked = spawnSync("nginx", ["-t", ...args], { encoding: "utf8" })
    expect(checked.stderr).not.toMatch(/warn|emerg/)
    return ["nginx", ...args]
  }
}

const caddy: Proxy = {
  name: "caddy",
  command: ({ https }) => {
    const site = replaced("Caddyfile", [
      [
        `${HOST} {\n`,
        `https://${HOST}:${https} {\n\tbind 127.0.0.1\n\ttls ${join(folder, "cert.pem")} ${join(folder, "key.pem")}\n`
      ],
      ["127.0.0.1:8080 {", `${new URL(gateway.url).host} {`]
    ])
    writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n\tauto_https off\n\tskip_install_trust\n}\n${site}`)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")]
  }
}

for (const proxy of [nginx, caddy]) {
  const { name } = proxy
  const how = `apt install ${name === "nginx" ? "nginx-light" : name}`
  const found = [name, "curl", "openssl"].every((tool) => Bun.which(tool) !== null)
  describe.skipIf(!requireTool({ name, found, suite: `examples/deploy's ${name}`, how }))(`behind ${name}`, () => {
    let child: ChildProcess
    let ports: Ports
    let log = ""
    beforeAll(async () => {
      ports = { http: await freePort(), https: await freePort() }
      const [program = "", ...args] = proxy.command(ports)
      const env = { PATH: process.env.PATH, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
      child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] })
      endsWithUs(child.pid ?? 0)
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        log += text
      })
      await until(`${name} in front of the gateway`, () => ask("/healthz").text === "ok\n", { why: () => log })
    })
    afterAll(async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGTERM")
      await gone
      ended(child.pid ?? 0)
    })

    /** Asks over TLS from an address of this machine; the certificate is checked. */
    const ask = (path: string, { from = "127.0.0.2", args = [] as ReadonlyArray<string>, stdin = "" } = {}) => {
      const place = ["--resolve", `${HOST}:${ports.https}:127.0.0.1`, "--interface", from]
      const tls = ["--cacert", join(folder, "cert.pem"), "--max-time", "20"]
      const url = `https://${HOST}:${ports.https}${path}`
      const run = spawnSync("curl", ["-sS", ...place, ...tls, "-w", "\n%{http_code}", ...args, url], {
        input: stdin,
        encoding: "utf8",
        env: { PATH: process.env.PATH }
      })
      const [, text = "", status = ""] = /^([\s\S]*)\n(\d+)$/.exec(run.stdout) ?? []
      return { text, status: Number(status), stderr: run.stderr }
    }
    const post = (body: string, from: string, forwardedFor: string) => {
      const headers = ["-H", "Content-Type: application/json", "-H", `X-Forwarded-For: ${forwardedFor}`]
      const answer = ask("/api/cashier/qrcode-pay", { from, args: [...headers, "--data-binary", "@-"], stdin: body })
      return JSON.parse(answer.text) as {
        readonly code: number
        readonly data: Record<string, unknown> | null
        readonly message: string
      }
    }

    test("an order comes from the address that the proxy sees, whatever the client writes", async () => {
      const shop = await gateway.merchant({ allowIps: ["127.0.0.2"] })
      const body = (number: string) =>
        shop.body({ merchant_order_no: number, amount: 1000, notify_url: "https://shop.example.com/" })
      const placed = post(body(`${name}-1`), "127.0.0.2", "203.0.113.9")
      expect(placed.code).toBe(200)
      expect(String(placed.data?.sourceQrCodeUrl)).toStartWith(`https://${HOST}/`)
      expect(post(body(`${name}-2`), "127.0.0.3", "127.0.0.2")).toMatchObject({ code: 401, message: "IP 未授权" })
      expect(post(body(`${name}-3`), "127.0.0.3", "127.0.0.2, 127.0.0.1")).toMatchObject({
        code: 401,
        message: "IP 未授权"
      })
    })

    test("a body that is too large gets the gateway's own refusal", async () => {
      expect(post("x".repeat(200_000), "127.0.0.2", "")).toMatchObject({ code: 413 })
    })

    test("nobody outside reads the metrics, even with the token", () => {
      const { status, text } = ask("/metrics", { args: ["-H", `Authorization: Bearer ${TOKEN}`] })
      expect(status).toBe(404)
      expect(text).not.toContain("payhub_")
    })

    if (name === "nginx") {
      test("plain HTTP is sent to HTTPS, without losing a POST", async () => {
        const answer = await fetch(`http://127.0.0.1:${ports.http}/api/cashier/qrcode-pay`, {
          method: "POST",
          headers: { host: HOST },
          redirect: "manual"
        })
        expect(answer.status).toBe(308)
        expect(answer.headers.get("location")).toMatch(/^https:\/\/[^/]+\/api\/cashier\/qrcode-pay$/)
      })
    }
  })
}
