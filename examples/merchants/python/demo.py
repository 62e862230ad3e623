"""python3 demo.py demo: place an order, receive its verified webhook, query it. python3 demo.py verify: check stdin."""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import payhub

BODY_BYTES_MAX = 64 * 1024
WAIT_S = 60
URL = os.environ.get("PAYHUB_URL") or "http://127.0.0.1:8080"

# Your orders table. 你的订单表。
orders = {}
lock = threading.Lock()
paid = threading.Event()


def needed(name):
    value = os.environ.get(name, "")
    if not value:
        print(f"{name} is not set", file=sys.stderr)
        sys.exit(2)
    return value


class Receiver(BaseHTTPRequestHandler):
    timeout = 15

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        status, text = receive(self.rfile.read(length)) if 0 < length <= BODY_BYTES_MAX else (413, "bad length")
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if status == 200:
            paid.set()  # after the answer, because the demo then exits 先应答再退出

    def log_message(self, *_):
        pass


def receive(body):
    """The answer to a webhook: anything but 200 `success` makes PayHub push it again. 只有 200 + success 才算成功。"""
    fields = payhub.verify(body, needed("PAYHUB_APP_SECRET"))
    if fields is None:
        return 401, "bad signature"
    with lock:  # in a database: one transaction 用数据库时放进同一个事务
        order = orders.get(fields.get("merchant_order_no"))
        if order is None or order["order_no"] not in (None, fields.get("order_no")):
            return 404, "unknown order"
        if fields.get("status") != "1" or fields.get("amount") != payhub.yuan(order["amount"]):
            return 400, "status or amount does not match"
        # The same webhook may come again: deliver the goods once per order_no. 幂等:同一订单只发货一次。
        # SQL: UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW', then ship when one row changed.
        if order["state"] == "NEW":
            order.update(state="PAID", order_no=fields["order_no"])
    return 200, "success"


def demo():
    client = payhub.PayHub(
        URL,
        needed("PAYHUB_APP_ID"),
        needed("PAYHUB_APP_SECRET"),
    )
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("RECEIVER_PORT", "0"))), Receiver)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    notify_url = f"http://127.0.0.1:{server.server_port}/payhub/notify"

    # Store the order before you place it: the webhook may arrive before the answer. 先落库再下单,回调可能先到。
    merchant_order_no, amount = f"PY{time.time_ns()}", 1000  # fen 单位:分
    order = orders[merchant_order_no] = {"amount": amount, "order_no": None, "state": "NEW"}
    answer = client.qrcode_pay(
        merchant_order_no=merchant_order_no, amount=amount, notify_url=notify_url, note="Python 示例", extra="a/b&c=d 中文"
    )
    if answer["code"] != 200:
        sys.exit(f"{answer['code']} {answer['message']}")
    order_no = answer["data"]["order_no"]
    with lock:
        order["order_no"] = order_no
    print(f"NOTIFY_URL {notify_url}\nPAY {answer['data']['sourceQrCodeUrl']}\nORDER_NO {order_no}", flush=True)

    if not paid.wait(WAIT_S):
        sys.exit(f"no webhook in {WAIT_S} s")
    data = client.order_query(order_no=order_no)["data"] or {}
    if data.get("status_name") != "PAID":
        sys.exit(f"the query says {data.get('status_name')}")
    print(f"PAID {data['amount']}")


if __name__ == "__main__":
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "demo":
        try:
            demo()
        except (OSError, ValueError) as error:  # no answer, an answer that is no JSON, a wrong address
            sys.exit(f"the demo with {URL} failed: {error}")
    elif command == "verify":
        sys.exit(0 if payhub.verify(sys.stdin.buffer.read(), needed("PAYHUB_APP_SECRET")) else 1)
    else:
        print("usage: python3 demo.py demo|verify", file=sys.stderr)
        sys.exit(2)
