import { lines, type SampleLanguage, target } from "./sample.ts"

/** Java reads JSON's escapes as its own. */
const literal = (value: string | number): string => JSON.stringify(String(value))

const imports = (names: ReadonlyArray<string>): string => names.map((name) => `import ${name};`).join("\n")

const HTTP = ["java.net.URI", "java.net.http.HttpClient", "java.net.http.HttpRequest", "java.net.http.HttpResponse"]

const program = (names: ReadonlyArray<string>, body: ReadonlyArray<string>, more = ""): string =>
  `${imports([...HTTP, ...names])}

public class Sample {
    public static void main(String[] args) throws Exception {
${lines("        ", body)}
    }${more}
}
`

const send = (request: ReadonlyArray<string>): ReadonlyArray<string> => [
  "HttpRequest request = HttpRequest.newBuilder()",
  ...request.map((line) => `        ${line}`),
  "        .build();",
  "HttpResponse<String> response = HttpClient.newHttpClient()",
  "        .send(request, HttpResponse.BodyHandlers.ofString());",
  "System.out.println(response.body());"
]

const QUOTE = `

    private static String quote(String text) {
        return '"' + text.replace("\\\\", "\\\\\\\\").replace("\\"", "\\\\\\"") + '"';
    }`

export const java: SampleLanguage = {
  id: "Java",
  title: "Java",
  file: "Sample.java",
  run: "java Sample.java",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    const uri = (to: string) => `.uri(URI.create(System.getenv("PAYHUB_URL") + ${literal(to)}))`
    if (method === "GET") return program([], send([uri(target(call))]))
    const body = [
      `// ${comments.json}`,
      "String json = params.entrySet().stream()",
      '        .map(param -> quote(param.getKey()) + ":" + quote(param.getValue()))',
      '        .collect(Collectors.joining(",", "{", "}"));',
      "",
      ...send([
        uri(path),
        '.header("Content-Type", "application/json")',
        ".POST(HttpRequest.BodyPublishers.ofString(json))"
      ])
    ]
    const own = Object.entries(fields).map(([name, value]) => `params.put("${name}", ${literal(value)});`)
    const begin = "Map<String, String> params = new TreeMap<>();"
    if (!signed) {
      const names = ["java.util.Map", "java.util.TreeMap", "java.util.stream.Collectors"]
      return program(names, [begin, ...own, "", ...body], QUOTE)
    }
    const names = [
      "java.nio.charset.StandardCharsets",
      "java.time.Instant",
      "java.util.HexFormat",
      "java.util.Map",
      "java.util.TreeMap",
      "java.util.UUID",
      "java.util.stream.Collectors",
      "javax.crypto.Mac",
      "javax.crypto.spec.SecretKeySpec"
    ]
    const signing = [
      begin,
      'params.put("app_id", System.getenv("PAYHUB_APP_ID"));',
      'params.put("timestamp", String.valueOf(Instant.now().getEpochSecond()));',
      'params.put("nonce", UUID.randomUUID().toString().replace("-", ""));',
      ...own,
      "",
      `// ${comments.sign}`,
      "String canonical = params.entrySet().stream()",
      "        .filter(param -> !param.getValue().isEmpty())",
      '        .map(param -> param.getKey() + "=" + param.getValue())',
      '        .collect(Collectors.joining("&"));',
      'Mac mac = Mac.getInstance("HmacSHA256");',
      'byte[] secret = System.getenv("PAYHUB_APP_SECRET").getBytes(StandardCharsets.UTF_8);',
      'mac.init(new SecretKeySpec(secret, "HmacSHA256"));',
      "byte[] digest = mac.doFinal(canonical.getBytes(StandardCharsets.UTF_8));",
      'params.put("sign", HexFormat.of().formatHex(digest));',
      ""
    ]
    return program(names, [...signing, ...body], QUOTE)
  }
}
