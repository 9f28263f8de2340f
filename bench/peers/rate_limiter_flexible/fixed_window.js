// rate-limiter-flexible from npm with its fixed window in Redis. Arguments and output are those of
// bench/peers/python/peer_loop.py.
'use strict';

const { parseArgs } = require('util');
const Redis = require('ioredis');
const { RateLimiterRedis } = require('rate-limiter-flexible');

const text = { type: 'string' };
const { values } = parseArgs({
  options: { 'redis-port': text, limit: text, keys: text, seconds: text },
});
const [port, points, keyCount, seconds] = ['redis-port', 'limit', 'keys', 'seconds'].map(
  (name) => Number(values[name]),
);

async function main() {
  const storeClient = new Redis({ host: '127.0.0.1', port });
  const limiter = new RateLimiterRedis({ storeClient, points, duration: 1 });
  const check = (key) =>
    limiter.consume(key, 1).then(
      () => 1,
      (denied) => {
        if (denied instanceof Error) throw denied;
        return 0;
      },
    );
  await check('key:0'); // connects
  const took = [];
  let allowed = 0;
  const begin = process.hrtime.bigint();
  const end = begin + BigInt(Math.round(seconds * 1e9));
  let now = begin;
  while (now < end) {
    allowed += await check(`key:${took.length % keyCount}`);
    const after = process.hrtime.bigint();
    took.push(Number(after - now));
    now = after;
  }
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.floor(took.length * share)] / 1e3;
  console.log(
    JSON.stringify({
      checks: took.length,
      allowed,
      seconds: Number(now - begin) / 1e9,
      p50_us: at(0.5),
      p99_us: at(0.99),
    }),
  );
  storeClient.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
