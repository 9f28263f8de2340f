"""redis-py, blocking: client.py SOCKET 2|3"""
import sys

import redis

path, protocol = sys.argv[1], int(sys.argv[2])
more = {"protocol": 3} if protocol == 3 else {}

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
try:
    client.execute_command("CHECK", "missing")
except redis.ResponseError as error:
    print("error", error)
print("restart", flush=True)
sys.stdin.readline()
print("again", client.execute_command("CHECK", "one", "bob")[0])
