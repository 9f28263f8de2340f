// node-redis, as a client of redis-cell: redis_cell.mjs SOCKET
import { createClient } from "redis";

const path = process.argv[2];
// [snippet
const client = createClient({ socket: { path } });
client.on("error", () => {}); // it connects anew by itself
await client.connect();
const [limited, limit, remaining, retry, reset] =
  await client.sendCommand(["CL.THROTTLE", "user123", "15", "30", "60"]);
// snippet]
console.log(limited, limit, remaining, retry, reset);
for (let i = 0; i < 16; i++) {
  console.log(...(await client.sendCommand(["CL.THROTTLE", "user123", "15", "30", "60"])));
}
client.destroy();
