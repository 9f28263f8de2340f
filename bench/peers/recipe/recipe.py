"""The old recipe: INCR a key named after the second, EXPIRE it when it is new, deny above the limit."""

import os
import sys
import time

import redis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import peer_loop

ARGS = peer_loop.arguments()
STORE = redis.Redis(host="127.0.0.1", port=ARGS.redis_port)


def check(key):
    name = f"rate-limit:{key}:{int(time.time())}"
    count = STORE.incr(name)
    if count == 1:
        STORE.expire(name, 1)
    return count <= ARGS.limit


peer_loop.run(ARGS, check)
