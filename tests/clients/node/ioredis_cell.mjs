// ioredis, as a client of redis-cell: ioredis_cell.mjs SOCKET
import Redis from "ioredis";

const path = process.argv[2];
// [snippet
const client = new Redis(path);
const [limited, limit, remaining, retry, reset] =
  await client.call("CL.THROTTLE", "user123", 15, 30, 60);
// snippet]
console.log(limited, limit, remaining, retry, reset);
for (let i = 0; i < 16; i++) {
  console.log(...(await client.call("CL.THROTTLE", "user123", 15, 30, 60)));
}
client.disconnect();
