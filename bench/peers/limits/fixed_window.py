"""`limits` from PyPI with its fixed window in Redis."""

import os
import sys

import limits
import limits.storage
import limits.strategies

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import peer_loop

ARGS = peer_loop.arguments()
LIMITER = limits.strategies.FixedWindowRateLimiter(
    limits.storage.storage_from_string(f"redis://127.0.0.1:{ARGS.redis_port}"))
LIMIT = limits.RateLimitItemPerSecond(ARGS.limit)

peer_loop.run(ARGS, lambda key: LIMITER.hit(LIMIT, key))
