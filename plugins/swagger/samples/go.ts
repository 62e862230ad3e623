import { lines, type SampleLanguage, target } from "./sample.ts"

/** Go reads JSON's escapes as its own. */
const literal = (value: string | number): string => JSON.stringify(String(value))

const program = (imports: ReadonlyArray<string>, body: ReadonlyArray<string>): string => `package main

import (
${lines(
  "\t",
  imports.map((name) => `"${name}"`)
)}
)

func main() {
${lines("\t", body)}
}
`

const read = (call: string): ReadonlyArray<string> => [
  `response, err := ${call}`,
  "if err != nil {",
  "\tpanic(err)",
  "}",
  "defer response.Body.Close()",
  "io.Copy(os.Stdout, response.Body)"
]

export const go: SampleLanguage = {
  id: "Go",
  title: "Go",
  file: "sample.go",
  run: "go run sample.go",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    if (method === "GET") {
      return program(["io", "net/http", "os"], read(`http.Get(os.Getenv("PAYHUB_URL") + ${literal(target(call))})`))
    }
    const pairs: ReadonlyArray<readonly [string, string]> = [
      ...(signed
        ? ([
            ["app_id", 'os.Getenv("PAYHUB_APP_ID")'],
            ["timestamp", "strconv.FormatInt(time.Now().Unix(), 10)"],
            ["nonce", "hex.EncodeToString(nonce)"]
          ] as const)
        : []),
      ...Object.entries(fields).map(([name, value]) => [name, literal(value)] as const)
    ]
    // gofmt aligns the values.
    const width = Math.max(...pairs.map(([name]) => name.length))
    const params = [
      "params := map[string]string{",
      ...pairs.map(([name, value]) => `\t"${name}":${" ".repeat(width - name.length + 1)}${value},`),
      "}",
      ""
    ]
    const send = [
      "body, _ := json.Marshal(params)",
      `url := os.Getenv("PAYHUB_URL") + "${path}"`,
      ...read('http.Post(url, "application/json", bytes.NewReader(body))')
    ]
    if (!signed) return program(["bytes", "encoding/json", "io", "net/http", "os"], [...params, ...send])
    const imports = ["bytes", "crypto/hmac", "crypto/rand", "crypto/sha256", "encoding/hex", "encoding/json", "io"]
    const more = ["net/http", "os", "sort", "strconv", "strings", "time"]
    return program(
      [...imports, ...more],
      [
        "nonce := make([]byte, 16)",
        "rand.Read(nonce)",
        ...params,
        `// ${comments.sign}`,
        "var names, pairs []string",
        "for name, value := range params {",
        '\tif value != "" {',
        "\t\tnames = append(names, name)",
        "\t}",
        "}",
        "sort.Strings(names)",
        "for _, name := range names {",
        '\tpairs = append(pairs, name+"="+params[name])',
        "}",
        'mac := hmac.New(sha256.New, []byte(os.Getenv("PAYHUB_APP_SECRET")))',
        'mac.Write([]byte(strings.Join(pairs, "&")))',
        'params["sign"] = hex.EncodeToString(mac.Sum(nil))',
        "",
        ...send
      ]
    )
  }
}
