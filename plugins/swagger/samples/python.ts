import { lines, type SampleLanguage, target } from "./sample.ts"

/** A JSON string without surrogate escapes is a string of Python too. */
const literal = (value: string | number): string => JSON.stringify(value)

export const python: SampleLanguage = {
  id: "Python",
  title: "Python",
  file: "sample.py",
  run: "python3 sample.py",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    const read = (request: string) => `try:
    response = urllib.request.urlopen(${request})
except urllib.error.HTTPError as error:
    response = error  # 4xx, 5xx: {"code", "message", "data"}
print(response.read().decode("utf-8"))
`
    const imports = (names: ReadonlyArray<string>) => `${names.map((name) => `import ${name}`).join("\n")}\n`
    if (method === "GET") {
      return `${imports(["os", "urllib.error", "urllib.request"])}
${read(`os.environ["PAYHUB_URL"] + ${literal(target(call))}`)}`
    }
    const own = lines(
      "    ",
      Object.entries(fields).map(([name, value]) => `"${name}": ${literal(value)},`)
    )
    const send = `body = json.dumps(params, ensure_ascii=False).encode("utf-8")
request = urllib.request.Request(
    os.environ["PAYHUB_URL"] + "${path}", body, {"Content-Type": "application/json"}
)
${read("request")}`
    if (!signed) {
      return `${imports(["json", "os", "urllib.error", "urllib.request"])}
params = {
${own}
}

${send}`
    }
    return `${imports(["hashlib", "hmac", "json", "os", "secrets", "time", "urllib.error", "urllib.request"])}
params = {
    "app_id": os.environ["PAYHUB_APP_ID"],
    "timestamp": int(time.time()),
    "nonce": secrets.token_hex(16),
${own}
}

# ${comments.sign}
canonical = "&".join(
    f"{name}={params[name]}" for name in sorted(params) if params[name] not in (None, "")
)
secret = os.environ["PAYHUB_APP_SECRET"]
params["sign"] = hmac.new(secret.encode(), canonical.encode("utf-8"), hashlib.sha256).hexdigest()

${send}`
  }
}
