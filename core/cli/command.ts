import { type Effect, Option, type Schema, SchemaAST } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { hintOf } from "../operator/inputs.ts"
import type { AnyOperation } from "../operator/operation.ts"

/** What was typed, by the input's keys; a JSON field still holds its file's path. */
export type Typed = Readonly<Record<string, unknown>>

/** The word that clears a setting. */
const NONE = "none"

/** How a field of an operation's input is typed in a command. */
export interface Typing {
  readonly key: string
  /** "--allow-ip", or "APP_ID" for a positional argument. */
  readonly label: string
  readonly kind: Kind
  /** The meaning of the word `none`: no value, no elements, or an ordinary text. */
  readonly none: null | readonly [] | typeof NONE
}

type Kind =
  | { readonly of: "text" | "number" | "boolean" | "texts" | "json-file" }
  | { readonly of: "choice"; readonly choices: ReadonlyArray<string> }

const YES = Flag.Boolean("yes").pipe(Flag.withDescription("Do not ask"), Flag.withoutNegation, Flag.withDefault(false))

/**
 * The command of an operation: an argument for each positional key, a flag for each other key of the input.
 * @param handle what the command does with what was typed, and whether `--yes` was
 */
export const commandOf = <R>(
  operation: AnyOperation,
  handle: (typings: ReadonlyArray<Typing>, typed: Typed, agreed: boolean) => Effect.Effect<void, never, R>
) => {
  const verb = operation.name.slice(operation.name.indexOf(".") + 1)
  const keys = Object.keys(operation.input.fields)
  // Positional arguments first, in their order: effect/cli takes them in the order of the configuration.
  const ordered = [...operation.positional, ...keys.filter((key) => !operation.positional.includes(key))]
  const fields = ordered.map((key) => fieldOf(operation, key))
  const parameters: Record<string, Command.Command.Config[string]> = {}
  for (const { typing, parameter } of fields) parameters[typing.key] = parameter
  if (operation.confirm !== undefined) parameters.yes = YES
  const typings = fields.map(({ typing }) => typing)
  return Command.make(verb, parameters, (given: Readonly<Record<string, unknown>>) => {
    const typed: Record<string, unknown> = {}
    for (const typing of typings) {
      const value = valueOf(typing, given[typing.key])
      if (value !== undefined) typed[typing.key] = value
    }
    return handle(typings, typed, given.yes === true)
  }).pipe(Command.withDescription(operation.summary))
}

const fieldOf = (operation: AnyOperation, key: string) => {
  const schema = operation.input.fields[key]
  if (schema === undefined) throw new Error(`${operation.name} has no input ${key}`)
  const { kind, nullable } = kindOf(SchemaAST.toEncoded((schema as Schema.Top).ast))
  const hint = hintOf(schema as Schema.Top)
  const isPositional = operation.positional.includes(key)
  const flag = hint?.flag ?? key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const placeholder = hint?.placeholder ?? flag.toUpperCase().replaceAll("-", "_")
  const typing: Typing = {
    key,
    label: isPositional ? placeholder : `--${flag}`,
    kind,
    none: nullable ? null : kind.of === "texts" ? [] : NONE
  }
  const optional = SchemaAST.isOptional((schema as Schema.Top).ast)
  const help = hint?.help ?? ""
  return {
    typing,
    parameter: isPositional
      ? argument(placeholder, help, optional)
      : flagOf(flag, kind, placeholder, nullable ? `${help}, or ${NONE}` : help, optional)
  }
}

const argument = (name: string, help: string, optional: boolean) => {
  const text = Argument.String(name).pipe(Argument.withDescription(help))
  return optional ? Argument.optional(text) : text
}

const flagOf = (name: string, kind: Kind, placeholder: string, help: string, optional: boolean) => {
  const named = <A>(flag: Flag.Flag<A>) => flag.pipe(Flag.withDescription(help), Flag.withMetavar(placeholder))
  const perhaps = <A>(flag: Flag.Flag<A>) => (optional ? Flag.optional(flag) : flag)
  switch (kind.of) {
    case "boolean":
      return Flag.withoutNegation(Flag.Boolean(name).pipe(Flag.withDescription(help))).pipe(Flag.withDefault(false))
    case "number":
      return perhaps(named(Flag.Int(name)))
    case "choice":
      return perhaps(named(Flag.Literals(name, kind.choices)))
    case "texts":
      return Flag.atLeast(named(Flag.String(name)), optional ? 0 : 1)
    case "text":
    case "json-file":
      return perhaps(named(Flag.String(name)))
  }
}

/** A field's kind by its encoded form; anything but a text, number, boolean, choice or list of texts is a JSON file. */
const kindOf = (ast: SchemaAST.AST): { readonly kind: Kind; readonly nullable: boolean } => {
  const members = SchemaAST.isUnion(ast) ? ast.types : [ast]
  const kept = members.filter((member) => !SchemaAST.isNull(member))
  const nullable = kept.length < members.length
  const [only] = kept
  if (kept.length > 0 && kept.every((member) => SchemaAST.isLiteral(member) && typeof member.literal === "string")) {
    return {
      kind: { of: "choice", choices: kept.map((member) => String((member as SchemaAST.Literal).literal)) },
      nullable
    }
  }
  if (kept.length !== 1 || only === undefined) return { kind: { of: "json-file" }, nullable: false }
  if (SchemaAST.isString(only)) return { kind: { of: "text" }, nullable }
  if (SchemaAST.isNumber(only)) return { kind: { of: "number" }, nullable }
  if (SchemaAST.isBoolean(only)) return { kind: { of: "boolean" }, nullable }
  if (SchemaAST.isArrays(only) && only.rest[0] !== undefined && SchemaAST.isString(only.rest[0])) {
    return { kind: { of: "texts" }, nullable }
  }
  return { kind: { of: "json-file" }, nullable }
}

/** A value for the input schema to decode; undefined = not typed, so that an update leaves the setting as it is. */
const valueOf = ({ kind, none }: Typing, given: unknown): unknown => {
  const value = Option.isOption(given) ? Option.getOrUndefined(given) : given
  if (kind.of === "boolean") return value === true ? true : undefined
  if (!Array.isArray(value)) return value === NONE ? none : value
  if (value.length === 0) return undefined
  return value.length === 1 && value[0] === NONE ? none : value
}
