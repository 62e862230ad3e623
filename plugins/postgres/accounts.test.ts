import { setDefaultTimeout } from "bun:test"
import { accountsSuite } from "../../tests/harness/suites/accounts.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

accountsSuite("PostgreSQL", openPostgres)
