import { mkdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises"
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Effect, Schema } from "effect"
import { hinted } from "./inputs.ts"
import { OperatorError, plainOperation } from "./operation.ts"

const HOME = fileURLToPath(new URL("../..", import.meta.url))

/** The channel that is copied: a complete one with its own tests. */
const TEMPLATE = join(HOME, "examples/my-channel")
const FILES = ["index.ts", "simulator.ts", "index.test.ts", "order.ts", "README.md"]

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const NAME_CHARS_MAX = 32
/** `channels/protocols` contains what channels share. */
const RESERVED = ["protocols"]

const Name = hinted(
  Schema.String.check(
    Schema.makeFilter((name) => NAME.test(name) && name.length <= NAME_CHARS_MAX && !RESERVED.includes(name), {
      message: `must be ${NAME_CHARS_MAX} characters at most of a-z, 0-9 and single hyphens, and begin with a letter`
    })
  ),
  { help: "The channel's id and its folder's name, such as my-channel", placeholder: "NAME" }
)

/** `payhub channel new` writes a working channel into a folder of its own and touches no other file. */
export const channelNew = plainOperation({
  name: "channel.new",
  summary: "Write the folder of a new channel, with a simulator of its provider and tests; nothing else is touched",
  permission: "channels:write",
  scope: "gateway",
  positional: ["name"],
  input: Schema.Struct({
    name: Name,
    folder: Schema.optionalKey(
      hinted(Schema.String, { help: "Where to write it (default: channels/NAME)", placeholder: "FOLDER" })
    )
  }),
  output: Schema.Struct({
    id: Schema.String,
    /** The channel_code that merchants send. */
    code: Schema.String,
    folder: Schema.String,
    files: Schema.Array(Schema.String),
    /** Whether the gateway finds it at the start; otherwise PAYHUB_CHANNELS has to name the folder. */
    found_at_start: Schema.Boolean
  }),
  afterword: ({ folder, found_at_start }) =>
    [
      `Next: npx bun test ${asPath(folder)}`,
      `      npx payhub start${found_at_start ? "" : `   with PAYHUB_CHANNELS=${asPath(folder)}`}`,
      `Then fill in its blanks; ${folder}/README.md goes through them.`
    ].join("\n"),
  run: (_actor, { name, folder }) =>
    Effect.tryPromise({
      try: () => scaffold(name, folder ?? join("channels", name)),
      catch: (error) =>
        error instanceof OperatorError
          ? error
          : new OperatorError({ message: `The folder cannot be written${codeOf(error)}.` })
    })
})

const scaffold = async (name: string, asked: string) => {
  const target = resolve(process.cwd(), asked)
  if (await exists(join(HOME, "channels", name))) throw refused(`There is a channel ${name} already.`)
  if (await exists(target)) throw refused(`${asked} exists already: name another folder with --folder.`)
  await mkdir(dirname(target), { recursive: true })
  // Imports are resolved from a folder's real path, behind any link.
  const real = join(await realpath(dirname(target)), target.slice(dirname(target).length))
  const folder = shown(target)
  const code = name.replaceAll("-", "_").toUpperCase()
  const found = real === resolve(await realpath(HOME), "channels", name)
  const names = { name, code, folder, core: pathFrom(real, join(await realpath(HOME), "core")), found }
  const written = await Promise.all(
    FILES.map(async (file) => {
      const text = await readFile(join(TEMPLATE, file), "utf8")
      return [file, filledIn(text, names)] as const
    })
  )
  // Fails if another process has just made the folder.
  await mkdir(target)
  try {
    for (const [file, text] of written) await writeFile(join(target, file), text, { flag: "wx" })
  } catch (error) {
    await rm(target, { recursive: true, force: true })
    throw error
  }
  return { id: name, code, folder, files: written.map(([file]) => `${folder}/${file}`), found_at_start: found }
}

/** A template file with its names replaced by the new channel's. */
const filledIn = (
  template: string,
  to: {
    readonly name: string
    readonly code: string
    readonly folder: string
    readonly core: string
    readonly found: boolean
  }
): string => {
  const title = to.name
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join(" ")
  const replaced: Readonly<Record<string, string>> = {
    "../../core/": `${to.core}/`,
    "./examples/my-channel": asPath(to.folder),
    "examples/my-channel": to.folder,
    "my-channel": to.name,
    MY_CHANNEL: to.code,
    "My Channel": title
  }
  // A folder that is found at the start must not be named in PAYHUB_CHANNELS too: it would be loaded twice. Names are
  // replaced in one pass, because a folder's path may contain the template's name.
  return (to.found ? template.replaceAll(NAMED_AT_START, "") : template).replaceAll(
    NAMES,
    (found) => replaced[found] ?? found
  )
}

const NAMES = /\.\.\/\.\.\/core\/|(\.\/)?examples\/my-channel|my-channel|MY_CHANNEL|My Channel/g
const NAMED_AT_START = /( *export )?PAYHUB_CHANNELS=\.\/examples\/my-channel[ \n]|, with the same `PAYHUB_CHANNELS`/g

/** A relative import specifier: it works on Bun and Deno, inside and outside this repository. */
const pathFrom = (folder: string, to: string): string => {
  const path = relative(folder, to).split(sep).join("/")
  return path.startsWith(".") ? path : `./${path}`
}

/** A path as a person types it: relative to the working directory unless it lies outside. */
const shown = (target: string): string => {
  const path = relative(process.cwd(), target)
  return path.startsWith("..") || isAbsolute(path) ? target : path.split(sep).join("/")
}

/** Starts a relative folder with "./", so that it is read as a path and not as a package or a test's name. */
const asPath = (folder: string): string => (isAbsolute(folder) ? folder : `./${folder}`)

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false
  )

const refused = (message: string): OperatorError => new OperatorError({ message })

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? ` (${String(error.code)})` : "")
