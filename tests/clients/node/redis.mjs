// node-redis: redis.mjs SOCKET default|2|3
import { once } from "node:events";
import { createClient, createClientPool } from "redis";

const [path, protocol] = process.argv.slice(2);
const more = protocol === "default" ? {} : { RESP: Number(protocol) };
// [snippet
const client = createClient({ socket: { path }, ...more });
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
const pool = await createClientPool({ socket: { path }, ...more }).connect();
const pooled = await Promise.all(
  Array.from({ length: 400 }, () => pool.sendCommand(["CHECK", "pooled"])));
console.log("pooled", pooled.reduce((sum, answer) => sum + answer[0], 0));
await pool.close();
await client.sendCommand(["CHECK", "missing"])
  .catch((error) => console.log("error", error.message));
console.log("restart");
await once(process.stdin, "data");
console.log("again", (await client.sendCommand(["CHECK", "one", "bob"]))[0]);
await client.close();
process.stdin.destroy();
