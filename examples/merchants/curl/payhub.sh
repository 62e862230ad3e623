# PayHub client and webhook verifier for a POSIX shell with curl, openssl and awk. Source this file: . ./payhub.sh
# PayHub 客户端与回调验签(POSIX sh + curl + openssl + awk),用 . ./payhub.sh 引入。
#
# PAYHUB_URL, PAYHUB_APP_ID and PAYHUB_APP_SECRET identify the merchant; PAYHUB_LIB is json.awk's folder (default: .).
# openssl takes the secret as an argument, which other users of this machine can see in the process list: in production,
# use a sample in another language. openssl 的参数会出现在进程列表里,生产环境请用其他语言的示例。

payhub_json() { LC_ALL=C awk -f "${PAYHUB_LIB:-.}/json.awk" "$@"; }

# The 64 hex digits of HMAC-SHA256 over stdin. 参数:密钥
payhub_hmac() { openssl dgst -sha256 -hmac "$1" | sed 's/.*= *//'; }

# payhub_sign name=value …: no sign, no "", sorted by name in byte order, values raw, not URL-encoded.
# 签名:去掉 sign 和空值,按参数名升序,原值拼接(不要用 curl --data-urlencode)。
payhub_sign() { payhub_json canonical "$@" | payhub_hmac "$PAYHUB_APP_SECRET"; }

# payhub_post PATH name=value …: prints the answer {"code", "message", "data"}. It sends all values as strings.
payhub_post() {
  payhub_path=$1
  shift
  set -- "$@" "app_id=$PAYHUB_APP_ID" "timestamp=$(date +%s)" "nonce=$(openssl rand -hex 16)"
  payhub_json encode "$@" "sign=$(payhub_sign "$@")" |
    curl -sS --max-time 30 -H 'Content-Type: application/json' --data-binary @- "${PAYHUB_URL%/}$payhub_path"
}

# Places an order; amount is fen. Code 500 or no answer: nobody knows yet. Query by merchant_order_no before you use a
# new number, or the customer may pay twice. 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
payhub_qrcode_pay() { payhub_post /api/cashier/qrcode-pay "$@"; }

# Queries by order_no=… or merchant_order_no=…. 查单。
payhub_order_query() { payhub_post /api/cashier/order-query "$@"; }

# payhub_field NAME < answer: one member, such as code or data.order_no.
payhub_field() { payhub_json field "$1"; }

# payhub_verify FILE: exit code 0 when the webhook's body in FILE, exactly as received, carries the right signature.
# 验签:FILE 是收到的原始 body。
payhub_verify() {
  # Checked first without openssl, whose exit code would hide awk's. 先检查 JSON 是否合法。
  payhub_json canonical < "$1" > /dev/null || return 1
  payhub_expected=$(payhub_json canonical < "$1" | payhub_hmac "$PAYHUB_APP_SECRET")
  payhub_given=$(payhub_field sign < "$1")
  # A shell stops comparing at the first difference, so it compares HMACs under a random key. 避免计时攻击。
  payhub_key=$(openssl rand -hex 32)
  [ ${#payhub_given} -eq 64 ] &&
    [ "$(printf %s "$payhub_expected" | payhub_hmac "$payhub_key")" = "$(printf %s "$payhub_given" | payhub_hmac "$payhub_key")" ]
}

# payhub_yuan FEN: 1000 is 10.00. 分转元。
payhub_yuan() { printf '%d.%02d' $(($1 / 100)) $(($1 % 100)); }
