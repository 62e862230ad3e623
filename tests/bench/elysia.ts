import { Elysia } from "elysia"

/** The reference for HTTP alone: reads a JSON body and answers JSON, on the same framework and runtime. */
const app = new Elysia()
  .post("/", ({ body }) => ({ code: 200, message: "ok", data: body }))
  .listen({ hostname: "127.0.0.1", port: 0 })
console.log(`http://127.0.0.1:${app.server?.port}/`)
