import { setDefaultTimeout } from "bun:test"

// Gateways, databases and browsers start and stop in these tests, on machines that do other things too.
setDefaultTimeout(60_000)
