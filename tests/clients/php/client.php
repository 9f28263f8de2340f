<?php
// phpredis: client.php SOCKET
$path = $argv[1];
// [snippet
$client = new Redis();
$client->connect($path);
[$allowed, $limit, $remaining, $retryMs, $resetMs, $reason] = $client->rawCommand("CHECK", "one", "alice");
// snippet]
echo "allowed $allowed\n";
echo "denied ", $client->rawCommand("CHECK", "one", "alice")[0], "\n";
$pipeline = $client->pipeline();
for ($i = 0; $i < 1000; $i++) {
    $pipeline->rawCommand("CHECK", "many");
}
echo "pipeline ", array_sum(array_column($pipeline->exec(), 0)), "\n";
// An error is an answer of false, or an exception, as the release has it.
try {
    $client->rawCommand("CHECK", "missing");
    echo "error ", $client->getLastError(), "\n";
} catch (RedisException $error) {
    echo "error ", $error->getMessage(), "\n";
}
echo "restart\n";
fgets(STDIN);
echo "again ", $client->rawCommand("CHECK", "one", "bob")[0], "\n";
