"""redis-py, blocking: client.py SOCKET default|2|3"""
import concurrent.futures
import sys

import redis

path, protocol = sys.argv[1:]
more = {} if protocol == "default" else {"protocol": int(protocol)}

# [snippet
client = redis.Redis(unix_socket_path=path, **more)
allowed, limit, remaining, retry_ms, reset_ms, reason = client.execute_command("CHECK", "one", "alice")
# snippet]
print("allowed", allowed)
print("denied", client.execute_command("CHECK", "one", "alice")[0])
pipe = client.pipeline(transaction=False)
for _ in range(1000):
    pipe.execute_command("CHECK", "many")
print("pipeline", sum(answer[0] for answer in pipe.execute()))
with concurrent.futures.ThreadPoolExecutor(8) as threads:
    answers = threads.map(lambda _: client.execute_command("CHECK", "pooled"), range(400))
    print("pooled", sum(answer[0] for answer in answers))
try:
    client.execute_command("CHECK", "missing")
except redis.ResponseError as error:
    print("error", error)
print("restart", flush=True)
sys.stdin.readline()
print("again", client.execute_command("CHECK", "one", "bob")[0])
