"""PayHub client and webhook verifier. Standard library only, Python 3.9+. Copy this file into your project.

PayHub 客户端与回调验签。只用标准库,复制本文件即可使用。
"""

import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.request

TIMEOUT_S = 30  # longer than the gateway takes to ask a channel 渠道下单可能较慢


def sign(params, secret):
    """HMAC-SHA256 over `key=value&...`: no `sign`, no None, no "", sorted by key, values raw (never URL-encoded).

    签名:去掉 sign、None 和空字符串,按 key 升序,原值拼接(不要 URL 编码)。
    """
    kept = {key: _text(value) for key, value in params.items() if key != "sign" and value is not None and value != ""}
    # Python sorts strings by code point, which equals the byte order of their UTF-8.
    canonical = "&".join(f"{key}={kept[key]}" for key in sorted(kept))
    return hmac.new(secret.encode("utf-8"), canonical.encode("utf-8"), hashlib.sha256).hexdigest()


def verify(body, secret):
    """The fields of a webhook's body (bytes, exactly as received) if its signature verifies, otherwise None.

    验签:传入收到的原始 body,通过则返回字段,否则返回 None。
    """
    try:
        # Numbers keep the text that was signed: 1 and 1.0 are different texts. 数字保留原文。
        fields = json.loads(body.decode("utf-8"), parse_int=str, parse_float=str, parse_constant=_refuse)
        if not isinstance(fields, dict) or not isinstance(fields.get("sign"), str):
            return None
        expected = sign(fields, secret)
        # Constant time; bytes, because compare_digest takes no non-ASCII str. 常量时间比较。
        return fields if hmac.compare_digest(expected.encode(), fields["sign"].encode("utf-8")) else None
    except (ValueError, TypeError, RecursionError):
        return None


def yuan(amount_fen):
    """Fen as the yuan text of webhooks and queries, without floats: 1000 -> "10.00". 分转元,不用浮点数。"""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


class PayHub:
    def __init__(self, url, app_id, secret):
        self.url, self.app_id, self.secret = url.rstrip("/"), app_id, secret

    def qrcode_pay(self, **params):
        """Places an order; `amount` is an int of fen.

        code 500 or no answer (URLError, timeout): nobody knows yet. Query by merchant_order_no before you use a new
        number, or the customer may pay twice. 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
        """
        return self._post("/api/cashier/qrcode-pay", params)

    def order_query(self, **params):
        """Queries by order_no or merchant_order_no. 查单。"""
        return self._post("/api/cashier/order-query", params)

    def _post(self, path, params):
        params = {"app_id": self.app_id, "timestamp": int(time.time()), "nonce": secrets.token_hex(16), **params}
        params["sign"] = sign(params, self.secret)
        body = json.dumps(params, ensure_ascii=False).encode("utf-8")
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)  # errors carry {"code", "message", "data"} too


def _text(value):
    """The text of a value in the JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise TypeError("PayHub parameters are str, int, bool or None: send amounts as int fen")


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")
