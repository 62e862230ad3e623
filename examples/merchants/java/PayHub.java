import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * PayHub client and webhook verifier. Java 17, no dependency: copy this file and give it your package.
 *
 * <p>PayHub 客户端与回调验签。Java 17,无依赖,复制本文件并加上自己的 package 即可。
 *
 * <p>Parameters are sent as JSON strings, integers too ("1000"): PayHub accepts both. 全部以字符串发送,整数也一样。
 */
public final class PayHub {
    /** Longer than the gateway takes to ask a channel. 渠道下单可能较慢。 */
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    private final String url;
    private final String appId;
    private final String appSecret;

    public PayHub(String url, String appId, String appSecret) {
        this.url = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        this.appId = appId;
        this.appSecret = appSecret;
    }

    /** The body of every endpoint's answer, whatever its code; data is empty if it was null. */
    public record Answer(int code, String message, Map<String, Object> data) {
        /** A string, number or boolean of data as text, or "". */
        public String text(String name) {
            return data.get(name) instanceof String text ? text : "";
        }
    }

    /**
     * Places an order; amount is fen.
     *
     * <p>Code 500 or an IOException: nobody knows yet. Query by merchant_order_no before you use a new number, or the
     * customer may pay twice. 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
     */
    public Answer qrcodePay(Map<String, String> params) throws IOException, InterruptedException {
        return post("/api/cashier/qrcode-pay", params);
    }

    /** Queries by order_no or merchant_order_no. 查单。 */
    public Answer orderQuery(Map<String, String> params) throws IOException, InterruptedException {
        return post("/api/cashier/order-query", params);
    }

    /**
     * HMAC-SHA256 over key=value&…: no sign, no null, no "", sorted by key in byte order, values raw, not URL-encoded.
     *
     * <p>签名:去掉 sign、null 和空字符串,按 key 升序,原值拼接(不要 URL 编码)。
     */
    public static String sign(Map<String, String> params, String appSecret) {
        Map<String, String> sorted = new TreeMap<>(Comparator.comparing(PayHub::utf8, Arrays::compareUnsigned));
        sorted.putAll(params);
        StringJoiner canonical = new StringJoiner("&");
        sorted.forEach((key, value) -> {
            if (!key.equals("sign") && value != null && !value.isEmpty()) canonical.add(key + "=" + value);
        });
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(utf8(appSecret), "HmacSHA256"));
            return HexFormat.of().formatHex(mac.doFinal(utf8(canonical.toString())));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible); // every Java has HmacSHA256
        }
    }

    /**
     * The fields of a webhook's body (exactly as received) if its signature verifies, otherwise empty.
     *
     * <p>验签:传入收到的原始 body,通过则返回字段。
     */
    public static Optional<Map<String, String>> verify(byte[] body, String appSecret) {
        Map<String, String> fields = new LinkedHashMap<>();
        try {
            for (Map.Entry<String, Object> field : Json.read(body).entrySet()) {
                if (field.getValue() != null && !(field.getValue() instanceof String)) return Optional.empty();
                fields.put(field.getKey(), (String) field.getValue());
            }
        } catch (IOException notJson) {
            return Optional.empty();
        }
        byte[] given = utf8(fields.getOrDefault("sign", ""));
        // MessageDigest.isEqual takes constant time; String.equals does not. 常量时间比较,不要用 equals。
        return MessageDigest.isEqual(utf8(sign(fields, appSecret)), given) ? Optional.of(fields) : Optional.empty();
    }

    /** Fen as the yuan text of webhooks and queries, without floats: 1000 is "10.00". 分转元,不用浮点数。 */
    public static String yuan(long amountFen) {
        return "%d.%02d".formatted(amountFen / 100, amountFen % 100);
    }

    private Answer post(String path, Map<String, String> params) throws IOException, InterruptedException {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("app_id", appId);
        all.put("timestamp", String.valueOf(Instant.now().getEpochSecond()));
        all.put("nonce", UUID.randomUUID().toString().replace("-", ""));
        all.putAll(params);
        all.put("sign", sign(all, appSecret));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + path))
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(Json.write(all), StandardCharsets.UTF_8))
                .build();
        Map<String, Object> answer = Json.read(http.send(request, HttpResponse.BodyHandlers.ofByteArray()).body());
        @SuppressWarnings("unchecked")
        Map<String, Object> data = answer.get("data") instanceof Map<?, ?> map ? (Map<String, Object>) map : Map.of();
        try {
            return new Answer(
                    Integer.parseInt(String.valueOf(answer.get("code"))), String.valueOf(answer.get("message")), data);
        } catch (NumberFormatException noCode) {
            throw new IOException("not an answer of PayHub", noCode);
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The part of JSON that PayHub uses. Replace it by your own library if you like, but sign a number's own text.
     * Objects become Map, arrays List, null stays null; strings, numbers and booleans become String, because their text
     * is signed.
     */
    static final class Json {
        private static final int DEPTH_MAX = 8;
        private final String text;
        private int at = 0;

        private Json(String text) {
            this.text = text;
        }

        static String write(Map<String, String> flat) {
            StringJoiner members = new StringJoiner(",", "{", "}");
            flat.forEach((key, value) -> {
                if (value != null) members.add(quote(key) + ":" + quote(value));
            });
            return members.toString();
        }

        static Map<String, Object> read(byte[] bytes) throws IOException {
            try {
                Json json = new Json(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
                Map<String, Object> object = json.object(0);
                if (json.peek() != '\0') throw json.bad();
                return object;
            } catch (CharacterCodingException notUtf8) {
                throw new IOException("not UTF-8", notUtf8);
            }
        }

        private static String quote(String value) {
            StringBuilder quoted = new StringBuilder("\"");
            for (char c : value.toCharArray()) {
                if (c == '"' || c == '\\') quoted.append('\\').append(c);
                else if (c < ' ') quoted.append("\\u%04x".formatted((int) c));
                else quoted.append(c);
            }
            return quoted.append('"').toString();
        }

        private Map<String, Object> object(int depth) throws IOException {
            Map<String, Object> members = new LinkedHashMap<>();
            expect('{');
            if (next('}')) return members;
            do {
                if (peek() != '"') throw bad();
                String key = string();
                expect(':');
                members.put(key, value(depth + 1));
            } while (next(','));
            expect('}');
            return members;
        }

        private List<Object> array(int depth) throws IOException {
            List<Object> items = new ArrayList<>();
            expect('[');
            if (next(']')) return items;
            do items.add(value(depth + 1));
            while (next(','));
            expect(']');
            return items;
        }

        private Object value(int depth) throws IOException {
            if (depth > DEPTH_MAX) throw bad();
            char first = peek();
            if (first == '"') return string();
            if (first == '{') return object(depth);
            if (first == '[') return array(depth);
            int start = at;
            while (at < text.length() && "+-.0123456789abcdefghijklmnopqrstuvwxyzE".indexOf(text.charAt(at)) >= 0) at++;
            String word = text.substring(start, at);
            if (word.equals("null")) return null;
            if (word.matches("true|false|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")) return word;
            throw bad();
        }

        /** Reads from the opening quote to after the closing one. */
        private String string() throws IOException {
            StringBuilder value = new StringBuilder();
            for (at++; at < text.length(); at++) {
                char c = text.charAt(at);
                if (c == '"') {
                    at++;
                    return value.toString();
                }
                if (c < ' ') throw bad();
                value.append(c == '\\' ? escape() : c);
            }
            throw bad();
        }

        /** Reads from the backslash to the last character of the escape. */
        private char escape() throws IOException {
            if (++at >= text.length()) throw bad();
            char c = text.charAt(at);
            if (c == 'u') {
                if (at + 4 >= text.length()) throw bad();
                String digits = text.substring(at + 1, at + 5);
                if (!digits.matches("[0-9a-fA-F]{4}")) throw bad();
                at += 4;
                return (char) Integer.parseInt(digits, 16);
            }
            int known = "\"\\/bfnrt".indexOf(c);
            if (known < 0) throw bad();
            return "\"\\/\b\f\n\r\t".charAt(known);
        }

        /** The next character that is not white space, or NUL at the end. */
        private char peek() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
            return at < text.length() ? text.charAt(at) : '\0';
        }

        private boolean next(char wanted) {
            if (peek() != wanted) return false;
            at++;
            return true;
        }

        private void expect(char wanted) throws IOException {
            if (!next(wanted)) throw bad();
        }

        private IOException bad() {
            return new IOException("not PayHub's JSON, at character " + at);
        }
    }
}
