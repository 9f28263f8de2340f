"""redis-py, asyncio: asyncio_client.py SOCKET default|2|3"""
import asyncio
import sys

import redis.asyncio as redis

path, protocol = sys.argv[1:]
more = {} if protocol == "default" else {"protocol": int(protocol)}


async def main():
    # [snippet
    client = redis.Redis(unix_socket_path=path, **more)
    allowed, limit, remaining, retry_ms, reset_ms, reason = await client.execute_command(
        "CHECK", "one", "alice")
    # snippet]
    print("allowed", allowed)
    print("denied", (await client.execute_command("CHECK", "one", "alice"))[0])
    pipe = client.pipeline(transaction=False)
    for _ in range(1000):
        pipe.execute_command("CHECK", "many")
    print("pipeline", sum(answer[0] for answer in await pipe.execute()))

    async def check_50():
        return sum([(await client.execute_command("CHECK", "pooled"))[0] for _ in range(50)])

    print("pooled", sum(await asyncio.gather(*(check_50() for _ in range(8)))))
    try:
        await client.execute_command("CHECK", "missing")
    except redis.ResponseError as error:
        print("error", error)
    print("restart", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print("again", (await client.execute_command("CHECK", "one", "bob"))[0])


asyncio.run(main())
