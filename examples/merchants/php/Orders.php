<?php

declare(strict_types=1);

/** Stands in for your orders table: one locked JSON file per merchant_order_no. 演示用,代替你的订单表。 */
final class Orders
{
    public function __construct(private string $folder)
    {
    }

    /**
     * Reads an order, lets $change change it and stores what it returns, all under one lock (in a database: one
     * transaction with SELECT … FOR UPDATE). 读改写要在同一把锁(同一个事务)里。
     *
     * @param callable(?array): ?array $change null = leave it as it is
     */
    public function update(string $merchantOrderNo, callable $change): ?array
    {
        $file = fopen($this->folder . '/' . hash('sha256', $merchantOrderNo), 'c+');
        flock($file, LOCK_EX);
        $before = json_decode(stream_get_contents($file), true);
        $after = $change($before);
        if ($after !== null) {
            ftruncate($file, 0);
            rewind($file);
            fwrite($file, json_encode($after, JSON_THROW_ON_ERROR));
        }
        fclose($file); // writes and unlocks
        return $after ?? $before;
    }
}
