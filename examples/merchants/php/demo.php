<?php

declare(strict_types=1);

/** php demo.php demo: place an order, receive its verified webhook, query it. php demo.php verify: check stdin. */

require __DIR__ . '/PayHub.php';
require __DIR__ . '/Orders.php';

const WAIT_S = 60;

function fail(string $message, int $code = 1): never
{
    fwrite(STDERR, "$message\n");
    exit($code);
}

function needed(string $name): string
{
    return getenv($name) ?: fail("$name is not set", 2);
}

/** Starts PHP's web server with notify.php, as Apache or php-fpm would run it, and reads its address from its log. */
function startReceiver(string $ordersFolder): string
{
    $address = '127.0.0.1:' . (getenv('RECEIVER_PORT') ?: '0');
    $env = ['ORDERS_FOLDER' => $ordersFolder] + getenv();
    $command = [PHP_BINARY, '-S', $address, __DIR__ . '/notify.php'];
    $server = proc_open($command, [1 => STDERR, 2 => ['pipe', 'w']], $pipes, null, $env);
    while (($line = fgets($pipes[2])) !== false) {
        if (preg_match('~\((http://[^)]+)\) started~', $line, $found)) {
            $notifyUrl = $found[1] . '/notify.php';
            register_shutdown_function(function () use ($server, $notifyUrl) {
                // The server answers in turn: with this answer, the webhook's has left too. 先应答完回调再退出。
                @file_get_contents($notifyUrl);
                proc_terminate($server);
            });
            return $notifyUrl;
        }
        fwrite(STDERR, $line);
    }
    fail('the receiver did not start');
}

function demo(): void
{
    $client = new PayHub(
        getenv('PAYHUB_URL') ?: 'http://127.0.0.1:8080',
        needed('PAYHUB_APP_ID'),
        needed('PAYHUB_APP_SECRET'),
    );
    $folder = sys_get_temp_dir() . '/payhub-demo-' . bin2hex(random_bytes(8));
    mkdir($folder, 0700);
    register_shutdown_function(function () use ($folder) {
        array_map(unlink(...), glob("$folder/*"));
        rmdir($folder);
    });
    $orders = new Orders($folder);
    $notifyUrl = startReceiver($folder);

    // Store the order before you place it: the webhook may arrive before the answer. 先落库再下单,回调可能先到。
    $merchantOrderNo = 'PHP' . hrtime(true) . getmypid();
    $amount = 1000; // fen 单位:分
    $orders->update($merchantOrderNo, fn () => ['amount' => $amount, 'order_no' => null, 'state' => 'NEW']);
    $made = $client->qrcodePay([
        'merchant_order_no' => $merchantOrderNo,
        'amount' => $amount,
        'notify_url' => $notifyUrl,
        'note' => 'PHP 示例',
        'extra' => 'a/b&c=d 中文',
    ]);
    if ($made['code'] !== 200) {
        fail("{$made['code']} {$made['message']}");
    }
    $orderNo = $made['data']['order_no'];
    $orders->update($merchantOrderNo, fn (array $order) => ['order_no' => $orderNo] + $order);
    echo "NOTIFY_URL $notifyUrl\nPAY {$made['data']['sourceQrCodeUrl']}\nORDER_NO $orderNo\n";

    for ($until = time() + WAIT_S; $orders->update($merchantOrderNo, fn () => null)['state'] !== 'PAID';) {
        if (time() > $until) {
            fail('no webhook in ' . WAIT_S . ' s');
        }
        usleep(100_000);
    }
    $data = $client->orderQuery(['order_no' => $orderNo])['data'];
    if (($data['status_name'] ?? null) !== 'PAID') {
        fail('the query says ' . ($data['status_name'] ?? 'nothing'));
    }
    echo "PAID {$data['amount']}\n";
}

switch ($argv[1] ?? '') {
    case 'demo':
        try {
            demo();
        } catch (RuntimeException $failure) {
            fail($failure->getMessage());
        }
        break;
    case 'verify':
        $fields = PayHub::verify(stream_get_contents(STDIN), needed('PAYHUB_APP_SECRET'));
        exit($fields === null ? 1 : 0);
    default:
        fwrite(STDERR, "usage: php demo.php demo|verify\n");
        exit(2);
}
