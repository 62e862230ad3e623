import { setDefaultTimeout } from "bun:test"
import { timelineSuite } from "../../tests/harness/suites/timeline.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

timelineSuite("PostgreSQL", openPostgres)
