"""redis-py, asyncio: asyncio_client.py SOCKET 2|3"""
import asyncio
import sys

import redis.asyncio as redis

path, protocol = sys.argv[1], int(sys.argv[2])
more = {"protocol": 3} if protocol == 3 else {}


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
    try:
        await client.execute_command("CHECK", "missing")
    except redis.ResponseError as error:
        print("error", error)
    print("restart", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print("again", (await client.execute_command("CHECK", "one", "bob"))[0])


asyncio.run(main())
