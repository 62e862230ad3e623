import { lines, type SampleLanguage, target } from "./sample.ts"

export const node: SampleLanguage = {
  id: "JavaScript",
  title: "Node",
  file: "sample.mjs",
  run: "node sample.mjs",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    if (method === "GET") {
      return `const response = await fetch(process.env.PAYHUB_URL + ${JSON.stringify(target(call))})
console.log(await response.text())
`
    }
    const own = Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    const send = `const response = await fetch(\`\${PAYHUB_URL}${path}\`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(params)
})
console.log(await response.text())
`
    if (!signed) {
      return `const { PAYHUB_URL } = process.env

const params = {
${lines("  ", own.map(comma))}
}

${send}`
    }
    return `import { createHmac, randomBytes } from "node:crypto"

const { PAYHUB_URL, PAYHUB_APP_ID, PAYHUB_APP_SECRET } = process.env

const params = {
  app_id: PAYHUB_APP_ID,
  timestamp: Math.floor(Date.now() / 1000),
  nonce: randomBytes(16).toString("hex"),
${lines("  ", own.map(comma))}
}

// ${comments.sign}
const canonical = Object.keys(params)
  .filter((name) => params[name] !== null && params[name] !== "")
  .sort()
  .map((name) => \`\${name}=\${params[name]}\`)
  .join("&")
params.sign = createHmac("sha256", PAYHUB_APP_SECRET).update(canonical).digest("hex")

${send}`
  }
}

const comma = (text: string, i: number, all: ReadonlyArray<string>): string => (i < all.length - 1 ? `${text},` : text)
