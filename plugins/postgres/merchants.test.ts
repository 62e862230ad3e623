import { setDefaultTimeout } from "bun:test"
import { merchantsSuite } from "../../tests/harness/suites/merchants.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

merchantsSuite("PostgreSQL", openPostgres)
