<?php

declare(strict_types=1);

/**
 * PayHub client and webhook verifier. PHP 8, no composer, no curl extension. Copy this file into your project.
 * PayHub 客户端与回调验签。不需要 composer,复制本文件即可使用。
 */
final class PayHub
{
    /** Seconds; longer than the gateway takes to ask a channel. 渠道下单可能较慢。 */
    private const TIMEOUT_S = 30;

    public function __construct(
        private string $url,
        private string $appId,
        #[SensitiveParameter] private string $appSecret,
    ) {
    }

    /**
     * Places an order; `amount` is an int of fen. Code 500 or no answer (RuntimeException): nobody knows yet. Query by
     * merchant_order_no before you use a new number, or the customer may pay twice.
     * 返回 500 或超时:先用 merchant_order_no 查单,不要直接换单号重下。
     *
     * @return array{code: int, message: string, data: ?array}
     */
    public function qrcodePay(array $params): array
    {
        return $this->post('/api/cashier/qrcode-pay', $params);
    }

    /** Queries by order_no or merchant_order_no. 查单。 */
    public function orderQuery(array $params): array
    {
        return $this->post('/api/cashier/order-query', $params);
    }

    /**
     * HMAC-SHA256 over `key=value&…`: no `sign`, no null, no "", sorted by key in byte order, values raw. Not
     * http_build_query, which URL-encodes. 签名:去掉 sign、null 和空字符串,按 key 升序,原值拼接,不要用 http_build_query。
     */
    public static function sign(array $params, #[SensitiveParameter] string $appSecret): string
    {
        unset($params['sign']);
        $params = array_filter($params, fn ($value) => $value !== null && $value !== ''); // 0 and false stay 保留
        ksort($params, SORT_STRING);
        $pairs = [];
        foreach ($params as $key => $value) {
            $pairs[] = $key . '=' . self::text($value);
        }
        return hash_hmac('sha256', implode('&', $pairs), $appSecret);
    }

    /**
     * The fields of a webhook's body (file_get_contents('php://input')) if its signature verifies, otherwise null.
     * 验签:传入原始 body,通过则返回字段,否则返回 null。
     */
    public static function verify(string $body, #[SensitiveParameter] string $appSecret): ?array
    {
        $fields = json_decode($body, true, 2, JSON_BIGINT_AS_STRING);
        if (!is_array($fields) || !is_string($fields['sign'] ?? null)) {
            return null;
        }
        try {
            return hash_equals(self::sign($fields, $appSecret), $fields['sign']) ? $fields : null; // 常量时间比较
        } catch (InvalidArgumentException) {
            return null;
        }
    }

    /** Fen as the yuan text of webhooks and queries, without floats: 1000 → "10.00". 分转元,不用浮点数。 */
    public static function yuan(int $amountFen): string
    {
        return sprintf('%d.%02d', intdiv($amountFen, 100), $amountFen % 100);
    }

    private function post(string $path, array $params): array
    {
        $params += ['app_id' => $this->appId, 'timestamp' => time(), 'nonce' => bin2hex(random_bytes(16))];
        $params['sign'] = self::sign($params, $this->appSecret);
        $http = [
            'method' => 'POST',
            'header' => 'Content-Type: application/json',
            'content' => json_encode($params, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE),
            'timeout' => self::TIMEOUT_S,
            'ignore_errors' => true, // 4xx and 5xx carry {code, message, data} too 也要读取错误应答
            'follow_location' => 0,
        ];
        $text = @file_get_contents(rtrim($this->url, '/') . $path, false, stream_context_create(['http' => $http]));
        $answer = $text === false ? null : json_decode($text, true);
        if (!is_array($answer) || !isset($answer['code'])) {
            throw new RuntimeException("PayHub does not answer at {$this->url}$path");
        }
        return $answer;
    }

    /** The text of a value in the JSON; (string) false would be "". */
    private static function text(mixed $value): string
    {
        return match (true) {
            is_bool($value) => $value ? 'true' : 'false',
            is_string($value), is_int($value) => (string) $value,
            default => throw new InvalidArgumentException('PayHub takes string, int, bool or null: send amounts as int fen'),
        };
    }
}
