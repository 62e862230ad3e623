#!/bin/sh
# sh demo.sh demo: place an order, wait until it is paid, query it. sh demo.sh verify: check a webhook's body on stdin.
#
# A shell cannot listen. Your server stores the body that it receives at NOTIFY_URL in WEBHOOK_FILE (written elsewhere,
# then renamed). With WEBHOOK_FILE the demo waits for that file and checks it; without it the demo queries until the
# order is paid.
# shell 不能监听端口:由你的服务器把回调 body 存到 WEBHOOK_FILE(先写临时文件再改名);没有它就轮询查单。
set -eu
PAYHUB_LIB=$(dirname "$0")
. "$PAYHUB_LIB/payhub.sh"
: "${PAYHUB_URL:=http://127.0.0.1:8080}" "${PAYHUB_APP_SECRET:?is not set}" "${WEBHOOK_FILE=}"
WAIT_S=60

fail() {
  echo "$*" >&2
  exit 1
}

# The same webhook may come again: deliver the goods once per order_no. Here mkdir decides who was first; in SQL it is
# UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW'. 幂等:同一订单只发货一次。
webhook_pays() { # FILE MERCHANT_ORDER_NO ORDER_NO FEN
  payhub_verify "$1" || fail "the webhook's signature does not verify"
  [ "$(payhub_field merchant_order_no < "$1")" = "$2" ] && [ "$(payhub_field order_no < "$1")" = "$3" ] ||
    fail 'the webhook is of another order'
  [ "$(payhub_field status < "$1")" = 1 ] && [ "$(payhub_field amount < "$1")" = "$(payhub_yuan "$4")" ] ||
    fail 'status or amount does not match'
  mkdir "$work/$3" 2> /dev/null || fail "$3 was delivered before"
}

demo() {
  # The gateway's own test receiver, which takes the webhooks of its first test merchant. 默认用网关自带的测试接收地址。
  : "${PAYHUB_APP_ID:?is not set}" "${NOTIFY_URL:=${PAYHUB_URL%/}/demo/webhook}"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  merchant_order_no="SH$(date +%s)$$"
  amount=1000 # fen 单位:分
  made=$(payhub_qrcode_pay "merchant_order_no=$merchant_order_no" "amount=$amount" "notify_url=$NOTIFY_URL" \
    'note=Shell 示例' 'extra=a/b&c=d "中文"')
  field() { printf %s "$made" | payhub_field "$1"; }
  [ -n "$(field code)" ] || fail "$PAYHUB_URL answered without PayHub's JSON"
  [ "$(field code)" = 200 ] || fail "$(field code) $(field message)"
  order_no=$(field data.order_no)
  echo "NOTIFY_URL $NOTIFY_URL"
  echo "PAY $(field data.sourceQrCodeUrl)"
  echo "ORDER_NO $order_no"

  waited=0
  status=
  until [ "$status" = PAID ]; do
    [ $waited -lt $WAIT_S ] || fail "not paid in $WAIT_S s"
    # 4 s: a merchant may query once in 3 s unless the operator allows more. 默认 3 秒一次限流。
    if [ -z "$WEBHOOK_FILE" ]; then pause=4; else pause=1; fi
    sleep $pause
    waited=$((waited + pause))
    if [ -n "$WEBHOOK_FILE" ]; then
      [ -s "$WEBHOOK_FILE" ] || continue
      webhook_pays "$WEBHOOK_FILE" "$merchant_order_no" "$order_no" $amount
      echo 'WEBHOOK verified'
    fi
    answer=$(payhub_order_query "order_no=$order_no")
    status=$(printf %s "$answer" | payhub_field data.status_name)
    [ -z "$WEBHOOK_FILE" ] || [ "$status" = PAID ] || fail "the query says $status"
  done
  echo "PAID $(printf %s "$answer" | payhub_field data.amount)"
}

verify() {
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cat > "$work/body"
  payhub_verify "$work/body" || exit 1
}

case ${1-} in
  demo) demo ;;
  verify) verify ;;
  *)
    echo 'usage: sh demo.sh demo|verify' >&2
    exit 2
    ;;
esac
