#!/usr/bin/python3
"""The well-known recipe's program, asking rategate with redis-py instead of counting by itself.

    recipe.py [CALLS]

The counter in Redis is still rate-limit:<unix second>, so programs that run the old recipe and
those that ask rategate share one limit.
"""

import functools
import os
import sys
import time

import redis

rategate = redis.Redis(
    unix_socket_path=os.environ.get("RATEGATE_SOCKET", "/run/rategate/rategate.sock"))


class RateLimitExceeded(Exception):
    pass


def rate_per_second(count):
    def decorate(function):
        @functools.wraps(function)
        def limited(*args, **kwargs):
            allowed, _, _, retry_after_ms, _, _ = rategate.execute_command(
                "CHECK", "rate-limit", "LIMIT", count, "PERIOD", "1s")
            if not allowed:
                raise RateLimitExceeded(f"try again in {retry_after_ms} ms")
            return function(*args, **kwargs)
        return limited
    return decorate


@rate_per_second(100)
def my_function():
    pass  # what may be done 100 times per second


if __name__ == "__main__":
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    success = fail = 0
    for _ in range(calls):
        try:
            my_function()
            success += 1
        except RateLimitExceeded:
            fail += 1
        time.sleep(5 / 1000)
    print(f"Success count = {success}")
    print(f"Fail count = {fail}")
