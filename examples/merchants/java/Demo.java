import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Demo demo: place an order, receive its verified webhook, query it. Demo verify: check stdin. */
public final class Demo {
    private static final int BODY_BYTES_MAX = 64 * 1024;
    private static final int WAIT_SECONDS = 60;
    private static final String URL = env("PAYHUB_URL", "http://127.0.0.1:8080");

    /** Your orders table, by merchant_order_no. 你的订单表。 */
    private static final Map<String, Order> ORDERS = new HashMap<>();

    private static final CountDownLatch PAID = new CountDownLatch(1);

    private static final class Order {
        final long amountFen;
        String orderNo = null;
        boolean paid = false;

        Order(long amountFen) {
            this.amountFen = amountFen;
        }
    }

    private record Reply(int status, String text) {}

    /** The answer to a webhook: anything but 200 "success" makes PayHub push it again. 只有 200 + success 才算成功。 */
    private static Reply receive(byte[] body) {
        Optional<Map<String, String>> verified = PayHub.verify(body, needed("PAYHUB_APP_SECRET"));
        if (verified.isEmpty()) return new Reply(401, "bad signature");
        Map<String, String> fields = verified.get();
        synchronized (ORDERS) { // in a database: one transaction 用数据库时放进同一个事务
            Order order = ORDERS.get(fields.get("merchant_order_no"));
            if (order == null || (order.orderNo != null && !order.orderNo.equals(fields.get("order_no")))) {
                return new Reply(404, "unknown order");
            }
            if (!"1".equals(fields.get("status")) || !PayHub.yuan(order.amountFen).equals(fields.get("amount"))) {
                return new Reply(400, "status or amount does not match");
            }
            // The same webhook may come again: deliver the goods once per order_no. 幂等:同一订单只发货一次。
            // SQL: UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW', then ship when one row changed.
            if (!order.paid) {
                order.paid = true;
                order.orderNo = fields.get("order_no");
            }
            return new Reply(200, "success");
        }
    }

    private static void handle(HttpExchange exchange) throws IOException {
        int status;
        try (exchange) {
            byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
            Reply reply = body.length > BODY_BYTES_MAX ? new Reply(413, "body too large") : receive(body);
            byte[] text = reply.text().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain");
            exchange.sendResponseHeaders(reply.status(), text.length);
            exchange.getResponseBody().write(text);
            status = reply.status();
        }
        // Only now, because main() exits: an answer that does not leave is a webhook that was not delivered. 先应答再退出。
        if (status == 200) PAID.countDown();
    }

    private static void demo() throws Exception {
        PayHub client = new PayHub(URL, needed("PAYHUB_APP_ID"), needed("PAYHUB_APP_SECRET"));
        int port = Integer.parseInt(env("RECEIVER_PORT", "0"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 0);
        server.createContext("/payhub/notify", Demo::handle);
        server.start();
        try {
            placeAndWait(client, "http://127.0.0.1:" + server.getAddress().getPort() + "/payhub/notify");
        } finally {
            server.stop(0);
        }
    }

    private static void placeAndWait(PayHub client, String notifyUrl) throws Exception {
        // Store the order before you place it: the webhook may arrive before the answer. 先落库再下单,回调可能先到。
        String merchantOrderNo = "JAVA" + System.currentTimeMillis() + "-" + ProcessHandle.current().pid();
        Order order = new Order(1000); // fen 单位:分
        synchronized (ORDERS) {
            ORDERS.put(merchantOrderNo, order);
        }
        PayHub.Answer made = client.qrcodePay(Map.of(
                "merchant_order_no", merchantOrderNo,
                "amount", String.valueOf(order.amountFen),
                "notify_url", notifyUrl,
                "note", "Java 示例",
                "extra", "a/b&c=d 中文"));
        if (made.code() != 200) throw new IOException(made.code() + " " + made.message());
        String orderNo = made.text("order_no");
        synchronized (ORDERS) {
            order.orderNo = orderNo;
        }
        System.out.println("NOTIFY_URL " + notifyUrl);
        System.out.println("PAY " + made.text("sourceQrCodeUrl"));
        System.out.println("ORDER_NO " + orderNo);

        if (!PAID.await(WAIT_SECONDS, TimeUnit.SECONDS)) throw new IOException("no webhook in " + WAIT_SECONDS + " s");
        PayHub.Answer queried = client.orderQuery(Map.of("order_no", orderNo));
        if (!queried.text("status_name").equals("PAID")) {
            throw new IOException("the query says " + queried.message() + " " + queried.text("status_name"));
        }
        System.out.println("PAID " + queried.text("amount"));
    }

    private static String env(String name, String standard) {
        return Optional.ofNullable(System.getenv(name)).filter(value -> !value.isEmpty()).orElse(standard);
    }

    private static String needed(String name) {
        String value = env(name, "");
        if (value.isEmpty()) {
            System.err.println(name + " is not set");
            System.exit(2);
        }
        return value;
    }

    public static void main(String[] args) throws IOException {
        String command = args.length == 1 ? args[0] : "";
        int exitCode = 0;
        if (command.equals("demo")) {
            try {
                demo();
            } catch (Exception failure) {
                String why = Optional.ofNullable(failure.getMessage()).orElse("no answer"); // a refused connection has none
                System.err.println("the demo with " + URL + " failed: " + why);
                exitCode = 1;
            }
        } else if (command.equals("verify")) {
            exitCode = PayHub.verify(System.in.readAllBytes(), needed("PAYHUB_APP_SECRET")).isPresent() ? 0 : 1;
        } else {
            System.err.println("usage: java -cp OUT Demo demo|verify");
            exitCode = 2;
        }
        System.exit(exitCode); // otherwise the HTTP client's threads delay the exit
    }
}
