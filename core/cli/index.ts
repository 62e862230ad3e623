import { readFile } from "node:fs/promises"
import process from "node:process"
import { text as readAll } from "node:stream/consumers"
import { Cause, Effect, Exit, FileSystem, Layer, Logger, Path, References, Stdio, Terminal } from "effect"
import { CliConfig, CliError, CliOutput, Command, Flag, GlobalFlag } from "effect/cli"
import { ChildProcessSpawner } from "effect/process"
import type { GatewayConfig } from "../config/gateway-config.ts"
import type { StartRefused } from "../config/start-refused.ts"
import { OPERATIONS } from "../operator/index.ts"
import {
  type Actor,
  type AnyOperation,
  OperatorError,
  type OperatorFailure,
  type OperatorServices,
  type Outcome
} from "../operator/operation.ts"
import { commandOf, type Typed, type Typing } from "./command.ts"
import { DONE, type Failure, failureOf, failureText, REFUSED, WRONG_USAGE } from "./failure.ts"
import { humanText } from "./human.ts"

/** Upper bound of worker processes per machine. */
const WORKERS_MAX = 64

const NOUNS: Readonly<Record<string, string>> = {
  merchant: "Merchants and their secrets",
  channel: "Channel providers and the accounts at them",
  order: "Orders and their timelines",
  webhook: "Webhook deliveries",
  key: "The master key that seals stored secrets"
}

export interface CliOptions {
  /** The arguments after the program's name. */
  readonly argv: ReadonlyArray<string>
  /** The environment, `.env` already merged in. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readConfig: (env: CliOptions["env"]) => Effect.Effect<GatewayConfig, StartRefused>
  readonly version: string
  /** How this program is called, for commands that people paste: "npx payhub". */
  readonly program: string
  /** `payhub start`: serves in `workers` processes until it is told to stop, and returns the exit code. */
  readonly start: (config: GatewayConfig, workers: number) => Promise<number>
  /**
   * `payhub simulator`: runs simulated providers until it is told to stop, and returns the exit code.
   * @param json print one JSON document instead of text
   */
  readonly simulator?: (json: boolean) => Promise<number>
  /** The services of the operations; made for one command and closed after it. */
  readonly services: (config: GatewayConfig) => Layer.Layer<OperatorServices, StartRefused>
  /** Operations that belong to a loaded channel and not to the core. */
  readonly extraOperations?: ReadonlyArray<AnyOperation>
  /** Descriptions of the nouns that `extraOperations` add, for the help. */
  readonly extraNouns?: Readonly<Record<string, string>>
  /** Asks the person at the terminal; false where there is none. */
  readonly confirm: (question: string) => Promise<boolean>
  /** Standard output and error; each text ends with a line break. */
  readonly write: (text: string) => void
  readonly writeError: (text: string) => void
}

const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON document and nothing else"),
    Flag.withoutNegation,
    Flag.withDefault(false)
  )
})

/** Runs one command line and returns its exit code; it neither throws nor ends the process. */
export const runCli = async (given: CliOptions): Promise<number> => {
  const pasteable = (text: string) => text.replaceAll(/`payhub (?=[a-z])/g, `\`${given.program} `)
  const isJson = given.argv.includes("--json")
  const options: CliOptions = {
    ...given,
    write: (text) => given.write(isJson ? text : pasteable(text)),
    writeError: (text) => given.writeError(isJson ? text : pasteable(text))
  }
  let code = DONE
  const fail = (failure: Failure): number => {
    options.writeError(failureText(failure, isJson))
    return failure.code
  }
  const setCode = (next: number) =>
    Effect.sync(() => {
      code = next
    })

  const act = (operation: AnyOperation) => (typings: ReadonlyArray<Typing>, typed: Typed, agreed: boolean) =>
    Effect.gen(function* () {
      const json = yield* Json
      if (operation.confirm !== undefined && !agreed) {
        const { confirm } = operation
        if (!(yield* Effect.promise(() => options.confirm(`${confirm} Go on?`)))) {
          const message = `Nothing was done: this asks first, and nobody has answered yes. ${confirm} Add --yes to go on.`
          return yield* setCode(fail({ code: REFUSED, problems: [{ field: null, message }], help: null }))
        }
      }
      const exit = yield* Effect.exit(perform(options, operation, typings, typed))
      if (Exit.isFailure(exit)) return yield* setCode(fail(failureOf(options.env, exit.cause, operation, typings)))
      const { output, succeeded, afterword } = exit.value
      options.write(
        json
          ? `${JSON.stringify(output, null, 2)}\n`
          : `${humanText(output, operation.columns)}\n${afterword === undefined ? "" : `\n${afterword}\n`}`
      )
      yield* setCode(succeeded ? DONE : REFUSED)
    })

  const workers = Flag.Int("workers").pipe(
    Flag.withDescription(`Processes that share the port, 1 to ${WORKERS_MAX}; more than 1 needs REDIS_URL`),
    Flag.withMetavar("N"),
    Flag.filter(
      (count) => count >= 1 && count <= WORKERS_MAX,
      () => `must be from 1 to ${WORKERS_MAX}`
    ),
    Flag.withDefault(1)
  )
  const start = Command.make("start", { workers }, (typed) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.flatMap(options.readConfig(options.env), (config) =>
          Effect.promise(() => options.start(config, typed.workers))
        )
      )
      yield* setCode(Exit.isSuccess(exit) ? exit.value : fail(failureOf(options.env, exit.cause)))
    })
  ).pipe(Command.withDescription("Start the gateway; it prints where it listens and runs until it is stopped"))

  const { simulator } = options
  const simulators =
    simulator === undefined
      ? []
      : [
          Command.make("simulator", {}, () =>
            Effect.gen(function* () {
              const json = yield* Json
              yield* setCode(yield* Effect.promise(() => simulator(json)))
            })
          ).pipe(
            Command.withDescription("Start simulated providers to play with; it prints account files for `channel add`")
          )
        ]

  const operations = [...OPERATIONS, ...(options.extraOperations ?? [])]
  const nouns = [...new Set(operations.map(({ name }) => nounOf(name)))].map((noun) =>
    Command.make(noun).pipe(
      Command.withDescription(NOUNS[noun] ?? options.extraNouns?.[noun] ?? `What can be done with the ${noun}`),
      Command.withSubcommands(
        operations.filter(({ name }) => nounOf(name) === noun).map((operation) => commandOf(operation, act(operation)))
      )
    )
  )
  const payhub = Command.make("payhub").pipe(
    Command.withDescription("The operator's commands of the PayHub payment gateway"),
    Command.withSubcommands([start, ...nouns, ...simulators]),
    Command.withGlobalFlags([Json]),
    Command.withExamples([
      { command: "payhub start", description: "Start the gateway" },
      { command: 'payhub merchant create --name "Tea House" --test', description: "Make a test merchant" },
      { command: "payhub order show QR20260315080000ABCD1234 --json", description: "Show an order as JSON" }
    ])
  )

  const exit = await Effect.runPromiseExit(
    Command.runWith(payhub, { version: options.version })(options.argv).pipe(Effect.provide(terminal(options)))
  )
  if (Exit.isSuccess(exit)) return code
  const failure = Cause.findErrorOption(exit.cause)
  // The presenter has printed what is wrong; `payhub` alone is not an error but prints the help.
  if (failure._tag === "Some" && CliError.isCliError(failure.value)) {
    return options.argv.length === 0 ? DONE : WRONG_USAGE
  }
  return fail(failureOf(options.env, exit.cause))
}

const nounOf = (name: string): string => name.slice(0, name.indexOf("."))

const actorOf = (env: CliOptions["env"]): Actor => ({
  kind: "operator",
  name: env.USER ?? env.LOGNAME ?? env.USERNAME ?? "operator"
})

const perform = (
  options: CliOptions,
  operation: AnyOperation,
  typings: ReadonlyArray<Typing>,
  typed: Typed
): Effect.Effect<Outcome, OperatorFailure | StartRefused> =>
  Effect.gen(function* () {
    const input: Record<string, unknown> = { ...typed }
    for (const { key, kind } of typings) {
      const path = typed[key]
      if (kind.of === "json-file" && typeof path === "string") input[key] = yield* readJson(path)
    }
    // A wrong input fails before a database is started for the command.
    yield* operation.check(input)
    const actor = actorOf(options.env)
    if (operation.needs === "nothing") return yield* operation.perform(actor, input)
    const config = yield* options.readConfig(options.env)
    return yield* operation.perform(actor, input).pipe(Effect.provide(options.services(config)))
  })

/** Reads a JSON file, or standard input for `-`. The errors do not quote the file, because it contains secrets. */
const readJson = (path: string): Effect.Effect<unknown, OperatorError> =>
  Effect.tryPromise({
    try: () => (path === "-" ? readAll(process.stdin) : readFile(path, "utf8")),
    catch: (cause) => {
      const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : ""
      return new OperatorError({ message: `The file ${path} cannot be read${code}.` })
    }
  }).pipe(
    Effect.flatMap((text) =>
      Effect.try({
        try: (): unknown => JSON.parse(text.replace(/^\ufeff/, "")),
        catch: () => new OperatorError({ message: `The file ${path} is not JSON.` })
      })
    )
  )

/** The services of effect/cli, which parses and explains; reading, writing and running are ours. */
const terminal = (options: CliOptions) =>
  Layer.mergeAll(
    FileSystem.layerNoop({}),
    Path.layer,
    Stdio.layerTest({}),
    Layer.succeed(
      Terminal.Terminal,
      Terminal.make({
        columns: Effect.succeed(100),
        rows: Effect.succeed(50),
        size: Effect.die("no terminal"),
        readInput: Effect.die("no terminal"),
        readLine: Effect.die("no terminal"),
        display: (text) => Effect.sync(() => options.write(text))
      })
    ),
    Layer.succeed(
      ChildProcessSpawner.ChildProcessSpawner,
      ChildProcessSpawner.make(() => Effect.die("no child processes"))
    ),
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] }),
    CliOutput.layerPresenter({
      present: (event) =>
        Effect.sync(() => {
          const formatter = CliOutput.defaultFormatter({ colors: false })
          if (event._tag === "Version") return options.write(`${event.version}\n`)
          if (event._tag === "InvalidInvocation") {
            const problems = event.errors.map(({ message }) => ({ field: null, message }))
            const failure: Failure = { code: WRONG_USAGE, problems, help: event.commandPath.join(" ") }
            return options.writeError(failureText(failure, options.argv.includes("--json")))
          }
          // The library omits the empty line between the commands and the examples.
          const help = `${formatter.formatHelpDoc(event.helpDoc).replace("\nEXAMPLES", "\n\nEXAMPLES")}\n`
          return event.reason === "Requested" || options.argv.length === 0
            ? options.write(help)
            : options.writeError(help)
        })
    }),
    // Standard output is for the answer only, so log lines go to standard error.
    Logger.layer([Logger.map(Logger.formatLogFmt, (line) => options.writeError(`${line}\n`))]),
    Layer.succeed(References.MinimumLogLevel, "Warn")
  )
