import { lines, type SampleLanguage, target } from "./sample.ts"

/** A single-quoted text of PHP, in which only the quote and the backslash are special. */
const literal = (value: string | number): string =>
  typeof value === "number" ? String(value) : `'${value.replace(/['\\]/g, "\\$&")}'`

export const php: SampleLanguage = {
  id: "PHP",
  title: "PHP",
  file: "sample.php",
  run: "php sample.php",
  code: (call, comments) => {
    const { method, path, fields, signed } = call
    if (method === "GET") {
      return `<?php

$context = stream_context_create(['http' => ['ignore_errors' => true]]);
echo file_get_contents(getenv('PAYHUB_URL') . ${literal(target(call))}, false, $context);
`
    }
    const own = lines(
      "    ",
      Object.entries(fields).map(([name, value]) => `'${name}' => ${literal(value)},`)
    )
    const send = `$context = stream_context_create(['http' => [
    'method' => 'POST',
    'header' => 'Content-Type: application/json',
    'content' => json_encode($params, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE),
    'ignore_errors' => true, // 4xx, 5xx: {"code", "message", "data"}
]]);
echo file_get_contents(getenv('PAYHUB_URL') . '${path}', false, $context);
`
    if (!signed) {
      return `<?php

$params = [
${own}
];

${send}`
    }
    return `<?php

$params = [
    'app_id' => getenv('PAYHUB_APP_ID'),
    'timestamp' => time(),
    'nonce' => bin2hex(random_bytes(16)),
${own}
];

// ${comments.sign}
$signed = array_filter($params, fn ($value) => $value !== null && $value !== '');
ksort($signed, SORT_STRING);
$canonical = implode('&', array_map(fn ($name) => "$name=$signed[$name]", array_keys($signed)));
$params['sign'] = hash_hmac('sha256', $canonical, getenv('PAYHUB_APP_SECRET'));

${send}`
  }
}
