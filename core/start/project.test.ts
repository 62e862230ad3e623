import { afterAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findProject } from "./project.ts"

const folders: Array<string> = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A folder with files in it, by their paths. */
const folder = (files: Readonly<Record<string, string>> = {}): string => {
  const made = mkdtempSync(join(tmpdir(), "payhub-project-"))
  folders.push(made)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(made, path, ".."), { recursive: true })
    writeFileSync(join(made, path), text)
  }
  return made
}

test("the nearest folder with a gateway's data or settings is found, the program's own last", () => {
  const project = folder({ "data/master.key": "k", "examples/curl/README.md": "" })
  const inside = join(project, "examples", "curl")
  const home = folder({ "data/postgres/PG_VERSION": "18" })
  expect(findProject(inside, home).folder).toBe(project)
  expect(findProject(project, home).folder).toBe(project)
  expect(findProject(folder(), home).folder).toBe(home)
  const configured = folder({ ".env": "# ours\nPAYHUB_PORT=1\n", "deep/er/x": "" })
  expect(findProject(join(configured, "deep", "er"), home).folder).toBe(configured)
})

test("another program's .env in a parent is not ours, and where there is nothing, all that was looked at is named", () => {
  const foreign = folder({ ".env": "DATABASE_URL=postgres://other\n", "app/x": "" })
  const app = join(foreign, "app")
  const { folder: found, looked } = findProject(app, folder())
  expect(found).toBe(app)
  expect(looked.slice(0, 2)).toEqual([app, foreign])
  expect(looked.at(-1)).toBe(folders.at(-1))
})
