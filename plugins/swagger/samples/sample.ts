import type { Language } from "../../../core/domain/language.ts"

/** A call that a sample makes. */
export interface SampleCall {
  readonly method: "GET" | "POST"
  /** "/api/cashier/qrcode-pay" */
  readonly path: string
  /** The parameters without those that every signed call carries: the body of a POST, the query of a GET. */
  readonly fields: Readonly<Record<string, string | number>>
  readonly signed: boolean
}

/** One language of the samples: a whole program for each call, on the language's standard library alone. */
export interface SampleLanguage {
  /** The name under which `x-codeSamples` knows the language. */
  readonly id: string
  readonly title: string
  readonly file: string
  /** Runs the file in its folder, with the merchant in PAYHUB_URL, PAYHUB_APP_ID and PAYHUB_APP_SECRET. */
  readonly run: string
  readonly code: (call: SampleCall, comments: Comments) => string
}

/** What the comments of the samples say, in the reader's language. */
export interface Comments {
  readonly sign: string
  readonly json: string
}

export const comments = (language: Language): Comments =>
  language === "zh"
    ? {
        sign: "签名：去掉空值，按参数名升序，原值用 & 连接，不做 URL 编码",
        json: "正式代码请用 JSON 库"
      }
    : {
        sign: "the signature: no empty values, sorted by name, raw values joined with &, never URL-encoded",
        json: "use a JSON library in real code"
      }

/** The path with the query of a GET. */
export const target = ({ method, path, fields }: SampleCall): string => {
  const query = new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]))
  return method === "GET" && query.size > 0 ? `${path}?${query}` : path
}

/** Lines under one indent, without empty ones. */
export const lines = (indent: string, texts: ReadonlyArray<string>): string =>
  texts.map((text) => (text === "" ? "" : indent + text)).join("\n")
