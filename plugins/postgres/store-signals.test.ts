import { setDefaultTimeout } from "bun:test"
import { storeSignalsSuite } from "../../tests/harness/suites/store-signals.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

// What becomes of signals when the database goes away is in driver/database.test.ts.
storeSignalsSuite("PostgreSQL", openPostgres)
