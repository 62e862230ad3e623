import { type SampleLanguage, target } from "./sample.ts"

/** A text inside double quotes or a here-document of the shell. */
const inShell = (text: string): string => text.replace(/[\\$`]/g, "\\$&")
const quoted = (text: string): string => `"${inShell(text).replaceAll('"', '\\"')}"`

const COMMON: Readonly<Record<string, string>> = { app_id: "$PAYHUB_APP_ID", timestamp: "$now", nonce: "$nonce" }

export const curl: SampleLanguage = {
  id: "Shell",
  title: "curl",
  file: "sample.sh",
  run: "sh sample.sh",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    if (method === "GET") return `curl -sS "$PAYHUB_URL"${quoted(target(call))}\n`
    const own = Object.entries(fields).map(([name, value]) => `"${name}": ${inShell(JSON.stringify(value))}`)
    const send = (members: ReadonlyArray<string>) =>
      `curl -sS "$PAYHUB_URL${path}" -H 'Content-Type: application/json' -d @- <<JSON
{
  ${members.join(",\n  ")}
}
JSON
`
    if (!signed) return send(own)
    const canonical = [...Object.entries(fields), ...Object.entries(COMMON)]
      .filter(([, value]) => value !== "")
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${name in COMMON ? value : quoted(String(value)).slice(1, -1)}`)
    return `now=$(date +%s); nonce=$(openssl rand -hex 16)

# ${comments.sign}
canonical="${canonical.join("&")}"
sign=$(printf %s "$canonical" | openssl dgst -sha256 -hmac "$PAYHUB_APP_SECRET" | sed 's/.*= *//')

${send(['"app_id": "$PAYHUB_APP_ID"', '"timestamp": $now', '"nonce": "$nonce"', ...own, '"sign": "$sign"'])}`
  }
}
