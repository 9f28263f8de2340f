"""What the peers in Python share: arguments in, checks for so many seconds, one line of JSON out.

All peers, in whatever language, take the same arguments and print the same line, so that their
rows are made the same way: one caller, one check after the other, keys in turn.
"""

import argparse
import json
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--redis-port", type=int, required=True)
    parser.add_argument("--limit", type=int, required=True, help="permits per second and key")
    parser.add_argument("--keys", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def run(args, check):
    keys = [f"key:{i}" for i in range(args.keys)]
    check(keys[0])  # connects
    clock = time.perf_counter_ns
    took, allowed = [], 0
    begin = now = clock()
    end = begin + int(args.seconds * 1e9)
    while now < end:
        allowed += bool(check(keys[len(took) % args.keys]))
        after = clock()
        took.append(after - now)
        now = after
    took.sort()
    print(json.dumps({
        "checks": len(took), "allowed": allowed, "seconds": (now - begin) / 1e9,
        "p50_us": took[len(took) // 2] / 1e3, "p99_us": took[len(took) * 99 // 100] / 1e3}))
