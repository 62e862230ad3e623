<?php

declare(strict_types=1);

/**
 * The notify_url: put it where your web server runs it. Anything but 200 `success` makes PayHub push it again.
 * 回调地址:只有 200 + success 才算成功,否则 PayHub 会重推。
 */

require __DIR__ . '/PayHub.php';
require __DIR__ . '/Orders.php';

const BODY_BYTES_MAX = 65536;

[$status, $text] = receive(file_get_contents('php://input', length: BODY_BYTES_MAX + 1));
http_response_code($status);
header('Content-Type: text/plain');
echo $text;

/** @return array{int, string} */
function receive(string $body): array
{
    $fields = strlen($body) > BODY_BYTES_MAX ? null : PayHub::verify($body, getenv('PAYHUB_APP_SECRET'));
    if ($fields === null) {
        return [401, 'bad signature'];
    }
    $answer = [404, 'unknown order'];
    $orders = new Orders(getenv('ORDERS_FOLDER'));
    $orders->update((string) ($fields['merchant_order_no'] ?? ''), function (?array $order) use ($fields, &$answer) {
        if ($order === null || !in_array($order['order_no'], [null, $fields['order_no'] ?? ''], true)) {
            return null;
        }
        if (($fields['status'] ?? null) !== 1 || ($fields['amount'] ?? null) !== PayHub::yuan($order['amount'])) {
            $answer = [400, 'status or amount does not match'];
            return null;
        }
        $answer = [200, 'success'];
        // The same webhook may come again: deliver the goods once per order_no. 幂等:同一订单只发货一次。
        // SQL: UPDATE orders SET state='PAID' WHERE order_no=? AND state='NEW', then ship when one row changed.
        return $order['state'] === 'NEW' ? ['state' => 'PAID', 'order_no' => $fields['order_no']] + $order : null;
    });
    return $answer;
}
