import type { Bilingual } from "../../domain/language.ts"
import type { FindingCode } from "./sign-findings.ts"

/** What a finding says: the fault and its remedy. `{parameter}`, `{given}` and `{wanted}` are the finding's fields. */
interface FindingText {
  readonly what: Bilingual
  readonly remedy: Bilingual
}

const EXACT_VALUES: Bilingual = {
  zh: "直接使用您放进 JSON 的值，按原样拼接，不做任何转换。",
  en: "Use the very value that you put into the JSON, as it stands, without converting it."
}

const HMAC: Bilingual = {
  zh: "使用 HMAC-SHA256，以 app_secret 为密钥，输出 64 位小写十六进制。",
  en: "Use HMAC-SHA256 with app_secret as the key, written as 64 lowercase hex digits."
}

const ONLY_DROP: Bilingual = {
  zh: "只去掉 sign、空字符串和 null；0 与 false 保留，未知参数也参与签名。",
  en: "Drop only sign, empty strings and null; keep 0 and false, and sign unknown parameters too."
}

/** The texts of every finding; a new finding without its text does not compile. */
export const FINDING_TEXTS: { readonly [Code in FindingCode]: FindingText } = {
  unsorted: {
    what: {
      zh: "参数没有按名称排序：{given} 所在的位置应是 {wanted}。",
      en: "The parameters are not sorted by name: {wanted} belongs where {given} stands."
    },
    remedy: { zh: "按参数名的字节序（ASCII）升序排列。", en: "Sort by the name's bytes (ASCII), ascending." }
  },
  "sorted-ignoring-case": {
    what: {
      zh: "排序时忽略了大小写：{given} 所在的位置应是 {wanted}。",
      en: "The sort ignores case: {wanted} belongs where {given} stands."
    },
    remedy: {
      zh: "按字节序排序：大写字母排在小写字母之前（appId 在 app_id 之前）。不要用区域相关的排序函数。",
      en: "Sort by bytes: capitals come before small letters (appId before app_id). Use no locale-aware comparison."
    }
  },
  "url-encoded": {
    what: { zh: "参数 {parameter} 做了 URL 编码。", en: "{parameter} is URL-encoded." },
    remedy: {
      zh: "拼接原始值，不要编码。PHP 的 http_build_query 会编码，请改为手工拼接。",
      en: "Join the raw values. PHP's http_build_query encodes: join by hand instead."
    }
  },
  "empty-kept": {
    what: { zh: "空值参数 {parameter} 参与了签名。", en: "{parameter} is empty and was signed." },
    remedy: { zh: "值为空字符串或 null 的参数不参与签名。", en: "Leave out parameters that are empty or null." }
  },
  "null-kept": {
    what: { zh: "值为 null 的参数 {parameter} 参与了签名。", en: "{parameter} is null and was signed." },
    remedy: { zh: "值为空字符串或 null 的参数不参与签名。", en: "Leave out parameters that are empty or null." }
  },
  "sign-included": {
    what: { zh: "sign 自己参与了签名。", en: "sign itself was signed." },
    remedy: { zh: "计算签名之前，把 sign 从参数中去掉。", en: "Take sign out of the parameters before you sign." }
  },
  "number-rewritten": {
    what: {
      zh: "参数 {parameter} 的数字写法变了：签名用的是 {given}，请求里是 {wanted}。",
      en: "{parameter} is written differently: {given} was signed, the request says {wanted}."
    },
    remedy: {
      zh: "签名使用数字在 JSON 中的原文。整数不要先转成浮点数；最稳妥的是全部用字符串传。",
      en: "Sign a number's text exactly as it stands in the JSON. Do not turn integers into floats; sending strings is safest."
    }
  },
  "boolean-rewritten": {
    what: {
      zh: "布尔参数 {parameter} 写成了 {given}，应为 {wanted}。",
      en: "The boolean {parameter} was written {given}; it must be {wanted}."
    },
    remedy: { zh: "布尔值写成小写的 true 或 false。", en: "Write booleans as true or false, in lower case." }
  },
  quoted: {
    what: { zh: "参数 {parameter} 的值带上了引号。", en: "The value of {parameter} is in quotes." },
    remedy: { zh: "拼接字符串本身，不带 JSON 的引号。", en: "Join the text itself, without JSON's quotes." }
  },
  "json-escaped": {
    what: {
      zh: "参数 {parameter} 的值是 JSON 转义后的写法（如 \\/ 或 \\u4e2d）。",
      en: "The value of {parameter} is JSON-escaped (as \\/ or \\u4e2d)."
    },
    remedy: {
      zh: "对原始字符串签名，而不是序列化之后的文本。",
      en: "Sign the plain text, not what your JSON writer made of it."
    }
  },
  "white-space": {
    what: { zh: "字符串中有多余的空白或换行。", en: "There is white space or a line break too many." },
    remedy: {
      zh: "去掉首尾空白，拼接时不加空格；不要修剪参数值。",
      en: "Add no white space when joining, and do not trim values."
    }
  },
  "value-differs": {
    what: {
      zh: "参数 {parameter} 的值不同：签名用的是 {given}，请求里是 {wanted}。",
      en: "{parameter} differs: {given} was signed, the request says {wanted}."
    },
    remedy: {
      zh: "先定好参数，再签名，然后原样发送同一份参数；签名之后不要再改。编码统一用 UTF-8。",
      en: "Settle the parameters, sign them, send those same ones; change nothing after signing. Use UTF-8 throughout."
    }
  },
  missing: {
    what: {
      zh: "参数 {parameter} 在请求里，但没有参与签名。",
      en: "{parameter} is in the request but was not signed."
    },
    remedy: ONLY_DROP
  },
  "not-sent": {
    what: {
      zh: "参数 {parameter} 参与了签名，但请求里没有。",
      en: "{parameter} was signed but is not in the request."
    },
    remedy: EXACT_VALUES
  },
  separator: {
    what: { zh: "参数之间的分隔符不对。", en: "The separator between parameters is wrong." },
    remedy: { zh: "用 & 连接，键与值之间用 =。", en: "Join with &, and = between key and value." }
  },
  "trailing-separator": {
    what: { zh: "字符串末尾多了一个 &。", en: "There is an & too many at the end." },
    remedy: { zh: "只在参数之间放 &。", en: "Put & only between parameters." }
  },
  "leading-question-mark": {
    what: { zh: "字符串以 ? 开头。", en: "The string begins with ?." },
    remedy: { zh: "去掉开头的 ?。", en: "Take the ? away." }
  },
  "key-appended": {
    what: {
      zh: "密钥被拼进了字符串（如 &key=…）。",
      en: "The secret was put into the string (as &key=…)."
    },
    remedy: {
      zh: "app_secret 只作为 HMAC 的密钥，不要拼进字符串。",
      en: "The app_secret is the HMAC's key only; keep it out of the string."
    }
  },
  "values-only": {
    what: { zh: "字符串里没有写成 key=value 的形式。", en: "The string is not made of key=value." },
    remedy: { zh: "每个参数写成 key=value，再用 & 连接。", en: "Write each parameter as key=value and join with &." }
  },
  "json-signed": {
    what: { zh: "签名的是 JSON 文本，而不是拼接的字符串。", en: "The JSON text was signed, not the joined string." },
    remedy: {
      zh: "把参数排序并拼成 key1=value1&key2=value2，再签名。",
      en: "Sort the parameters, join them as key1=value1&key2=value2, sign that."
    }
  },
  "other-string": {
    what: { zh: "字符串与应签名的不同。", en: "The string is not the one to sign." },
    remedy: { zh: "从第一个不同的字节开始，逐个对照。", en: "Compare the two from the first byte that differs." }
  },
  "sign-missing": {
    what: { zh: "没有 sign，或它不是字符串。", en: "There is no sign, or it is no string." },
    remedy: { zh: "把签名放进请求的 sign 参数。", en: "Send the signature as the parameter sign." }
  },
  "sign-not-sent": {
    what: {
      zh: "您的代码算出的签名是对的，但请求里发送的不是它。",
      en: "Your code's signature is right, but the request carries another."
    },
    remedy: { zh: "检查签名之后是否又改动了请求。", en: "See what changes the request after it was signed." }
  },
  "secret-right": {
    what: {
      zh: "密钥和 HMAC 都正确，只有字符串不对。",
      en: "Your secret and your HMAC are right; only the string is wrong."
    },
    remedy: { zh: "改好上面的字符串即可。", en: "Mend the string as said above and it will verify." }
  },
  "wrong-secret": {
    what: {
      zh: "sign 不是用当前 app_secret 对这个字符串算出的 HMAC-SHA256。",
      en: "The sign is not the HMAC-SHA256 of this string with the current app_secret."
    },
    remedy: {
      zh: "核对 app_secret 是否属于这个 app_id、是否完整、是否已被重置。丢失后由运营方用 payhub merchant reset-secret 重置。",
      en: "Check that the app_secret is this app_id's, complete, and not reset since. If it is lost, the operator resets it with payhub merchant reset-secret."
    }
  },
  "string-or-secret": {
    what: {
      zh: "签名不一致，也不是已知的常见错误：要么字符串不同，要么密钥不同。",
      en: "The signature is none of the known mistakes: either the string or the secret differs."
    },
    remedy: {
      zh: "请把您的代码拼出的字符串也填进来，就能看到第一个不同的字节。",
      en: "Give the string that your code signed as well, to see the first byte that differs."
    }
  },
  "upper-case": {
    what: { zh: "签名是大写十六进制。", en: "The signature is in upper case." },
    remedy: { zh: "转成小写。", en: "Write it in lower case." }
  },
  base64: {
    what: { zh: "签名用了 Base64 输出。", en: "The signature is Base64." },
    remedy: HMAC
  },
  md5: { what: { zh: "签名是 32 位，像是 MD5。", en: "The signature has 32 digits, like MD5." }, remedy: HMAC },
  sha1: { what: { zh: "签名是 40 位，像是 SHA-1。", en: "The signature has 40 digits, like SHA-1." }, remedy: HMAC },
  sha512: {
    what: { zh: "签名是 128 位，像是 SHA-512。", en: "The signature has 128 digits, like SHA-512." },
    remedy: HMAC
  },
  "plain-hash": {
    what: {
      zh: "签名是普通 SHA-256（密钥拼进字符串或没有用密钥），不是 HMAC。",
      en: "The signature is a plain SHA-256, with the secret in the string or without it, not an HMAC."
    },
    remedy: HMAC
  },
  "secret-padded": {
    what: {
      zh: "密钥前后多了空格、换行或引号。",
      en: "The secret has a space, a line break or quotes around it."
    },
    remedy: { zh: "读取配置后去掉首尾空白。", en: "Trim the secret after reading it from your configuration." }
  },
  swapped: {
    what: { zh: "HMAC 的密钥与内容写反了。", en: "The HMAC's key and message are swapped." },
    remedy: {
      zh: "密钥是 app_secret，内容是拼接好的字符串。",
      en: "The key is app_secret, the message is the joined string."
    }
  },
  "sign-padded": {
    what: { zh: "签名前后有空白或换行。", en: "There is white space around the signature." },
    remedy: { zh: "去掉首尾空白。", en: "Trim it." }
  },
  "not-hex": {
    what: { zh: "签名不是 64 位十六进制。", en: "The signature is not 64 hex digits." },
    remedy: HMAC
  },
  "secret-sent": {
    what: { zh: "请求参数里出现了 app_secret。", en: "The request contains the app_secret." },
    remedy: {
      zh: "密钥永远不要发送。请把它从请求中去掉，并尽快重置。",
      en: "Never send the secret. Take it out of the request, and have it reset soon."
    }
  }
}
