"""The floors, and the checks that the library decides in shared memory."""

import os

from harness.programs import BIG, NotMeasured, run_json

LIMITS = {
    "big": f'limit = {BIG}, period = "1s"',
    "long": f'limit = {BIG}, period = "10s"',
    "used": 'limit = 10000, period = "1s"',
    "bucket": f'limit = {BIG}, period = "1s", algorithm = "gcra"',
    "used_bucket": 'limit = 10000, period = "1s", algorithm = "gcra"',
    "windows": f'limit = ["{BIG}/s", "{BIG}/10s"]',
    "sliding": f'limit = {BIG}, period = "10s", algorithm = "sliding-window"',
}
SLOTS = 262144  # so that 100,000 keys have one each


def floor(name):
    def measure(bench):
        return run_json([os.path.join(bench.tools, "bench_floors"), name, bench.seconds / 2])
    return measure


# How often a row is measured, each time twice as long, until shared memory decided enough: a busy
# machine has the daemon come late with its pools.
ATTEMPTS = 5


def check(limit, kind, keys=0, processes=1, burst=1000):
    """A kind of check; a row only where shared memory decided."""
    def measure(bench):
        daemon = bench.shared_memory_daemon(limit)
        for attempt in range(ATTEMPTS):
            result = run_json([os.path.join(bench.bin_dir, "bench_shm"), daemon.path, limit, kind,
                               min(keys, bench.most_shm_keys), processes, burst,
                               bench.seconds * 2 ** attempt])
            share = result["in_shared_memory"] / max(1, result["checks"])
            if share > 0.9 if kind == "latency" else result["counted"] >= 10 * burst:
                result["shared_percent"] = share * 100
                return result
        raise NotMeasured(f"not in shared memory: {share:.1%} of {result['checks']} checks were")
    return measure


CONTESTANTS = {
    "floor: coarse clock + CAS": floor("coarse_cas"),
    "floor: precise clock": floor("precise_clock"),
    "floor: precise clock + CAS": floor("precise_cas"),
    "floor: contended CAS": floor("contended_cas"),
    "floor: Unix socket ping-pong": floor("ping_pong"),
    "floor: memory latency": floor("memory"),
    "shm: handle, allowed": check("big", "allowed"),
    "shm: handle, denied": check("used", "denied"),
    "shm: token bucket, handle, allowed": check("bucket", "allowed"),
    "shm: token bucket, handle, denied": check("used_bucket", "denied"),
    "shm: sliding window, handle, allowed": check("sliding", "allowed"),
    "shm: two windows, handle, allowed": check("windows", "allowed"),
    "shm: one hot key": check("big", "allowed", keys=1),
    "shm: 1,000 keys": check("big", "allowed", keys=1000),
    "shm: 100,000 keys": check("long", "allowed", keys=100000, burst=100),
    "shm: two processes, one pool": check("big", "allowed", processes=2, burst=200),
    "shm: each check's time, two cores loaded": check("big", "latency", processes=2),
}
