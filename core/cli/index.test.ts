import { describe, expect, test } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { operator, payhubWith, STORE_REFUSAL, withoutStore } from "../../tests/harness/cli.ts"
import { operation } from "../operator/operation.ts"

const SECRETS = {
  DATABASE_URL: "postgres://payhub:the-password@localhost/payhub",
  PAYHUB_OWNER_URL: "postgres://owner:the-password-of-the-owner@localhost/payhub",
  REDIS_URL: "redis://:the-password-of-redis@localhost",
  PAYHUB_MASTER_KEY: Buffer.alloc(32, 1).toString("base64"),
  PAYHUB_MASTER_KEY_OLD: Buffer.alloc(32, 2).toString("base64"),
  PAYHUB_METRICS_TOKEN: "the-token-of-the-metrics"
}

/** An operation of a loaded channel, not one of the core's own. */
const playgroundPay = operation({
  name: "playground.pay",
  summary: "Pay an order in the playground",
  permission: "orders:write",
  scope: "merchant",
  positional: ["orderNo"],
  input: Schema.Struct({
    orderNo: Schema.String,
    amountFen: Schema.optionalKey(Schema.Int),
    forge: Schema.optionalKey(Schema.Boolean)
  }),
  output: Schema.Struct({ paid: Schema.String, amountFen: Schema.NullOr(Schema.Number), forge: Schema.Boolean }),
  run: (actor, { orderNo, amountFen, forge = false }) =>
    orderNo === "bug"
      ? Effect.die(new Error(`cannot parse ${Object.values(SECRETS).join(" ")}`))
      : Effect.succeed({ paid: `${orderNo} by ${actor.name}`, amountFen: amountFen ?? null, forge })
})

const { payhub } = operator()
const payhubWithoutStore = payhubWith(withoutStore, {}, [playgroundPay])
const payhubWithExtra = (env: Record<string, string> = {}) =>
  payhubWith(() => Layer.empty as never, env, [playgroundPay])

describe("help", () => {
  test.each([[["--help"]], [[]]])("of payhub %j lists the commands", async (argv: string[]) => {
    const { code, out, err } = await payhubWithoutStore(...argv)
    expect([code, err]).toEqual([0, ""])
    for (const noun of ["start", "merchant", "channel", "order", "webhook", "playground", "--json"])
      expect(out).toContain(noun)
  })

  test("of a noun lists its verbs; a noun alone is wrong usage and prints the help to stderr", async () => {
    const asked = await payhubWithoutStore("merchant", "--help")
    expect([asked.code, asked.err]).toEqual([0, ""])
    for (const verb of ["create", "list", "show", "update", "disable", "enable", "reset-secret"])
      expect(asked.out).toContain(verb)
    expect(await payhubWithoutStore("merchant")).toEqual({ code: 2, out: "", err: asked.out })
  })

  test("of a command names its flags, their values and their meaning", async () => {
    const { code, out } = await payhubWithoutStore("merchant", "create", "--help")
    expect(code).toBe(0)
    for (const flag of [
      "--name NAME",
      "--test",
      "--callback-url URL",
      "--allow-ip CIDR",
      "--throttle RULE",
      "--account ID"
    ]) {
      expect(out).toContain(flag)
    }
    const update = await payhubWithoutStore("merchant", "update", "--help")
    expect(update.out).toMatch(/--callback-url URL {2,}Where webhooks go .*, or none/)
    expect(update.out).toContain("<APP_ID>")
  })

  test("has a sentence for every flag and command", async () => {
    for (const noun of ["merchant", "channel", "order", "webhook"]) {
      const { out } = await payhubWithoutStore(noun, "--help")
      const verbs = [...out.slice(out.indexOf("SUBCOMMANDS")).matchAll(/^ {2}(\S+)( {2,}\S.*)?$/gm)]
      expect(verbs.length).toBeGreaterThan(1)
      for (const [line, verb = "", summary] of verbs) {
        expect([line, summary !== undefined]).toEqual([line, true])
        const help = (await payhubWithoutStore(noun, verb, "--help")).out
        for (const [flagLine] of help.matchAll(/^ {2}(--?[a-z].*)$/gm)) expect(flagLine).toMatch(/ {2,}\S+ \S+/)
      }
    }
  })

  test("--version is the version and nothing else", async () => {
    expect(await payhubWithoutStore("--version")).toEqual({ code: 0, out: "1.2.3\n", err: "" })
  })
})

/** A failure's JSON document as the sentences that a person gets. */
const sentences = (json: string): string => {
  const { error } = JSON.parse(json) as {
    readonly error: {
      readonly problems: ReadonlyArray<{ readonly field: string | null; readonly message: string }>
      readonly help: string | null
    }
  }
  const lines = error.problems.map(({ field, message }) => (field === null ? message : `${field}: ${message}`))
  return `${[...lines, ...(error.help === null ? [] : [`\`${error.help} --help\` shows what it takes.`])].join("\n")}\n`
}

describe("wrong usage exits with 2, says what is wrong on stderr and opens no database", () => {
  test.each([
    [["foo"], 'Unknown subcommand "foo"'],
    [["merchant", "creat"], "create"],
    [["merchant", "create"], "--name"],
    [["merchant", "create", "--name"], "--name"],
    [["merchant", "create", "--name", "x", "--nme", "y"], "--nme"],
    [["merchant", "create", "--name", ""], "--name: must be 1 to 64 characters"],
    [["merchant", "create", "--name", "x", "--throttle", "5"], "--throttle: must be calls per window"],
    [["merchant", "create", "--name", "x", "--allow-ip", "10.0.0.1", "--allow-ip", "shop"], "--allow-ip: must be"],
    [["merchant", "show"], "APP_ID"],
    [["merchant", "show", "a", "b"], '"b"'],
    [["merchant", "reset-secret", "a", "--overlap", "soon"], "--overlap: must be a time"],
    [["channel", "add", "bank", "--name", "x"], "--account"],
    [["order", "list", "--status", "paidd"], "--status: must be one of PENDING"],
    [["order", "list", "--limit", "0"], "--limit: must be from 1 to 1000"],
    [["order", "list", "--limit", "x"], "--limit"],
    [["order", "list", "--since", "yesterday"], "--since: must be a time"]
  ])("payhub %j", async (argv: string[], said: string) => {
    const { code, out, err } = await payhubWithoutStore(...argv)
    expect([code, out]).toEqual([2, ""])
    expect(err).toContain(said)
    expect(err).toMatch(/`payhub.* --help` shows what it takes/)
    const json = await payhubWithoutStore(...argv, "--json")
    expect([json.code, json.out, sentences(json.err)]).toEqual([2, "", err])
  })

  test("and an update of nothing", async () => {
    const { code, err } = await payhub("merchant", "update", "pk_test_x")
    expect([code, err.split("\n")[0]]).toEqual([2, "name something to change"])
  })
})

describe("a command that fails exits with 1 and prints a sentence to stderr", () => {
  test.each([
    [["merchant", "show", "pk_live_nobody"], "There is no merchant pk_live_nobody."],
    [["merchant", "update", "pk_live_nobody", "--name", "x"], "There is no merchant pk_live_nobody."],
    [["merchant", "disable", "pk_live_nobody"], "There is no merchant pk_live_nobody."],
    [["merchant", "reset-secret", "pk_live_nobody"], "There is no merchant pk_live_nobody."],
    [["merchant", "create", "--name", "x", "--account", "acc_none"], "There is no channel account acc_none."],
    [["order", "list", "--app-id", "pk_live_nobody"], "There is no merchant pk_live_nobody."],
    [["order", "show", "QR1"], "There is no order QR1."],
    [["webhook", "resend", "QR1"], "There is no order QR1."],
    [["channel", "test", "acc_none"], "There is no channel account acc_none."],
    [["channel", "enable", "acc_none"], "There is no channel account acc_none."],
    [["channel", "remove", "acc_none"], "There is no channel account acc_none."]
  ])("payhub %j", async (argv: string[], said: string) => {
    const { code, out, err } = await payhub(...argv)
    expect([code, out]).toEqual([1, ""])
    expect(err).toStartWith(said)
    const json = await payhub(...argv, "--json")
    expect([json.code, json.out, sentences(json.err)]).toEqual([1, "", err])
  })

  test("a refusal of the database is printed as it is", async () => {
    expect(await payhubWithoutStore("merchant", "list")).toEqual({
      code: 1,
      out: "",
      err: `${STORE_REFUSAL}\n`
    })
  })

  test("a wrong variable is reported before anything is opened", async () => {
    const { code, err } = await payhubWith(withoutStore, { PAYHUB_PORT: "http" })("merchant", "list")
    expect([code, err]).toEqual([1, 'PAYHUB_PORT must be a port from 0 to 65535, but it is "http".\n'])
  })

  test("a bug is reported without the configured secrets", async () => {
    const { code, out, err } = await payhubWithExtra(SECRETS)("playground", "pay", "bug")
    expect([code, out]).toEqual([1, ""])
    for (const [variable, secret] of Object.entries(SECRETS)) {
      expect(err).toContain(`<${variable}>`)
      expect(err).not.toContain(secret)
    }
  })
})

test("start gets the configuration and decides the exit code; a wrong variable stops it", async () => {
  expect((await payhubWithoutStore("start")).code).toBe(0)
  expect((await payhubWith(withoutStore, { PAYHUB_PORT: "0" })("start")).code).toBe(7)
  const refused = await payhubWith(withoutStore, { PAYHUB_THROTTLE: "many" })("start")
  expect([refused.code, refused.out]).toEqual([1, ""])
  expect(refused.err).toContain("PAYHUB_THROTTLE")
})

test("an operation that a channel provides is a command like any other", async () => {
  const json = async (...argv: string[]) => JSON.parse((await payhubWithExtra()(...argv, "--json")).out)
  expect(await json("playground", "pay", "QR1", "--amount-fen", "5", "--forge")).toEqual({
    paid: "QR1 by chen",
    amountFen: 5,
    forge: true
  })
  expect(await json("playground", "pay", "QR1")).toEqual({ paid: "QR1 by chen", amountFen: null, forge: false })
})
