import { setDefaultTimeout } from "bun:test"
import { channelFactsSuite } from "../../tests/harness/suites/channel-facts.ts"
import { openPostgres } from "./fixture.ts"

setDefaultTimeout(30_000)

channelFactsSuite("PostgreSQL", openPostgres)
