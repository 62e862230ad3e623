import { setDefaultTimeout } from "bun:test"
import { noticesSuite } from "../../tests/harness/suites/notices.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

noticesSuite("PostgreSQL", openPostgres)
