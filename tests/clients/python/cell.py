"""redis-py, as a client of redis-cell: cell.py SOCKET"""
import sys

import redis

path = sys.argv[1]
# [snippet
client = redis.Redis(unix_socket_path=path)
limited, limit, remaining, retry, reset = client.execute_command("CL.THROTTLE", "user123", 15, 30, 60)
# snippet]
print(limited, limit, remaining, retry, reset)
for _ in range(16):
    print(*client.execute_command("CL.THROTTLE", "user123", 15, 30, 60))
