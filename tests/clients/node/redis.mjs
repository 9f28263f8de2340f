// node-redis: redis.mjs SOCKET
import { once } from "node:events";
import { createClient } from "redis";

const path = process.argv[2];
// [snippet
const client = createClient({ socket: { path } });
client.on("error", () => {}); // it connects anew by itself
await client.connect();
const [allowed, limit, remaining, retryMs, resetMs, reason] =
  await client.sendCommand(["CHECK", "one", "alice"]);
// snippet]
console.log("allowed", allowed);
console.log("denied", (await client.sendCommand(["CHECK", "one", "alice"]))[0]);
const answers = await Promise.all(
  Array.from({ length: 1000 }, () => client.sendCommand(["CHECK", "many"])));
console.log("pipeline", answers.reduce((sum, answer) => sum + answer[0], 0));
await client.sendCommand(["CHECK", "missing"]).catch((error) => console.log("error", error.message));
console.log("restart");
await once(process.stdin, "data");
console.log("again", (await client.sendCommand(["CHECK", "one", "bob"]))[0]);
await client.disconnect();
process.stdin.destroy();
