"""Checks over the socket beside INCR on redis-server, both asked by bench_load."""

import csv
import subprocess

from harness.programs import BIG, NotMeasured

LIMITS = {
    "auto": f'limit = {BIG}, period = "1s"',
    "exact": f'limit = {BIG}, period = "1s", mode = "exact"',
    "used": 'limit = 100, period = "1s"',
}
CLIENTS = 50
OPEN_RATE = 10000  # requests a second, far from what any of them can do


def incr(depth=1, keys=1, **more):
    def measure(bench):
        redis = bench.redis()
        return bench.place.load(redis.path, command="INCR counter:%k", keys=keys, depth=depth,
                                pid=redis.pid, **{**common(bench), **more})
    return measure


def check(limit, depth=1, keys=1, memory=False, **more):
    def measure(bench):
        daemon = bench.memory_daemon() if memory else bench.daemon()
        key = " %k" if keys > 1 else ""
        store = None if memory else bench.redis()
        return bench.place.load(daemon.path, command=f"CHECK {limit}{key}", verdict="one",
                                keys=keys, depth=depth, pid=daemon.pid, store=store,
                                **{**common(bench), **more})
    return measure


def common(bench):
    return {"clients": CLIENTS, "seconds": bench.seconds}


def redis_benchmark(depth):
    """The number that people know, by the program that they know it from."""
    def measure(bench):
        count = int(100_000 * bench.seconds * min(depth, 10))
        done = subprocess.run(
            ["redis-benchmark", "-s", bench.redis().path, "-t", "incr", "-n", str(count), "-c",
             str(CLIENTS), "-P", str(depth), "--csv"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        rows = [row for row in csv.reader(done.stdout.splitlines()) if row and row[0] == "INCR"]
        if done.returncode != 0 or not rows:
            raise NotMeasured(f"redis-benchmark: {done.stdout.strip()[-200:]}")
        return {"rate": float(rows[0][1])}
    return measure


def one_round_trip(bench):
    """PING to Redis by one client that waits for each answer."""
    return bench.place.load(bench.redis().path, command="PING", clients=1, seconds=bench.seconds / 2)


def one_caller(bench):
    """What one program sees that asks over the socket."""
    daemon = bench.daemon()
    return bench.place.load(daemon.path, command="CHECK auto", verdict="one", clients=1,
                            seconds=bench.seconds, pid=daemon.pid)


CONTESTANTS = {
    **{f"redis-benchmark INCR, P{depth}": redis_benchmark(depth) for depth in (1, 16, 64)},
    **{f"redis INCR, P{depth}": incr(depth) for depth in (1, 16, 64)},
    "redis INCR, 10,000 keys, P16": incr(16, keys=10000),
    **{f"CHECK, P{depth}": check("auto", depth) for depth in (1, 16, 64)},
    "CHECK denied, P16": check("used", 16),
    "CHECK memory store, P16": check("auto", 16, memory=True),
    "CHECK exact, P1": check("exact", 1),
    "CHECK exact, P16": check("exact", 16),
    "CHECK exact, 10,000 keys, P16": check("exact", 16, keys=10000),
    "redis PING, one client": one_round_trip,
    "CHECK, one client": one_caller,
    "open loop: redis INCR": incr(rate=OPEN_RATE),
    "open loop: CHECK": check("auto", rate=OPEN_RATE),
    "open loop: CHECK exact": check("exact", rate=OPEN_RATE),
    "open loop: CHECK denied": check("used", rate=OPEN_RATE),
}
