// ioredis: ioredis.mjs SOCKET default|2|3
import { once } from "node:events";
import Redis from "ioredis";

const [path, protocol] = process.argv.slice(2);
const more = protocol === "default" ? {} : { protocol: Number(protocol) };
// [snippet
const client = new Redis(path, more);
const [allowed, limit, remaining, retryMs, resetMs, reason] =
  await client.call("CHECK", "one", "alice");
// snippet]
console.log("allowed", allowed);
console.log("denied", (await client.call("CHECK", "one", "alice"))[0]);
const pipeline = client.pipeline();
for (let i = 0; i < 1000; i++) pipeline.call("CHECK", "many");
const answers = await pipeline.exec();
console.log("pipeline", answers.reduce((sum, [, answer]) => sum + answer[0], 0));
await client.call("CHECK", "missing").catch((error) => console.log("error", error.message));
client.on("error", () => {}); // it connects anew by itself
console.log("restart");
await once(process.stdin, "data");
console.log("again", (await client.call("CHECK", "one", "bob"))[0]);
client.disconnect();
process.stdin.destroy();
