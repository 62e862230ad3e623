import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { buffer } from "node:stream/consumers"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { startLoopback } from "../harness/loopback.ts"
import { canonicalText, hmac, type MerchantClient, unique } from "../harness/merchant-client.ts"
import { ended, endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * The commands of examples/merchants/README.md, run as a merchant runs them, in a copy of the language's folder: a sample
 * that needs any other file of the repository fails.
 */

/** Long enough for javac and a cold Go build cache on a busy machine. */
setDefaultTimeout(180_000)

const SAMPLES = resolve(import.meta.dirname, "../../examples/merchants")

interface Tool {
  readonly name: string
  readonly how: string
}
const TOOLS: Readonly<Record<string, ReadonlyArray<Tool>>> = {
  php: [{ name: "php", how: "apt install php-cli" }],
  java: [
    { name: "javac", how: "apt install default-jdk-headless" },
    { name: "java", how: "apt install default-jdk-headless" }
  ],
  python: [{ name: "python3", how: "apt install python3" }],
  node: [{ name: "node", how: "https://nodejs.org" }],
  go: [{ name: "go", how: "apt install golang-go" }],
  curl: [
    { name: "curl", how: "apt install curl" },
    { name: "openssl", how: "apt install openssl" },
    { name: "awk", how: "apt install mawk" }
  ]
}

interface Sample {
  readonly folder: string
  /** The command that builds the sample, or "". */
  readonly build: string
  /** The program without its sub-command: "php demo.php". */
  readonly program: string
}

/** The rows of the README's table, whose last column is the build command, if any, and the program with `demo`. */
const samples: ReadonlyArray<Sample> = [
  ...readFileSync(join(SAMPLES, "README.md"), "utf8").matchAll(/^\| .*\[(\w+)\]\(\1\) .*\| `([^`|]+) demo` +\|$/gm)
].map(([, folder = "", commands = ""]) => {
  const [program = "", ...before] = commands.split(" && ").reverse()
  return { folder, build: before.reverse().join(" && "), program }
})

const missing = (folder: string): Tool | undefined => TOOLS[folder]?.find(({ name }) => Bun.which(name) === null)

const runnable = ({ folder }: Sample): boolean => {
  const tool = missing(folder) ?? TOOLS[folder]?.[0]
  if (tool === undefined) throw new Error(`no tools are named for the sample ${folder}`)
  return requireTool({ ...tool, found: missing(folder) === undefined, suite: `the ${folder} merchant sample` })
}

let gateway: Gateway
let receiver: WebhookReceiver
let shop: MerchantClient
let slow: SlowQueries
let copies: string

beforeAll(async () => {
  copies = mkdtempSync(join(tmpdir(), "payhub-samples-"))
  folderEndsWithUs(copies)
  ;[gateway, receiver] = await Promise.all([startGateway(), startWebhookReceiver()])
  shop = await gateway.merchant()
  slow = await slowQueries(() => gateway.url)
})
afterAll(async () => {
  await slow?.close()
  await receiver?.close()
  await gateway?.stop()
  rmSync(copies, { recursive: true, force: true })
})

/** A proxy to the gateway that can hold a query back, so that a test can act between a webhook and the query. */
interface SlowQueries {
  readonly url: string
  /** Resolves when the next query has arrived, with a function that lets that query go on. */
  readonly nextQuery: () => Promise<() => void>
  readonly close: () => Promise<void>
}

const slowQueries = async (target: () => string): Promise<SlowQueries> => {
  let heard: ((release: () => void) => void) | undefined
  const { url, close } = await startLoopback(async (request, response) => {
    const body = await buffer(request)
    const path = request.url ?? "/"
    const listener = heard
    if (path === "/api/cashier/order-query" && listener !== undefined) {
      heard = undefined
      await new Promise<void>((release) => listener(release))
    }
    const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers
    const answer = await fetch(target() + path, {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      body
    })
    const type = answer.headers.get("content-type") ?? ""
    response.writeHead(answer.status, { "Content-Type": type }).end(Buffer.from(await answer.arrayBuffer()))
  })
  return {
    url,
    nextQuery: () =>
      new Promise((done) => {
        heard = done
      }),
    close
  }
}

interface Run {
  readonly stdout: () => string
  readonly stderr: () => string
  /** The rest of the stdout line that begins with `word`, once it is there. @throws where the program ends without it */
  readonly says: (word: string) => Promise<string>
  /** Its exit code. */
  readonly exit: Promise<number>
  /** Kills it and every process that it has started. */
  readonly kill: () => void
}

/** Starts a shell command in a sample's copy, with a merchant's three variables and no other setting of PayHub. */
const launch = (folder: string, command: string, env: Readonly<Record<string, string>> = {}, stdin = ""): Run => {
  const child: ChildProcess = spawn("sh", ["-c", command], {
    cwd: join(copies, folder),
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: tmpdir(),
      PAYHUB_URL: slow.url,
      PAYHUB_APP_ID: shop.appId,
      PAYHUB_APP_SECRET: shop.secret,
      // Go works without the network and keeps its caches beside the copies.
      GOCACHE: join(copies, ".go-build"),
      GOPATH: join(copies, ".go"),
      GOFLAGS: "-mod=mod",
      GOPROXY: "off",
      GOWORK: "off",
      ...env
    }
  })
  const pid = child.pid ?? 0
  endsWithUs(pid)
  let stdout = ""
  let stderr = ""
  let look = () => {}
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    look()
  })
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  // A verifier may refuse before it has read everything.
  child.stdin?.on("error", () => {})
  child.stdin?.end(stdin)
  const exit = new Promise<number>((done) =>
    child.once("close", (code) => {
      ended(pid)
      done(code ?? -1)
    })
  )
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    says: (word) =>
      new Promise((done, fail) => {
        look = () => {
          const found = new RegExp(`^${word} (.+)\\n`, "m").exec(stdout)
          if (found?.[1] !== undefined) done(found[1])
        }
        look()
        exit.then((code) => fail(new Error(`it ended with ${code} and never said ${word}:\n${stdout}${stderr}`)))
      }),
    kill: () => {
      try {
        process.kill(-pid, "SIGKILL")
      } catch {
        // It has ended already.
      }
    }
  }
}

/** Runs a command to its end. */
const finish = async (
  folder: string,
  command: string,
  options: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string } = {}
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  const run = launch(folder, command, options.env, options.stdin)
  const code = await run.exit
  return { code, stdout: run.stdout(), stderr: run.stderr() }
}

/** Appends to a JSON text its signature with `secret`. */
const signed = (unsigned: string, secret = shop.secret): string =>
  `${unsigned.slice(0, unsigned.lastIndexOf("}"))},"sign":"${hmac(secret, canonicalText(unsigned))}"}`

const FIELDS = {
  order_no: "QR20260315080000ABCDEFGH",
  merchant_order_no: "ORD20260315001",
  amount: "10.00",
  actual_amount: "9.94",
  status: 1,
  channel_code: "YINSHENG_QRCODE",
  pay_time: "2026-03-15 08:00:00",
  extra: 'a/b&c=d "中文" 😀\n\\'
}

const webhook = (fields: object = FIELDS): string => signed(JSON.stringify(fields))

/** The same fields and signature in another spelling of JSON. */
const ESCAPED = () =>
  webhook()
    .replaceAll("/", "\\/")
    .replaceAll("中文", "\\u4e2d\\u6587")
    .replaceAll("😀", "\\ud83d\\uDE00")
    .replaceAll(/,"/g, ' ,\n\t"')

const genuine: ReadonlyArray<readonly [what: string, body: () => string]> = [
  ["as the gateway writes it", () => webhook()],
  ["with escapes and white space", ESCAPED],
  ["with an empty extra", () => webhook({ ...FIELDS, extra: "" })],
  ["with words and other numbers", () => signed('{"a":true,"b":false,"zero":0,"none":null,"Z":-7}')]
]

const withField = (name: string, value: unknown) => () => JSON.stringify({ ...JSON.parse(webhook()), [name]: value })

const forged: ReadonlyArray<readonly [what: string, body: () => string]> = [
  ["another amount", withField("amount", "10.01")],
  ["another order", withField("merchant_order_no", "ORD20260315002")],
  ["another status", withField("status", 0)],
  ["another extra", withField("extra", `${FIELDS.extra} `)],
  ["an emptied field", withField("extra", "")],
  ["a further field", withField("refund", "10.00")],
  ["a signature of zeros", withField("sign", "0".repeat(64))],
  ["an empty signature", withField("sign", "")],
  ["no signature", () => JSON.stringify(FIELDS)],
  ["a signature that is no text", withField("sign", 1)],
  ["a signature with something behind it", () => webhook().replace(/"}$/, '0"}')],
  ["the signature of another secret", () => signed(JSON.stringify(FIELDS), "sk_test_another")],
  ["a nested field", () => signed('{"a":{"b":"c"}}')],
  ["a cut body", () => webhook().slice(0, -1)],
  ["something behind the body", () => `${webhook()}{}`],
  ["no body", () => ""],
  ["an array", () => "[]"]
]

test("the README's table names every sample", () => {
  expect(samples.map(({ folder }) => folder).sort()).toEqual(["curl", "go", "java", "node", "php", "python"])
})

for (const sample of samples) {
  const { folder, build, program } = sample
  describe.skipIf(!runnable(sample))(`The ${folder} sample`, () => {
    beforeAll(async () => {
      cpSync(join(SAMPLES, folder), join(copies, folder), { recursive: true })
      if (build === "") return
      const { code, stdout, stderr } = await finish(folder, build)
      if (code !== 0) throw new Error(`${build} ended with ${code}:\n${stdout}${stderr}`)
    })

    test("accepts genuine webhooks, however their JSON is written", async () => {
      const taken: string[] = []
      for (const [what, body] of genuine) {
        const { code } = await finish(folder, `${program} verify`, { stdin: body() })
        if (code === 0) taken.push(what)
      }
      expect(taken).toEqual(genuine.map(([what]) => what))
    })

    test("refuses webhooks with a changed field or a wrong signature", async () => {
      const codes: Array<readonly [string, number]> = []
      for (const [what, body] of forged) {
        const { code, stdout, stderr } = await finish(folder, `${program} verify`, { stdin: body() })
        codes.push([what, code])
        expect(stdout + stderr).not.toMatch(/panic|Traceback|Exception|Fatal|Warning|goroutine/)
      }
      expect(codes).toEqual(forged.map(([what]) => [what, 1]))
    })

    test("prints its usage for an unknown sub-command", async () => {
      const { code, stderr } = await finish(folder, `${program} other`)
      expect(stderr).toContain("usage:")
      expect(code).toBe(2)
    })

    test("ends with 1 and the gateway's message when its order is refused", async () => {
      const { code, stdout, stderr } = await finish(folder, `${program} demo`, {
        // Without a UTF-8 locale Java writes Chinese as question marks.
        env: { PAYHUB_APP_SECRET: "sk_test_wrong", LC_ALL: "C.UTF-8" }
      })
      expect(stderr).toContain("401 签名验证失败")
      expect(stdout).not.toContain("ORDER_NO")
      expect(code).toBe(1)
    })

    test.each(["PAYHUB_APP_ID", "PAYHUB_APP_SECRET"])("says in one line that %s is not set", async (name) => {
      const { code, stdout, stderr } = await finish(folder, `${program} demo`, { env: { [name]: "" } })
      expect(stdout).toBe("")
      expect(stderr).toMatch(new RegExp(`^[^\\n]*${name}\\b[^\\n]* is not set\\n$`))
      expect(code).toBe(2)
    })

    test("verifies nothing without the secret", async () => {
      const { code, stderr } = await finish(folder, `${program} verify`, {
        env: { PAYHUB_APP_SECRET: "" },
        stdin: webhook()
      })
      expect(stderr).toContain("PAYHUB_APP_SECRET")
      expect(code).toBe(2)
    })

    test("ends with one line and no success where no gateway answers, or something that is no gateway", async () => {
      const absent = await startLoopback((_request, response) => response.end())
      await absent.close()
      const page = await startLoopback((request, response) => {
        request.resume()
        response.writeHead(502, { "Content-Type": "text/html" }).end("<html>502 Bad Gateway</html>\n")
      })
      try {
        for (const url of [absent.url, page.url]) {
          const { code, stdout, stderr } = await finish(folder, `${program} demo`, { env: { PAYHUB_URL: url } })
          expect(stdout).toBe("")
          expect(stderr).toMatch(/^[^\n]{20,}\n$/)
          expect(stderr).toContain(new URL(url).port)
          expect(code).toBeGreaterThan(0)
        }
      } finally {
        await page.close()
      }
    })

    if (folder === "curl") polls(sample)
    else receives(sample)
  })
}

interface Delivery {
  readonly attempts: ReadonlyArray<unknown>
}

/** Tests the demo of a language that can listen for webhooks. */
const receives = ({ folder, program }: Sample): void => {
  test("answers its webhook before it exits, so that the webhook is delivered at the first push", async () => {
    for (let round = 0; round < 3; round++) {
      const run = launch(folder, `${program} demo`)
      try {
        const orderNo = await run.says("ORDER_NO")
        await gateway.command(["sandbox", "pay", orderNo])
        expect(await run.exit).toBe(0)
        const delivery = await until("the push's result", async () => {
          const [listed] = (await gateway.command(["webhook", "list", "--order", orderNo])) as unknown as [Delivery]
          return listed.attempts.length > 0 ? listed : undefined
        })
        expect(delivery).toMatchObject({ state: "delivered", attempts: [{ status: 200 }] })
      } finally {
        run.kill()
        await run.exit
      }
    }
  })

  test("places an order, refuses forged webhooks, accepts the real one twice, and ends PAID", async () => {
    const run = launch(folder, `${program} demo`)
    try {
      const orderNo = await run.says("ORDER_NO")
      const notifyUrl = await run.says("NOTIFY_URL")
      const push = async (body: string) => {
        const answer = await fetch(notifyUrl, { method: "POST", body, headers: { "Content-Type": "application/json" } })
        return `${answer.status} ${await answer.text()}`
      }
      const { merchant_order_no } = await gateway.command(["order", "show", orderNo])
      const mine = { ...FIELDS, merchant_order_no, order_no: orderNo }
      const refused = [
        signed(JSON.stringify(mine), "sk_test_another"),
        webhook({ ...mine, amount: "0.01" }),
        webhook({ ...mine, amount: "1000" }),
        webhook({ ...mine, status: 4 }),
        webhook({ ...mine, order_no: FIELDS.order_no }),
        webhook({ ...mine, merchant_order_no: unique("ORD") }),
        "x".repeat(70_000)
      ]
      for (const body of refused) expect(await push(body)).toMatch(/^4\d\d (?!success)/)

      const query = slow.nextQuery()
      await gateway.command(["sandbox", "pay", orderNo])
      const release = await Promise.race([
        query,
        run.exit.then((code) => {
          throw new Error(`it ended with ${code} before it queried:\n${run.stdout()}${run.stderr()}`)
        })
      ])
      // The query is held back, so the webhook has arrived. PayHub pushes again where an answer was lost.
      const [delivery] = (await gateway.command(["webhook", "list", "--order", orderNo])) as unknown as [
        { body: string }
      ]
      expect(await push(delivery.body)).toBe("200 success")
      expect(await push(delivery.body)).toBe("200 success")
      release()

      const code = await run.exit
      expect(run.stderr() + run.stdout()).not.toContain(shop.secret)
      expect(run.stdout()).toMatch(/^PAID 10\.00\n$/m)
      expect(code).toBe(0)
    } finally {
      run.kill()
      await run.exit
    }
  })
}

/** Tests the demo of the shell, which cannot listen for webhooks. */
const polls = ({ folder, program }: Sample): void => {
  const pay = async (run: Run) => {
    const orderNo = await run.says("ORDER_NO")
    await gateway.command(["sandbox", "pay", orderNo])
    return orderNo
  }

  test("places an order, reads its webhook from the file that a server stored, and ends PAID", async () => {
    const inbox = receiver.inbox()
    const file = join(copies, "webhook.json")
    const run = launch(folder, `${program} demo`, { NOTIFY_URL: inbox.url, WEBHOOK_FILE: file })
    try {
      await pay(run)
      const [push] = await inbox.waitFor(1)
      writeFileSync(`${file}.new`, push?.bytes ?? "")
      renameSync(`${file}.new`, file)
      const code = await run.exit
      expect(run.stdout()).toMatch(/^WEBHOOK verified\nPAID 10\.00\n$/m)
      expect(code).toBe(0)
    } finally {
      run.kill()
      await run.exit
    }
  })

  test("refuses a stored webhook that is signed but has another amount, status or order", async () => {
    for (const [change, why] of [
      [{ amount: "0.01" }, "status or amount does not match"],
      [{ status: 4 }, "status or amount does not match"],
      [{ order_no: FIELDS.order_no }, "of another order"]
    ] as const) {
      const file = join(copies, `${unique()}.json`)
      const run = launch(folder, `${program} demo`, { NOTIFY_URL: receiver.inbox().url, WEBHOOK_FILE: file })
      try {
        const order_no = await run.says("ORDER_NO")
        const { merchant_order_no } = await gateway.command(["order", "show", order_no])
        writeFileSync(file, webhook({ ...FIELDS, order_no, merchant_order_no, ...change }))
        expect(await run.exit).toBe(1)
        expect(run.stderr()).toContain(why)
      } finally {
        run.kill()
        await run.exit
      }
    }
  })

  test("queries until the order is paid, and verifies the webhook that the gateway lists", async () => {
    const run = launch(folder, `${program} demo`, { NOTIFY_URL: receiver.inbox().url })
    try {
      const orderNo = await pay(run)
      const code = await run.exit
      expect(run.stdout()).toMatch(/^PAID 10\.00\n$/m)
      expect(code).toBe(0)

      const listed = JSON.stringify(await gateway.command(["webhook", "list", "--order", orderNo]))
      const taken = await finish(folder, `. ./payhub.sh; payhub_field 0.body > body; ${program} verify < body`, {
        stdin: listed
      })
      expect(taken).toMatchObject({ code: 0 })
    } finally {
      run.kill()
      await run.exit
    }
  })
}
