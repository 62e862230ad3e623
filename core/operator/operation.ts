import { Effect, Schema, SchemaIssue } from "effect"
import type { Channels } from "../cashier/channels.ts"
import type { Settings } from "../config/gateway-config.ts"
import type { OwnUrl } from "../config/own-url.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { Vault } from "../secrets/vault.ts"

/** Who acts: whoever can run the commands. */
export interface Actor {
  readonly kind: "operator"
  readonly name: string
}

/** What an actor must be allowed to do: a plural noun, and whether the operation changes anything. */
export type Permission = `${string}:${"read" | "write"}`

/**
 * Why an operation was not done: a plain sentence without secrets, which also says what to do if anything can be done.
 */
export class OperatorError extends Schema.TaggedError<OperatorError>()("OperatorError", { message: Schema.String }) {}

/** An input that is wrong whatever the store contains; `field` is the input's key. */
export class InputInvalid extends Schema.TaggedError<InputInvalid>()("InputInvalid", {
  problems: Schema.Array(Schema.Struct({ field: Schema.String, message: Schema.String }))
}) {
  override get message() {
    return this.problems.map(({ field, message }) => `${field}: ${message}`).join("\n")
  }
}

/** The services that an operation may use. */
export type OperatorServices = Persistence | Vault | Channels | Settings | OwnUrl

export type OperatorFailure = OperatorError | InputInvalid | StoreUnavailable

/** The result of an operation, ready to be shown. */
export interface Outcome {
  /** JSON by the operation's output schema. */
  readonly output: Schema.Json
  /** false = the operation was done and its result is negative (a provider that refuses the account): exit code 1. */
  readonly succeeded: boolean
  /** A sentence for people, below the output. */
  readonly afterword: string | undefined
}

/** An operator's act as the edges (the commands, a console) take it: they make their forms from it and run it. */
export type AnyOperation = StoreOperation | PlainOperation

interface OperationBase {
  /** Noun and verb of the command: "merchant.create". */
  readonly name: string
  /** One line for the help. */
  readonly summary: string
  readonly permission: Permission
  /**
   * `merchant`: reads or changes one merchant's data, and every statement carries that merchant.
   * `gateway`: concerns the gateway or several merchants.
   */
  readonly scope: "merchant" | "gateway"
  readonly input: Schema.Struct<Schema.Struct.Fields>
  /** Keys of the input that a command takes as positional arguments, in this order. */
  readonly positional: ReadonlyArray<string>
  /** What a person must agree to before it is done; undefined = it is done at once. */
  readonly confirm: string | undefined
  /** Keys of a list's rows that the table for people shows; undefined = all. */
  readonly columns: ReadonlyArray<string> | undefined
  /** Fails like `perform` on an input that is wrong whatever the store contains; changes nothing. */
  readonly check: (input: unknown) => Effect.Effect<void, InputInvalid>
}

/** Decodes the input, runs the operation and encodes the output. */
type Perform<R> = (actor: Actor, input: unknown) => Effect.Effect<Outcome, OperatorFailure, R>

/** An operation on the gateway's data. */
export interface StoreOperation extends OperationBase {
  readonly needs: "stores"
  readonly perform: Perform<OperatorServices>
}

/** An operation that needs no store and no configuration: it works before there is a gateway. */
export interface PlainOperation extends OperationBase {
  readonly needs: "nothing"
  readonly perform: Perform<never>
}

type Run<Input, Output, R> = (actor: Actor, input: Input) => Effect.Effect<Output, OperatorFailure, R>

export interface Operation<Input, Output> extends StoreOperation {
  readonly run: Run<Input, Output, OperatorServices>
}

interface Spec<Fields extends Schema.Struct.Fields, Output, R>
  extends Pick<OperationBase, "name" | "summary" | "permission" | "scope"> {
  readonly input: Schema.Struct<Fields> & Schema.Codec<Schema.Struct.Type<Fields>, unknown>
  readonly output: Schema.Codec<Output, unknown>
  readonly positional?: ReadonlyArray<keyof Fields & string>
  readonly confirm?: string
  readonly columns?: ReadonlyArray<string>
  readonly succeeded?: (output: Output) => boolean
  readonly afterword?: (output: Output, input: Schema.Struct.Type<Fields>) => string | undefined
  readonly run: Run<Schema.Struct.Type<Fields>, Output, R>
}

/** One operation as a value: everything about it except how it is typed or clicked. */
export const operation = <const Fields extends Schema.Struct.Fields, Output>(
  spec: Spec<Fields, Output, OperatorServices>
): Operation<Schema.Struct.Type<Fields>, Output> => ({ ...fromSpec(spec), needs: "stores" })

/** One operation that needs no gateway, as a value. */
export const plainOperation = <const Fields extends Schema.Struct.Fields, Output>(
  spec: Spec<Fields, Output, never>
): PlainOperation => ({ ...fromSpec(spec), needs: "nothing" })

const fromSpec = <Fields extends Schema.Struct.Fields, Output, R>(spec: Spec<Fields, Output, R>) => {
  const decode = (given: unknown) =>
    Schema.decodeUnknownEffect(spec.input)(given, { errors: "all" }).pipe(
      Effect.mapError((error) => inputInvalid(error.issue))
    )
  return {
    name: spec.name,
    summary: spec.summary,
    permission: spec.permission,
    scope: spec.scope,
    input: spec.input,
    positional: spec.positional ?? [],
    confirm: spec.confirm,
    columns: spec.columns,
    run: spec.run,
    check: (given: unknown) => Effect.asVoid(decode(given)),
    perform: Effect.fnUntraced(function* (actor: Actor, given: unknown) {
      const input = yield* decode(given)
      if (spec.permission.endsWith(":write")) {
        yield* Effect.logInfo("an operator acts", { operator: actor.name, operation: spec.name })
      }
      const output = yield* spec.run(actor, input)
      return {
        // An output that does not fit its schema is a bug of ours: a defect.
        output: (yield* Effect.orDie(Schema.encodeEffect(spec.output)(output))) as Schema.Json,
        succeeded: spec.succeeded?.(output) ?? true,
        afterword: spec.afterword?.(output, input)
      }
    })
  }
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => (issue._tag === "MissingKey" ? "is needed" : SchemaIssue.defaultLeafHook(issue))
})

const inputInvalid = (issue: SchemaIssue.Issue): InputInvalid =>
  new InputInvalid({
    problems: formatIssue(issue).issues.map(({ path, message }) => ({ field: String(path?.[0] ?? "input"), message }))
  })
