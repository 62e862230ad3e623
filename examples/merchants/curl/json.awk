# The JSON that payhub.sh needs, in POSIX awk under LC_ALL=C (bytes, not characters). payhub.sh 用到的 JSON 读写。
#   awk -f json.awk canonical name=value …   prints what is signed              打印待签名串
#   awk -f json.awk encode name=value …      prints a flat object of strings    打印 JSON
#   awk -f json.awk canonical < body         the same of a webhook's body; exit code 1 unless it is a flat object
#   awk -f json.awk field data.order_no < answer   prints one member, "" when it is absent or null

BEGIN {
  mode = ARGV[1]
  for (i = 1; i < 32; i++) control[sprintf("%c", i)] = sprintf("\\u%04x", i)
  arguments = ARGC
  ARGC = 1  # the arguments are not file names 参数不是文件名
  if (mode == "field") wanted = ARGV[2]
  else if (arguments > 2) {
    for (i = 2; i < arguments; i++) {
      equals = index(ARGV[i], "=")
      member(substr(ARGV[i], 1, equals - 1), substr(ARGV[i], equals + 1))
    }
    if (mode == "encode") encode()
    else canonical()
    exit 0
  }
  while ((getline line) > 0) text = text line "\n"
  end = length(text)
  at = 1
  if (mode == "field" && peek() == "[") array("")
  else object("")
  if (peek() != "") refuse()
  if (mode == "field") printf "%s", value[wanted]
  else canonical()
  exit
}

function member(name, its) {
  if (!(name in value)) names[++count] = name
  value[name] = its
}

# Insertion sort by bytes, without sign and empty values. 按字节升序,去掉 sign 和空值。
function canonical(   i, j, name, between) {
  for (i = 2; i <= count; i++) {
    name = names[i]
    for (j = i - 1; j > 0 && (names[j] "") > (name ""); j--) names[j + 1] = names[j]
    names[j + 1] = name
  }
  for (i = 1; i <= count; i++) {
    if (names[i] == "sign" || value[names[i]] == "") continue
    printf "%s%s=%s", between, names[i], value[names[i]]
    between = "&"
  }
}

function encode(   i) {
  for (i = 1; i <= count; i++) printf "%s%s:%s", (i == 1 ? "{" : ","), quote(names[i]), quote(value[names[i]])
  print "}"
}

function quote(raw,   i, c, quoted) {
  for (i = 1; i <= length(raw); i++) {
    c = substr(raw, i, 1)
    if (c == "\"" || c == "\\") quoted = quoted "\\" c
    else quoted = quoted (c in control ? control[c] : c)
  }
  return "\"" quoted "\""
}

function object(path,   name) {
  expect("{")
  if (next_is("}")) return
  do {
    if (peek() != "\"") refuse()
    name = string()
    expect(":")
    read(path name)
  } while (next_is(","))
  expect("}")
}

function array(path,   i) {
  expect("[")
  if (next_is("]")) return
  do read(path i++)
  while (next_is(","))
  expect("]")
}

function read(path,   c, word) {
  c = peek()
  if (c == "\"") {
    member(path, string())
    return
  }
  if (c == "{" || c == "[") {
    if (mode != "field") refuse()  # a webhook is flat 回调是一层的
    if (c == "{") object(path ".")
    else array(path ".")
    return
  }
  word = substr(text, at)
  if (!match(word, /^[-+.0-9a-zE]+/)) refuse()
  word = substr(word, 1, RLENGTH)
  at += RLENGTH
  if (word == "null") member(path, "")
  else if (word ~ /^(true|false|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?)$/) member(path, word)
  else refuse()
}

function string(   c, raw) {
  for (at++; at <= end; at++) {
    c = substr(text, at, 1)
    if (c == "\"") {
      at++
      return raw
    }
    if (c in control) refuse()
    raw = raw (c == "\\" ? escape() : c)
  }
  refuse()
}

function escape(   c, code, low) {
  c = substr(text, ++at, 1)
  if (c == "n") return "\n"
  if (c == "t") return "\t"
  if (c == "r") return "\r"
  if (c == "b") return "\b"
  if (c == "f") return "\f"
  if (c == "\"" || c == "\\" || c == "/") return c
  if (c != "u") refuse()
  code = hex4()
  if (code >= 55296 && code < 56320 && substr(text, at + 1, 2) == "\\u") {  # a surrogate pair
    at += 2
    low = hex4()
    if (low < 56320 || low > 57343) refuse()
    return utf8(65536 + (code - 55296) * 1024 + low - 56320)
  }
  if (code == 0 || (code >= 55296 && code < 57344)) refuse()
  return utf8(code)
}

function hex4(   i, digit, code) {
  for (i = 0; i < 4; i++) {
    digit = index("0123456789abcdef", tolower(substr(text, ++at, 1))) - 1
    if (digit < 0 || at > end) refuse()
    code = code * 16 + digit
  }
  return code
}

function utf8(code) {
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
  if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
  return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}

function peek() {
  while (at <= end && index(" \t\r\n", substr(text, at, 1)) > 0) at++
  return substr(text, at, 1)
}

function next_is(c) {
  if (peek() != c) return 0
  at++
  return 1
}

function expect(c) {
  if (!next_is(c)) refuse()
}

function refuse() {
  exit 1
}
