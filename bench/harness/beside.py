"""What one client waits for while another one floods the daemon: with PINGs, with what has long
answers or long requests, with keys that nobody has asked for yet, and with connections; and how long
the daemon's loop works meanwhile without looking for what else has come."""

import contextlib
import os
import subprocess
import sys
import time

from harness.programs import BIG, DEADLINE_S, NotMeasured, Resp

LIMITS = {
    "auto": f'limit = {BIG}, period = "1s"',
    "cold": 'limit = 1000, period = "1h"',
}
CONNECTIONS = 4  # of the one that floods
FLOODS = {
    "nobody": None,
    "PING": ["PING"],
    "INFO": ["INFO"],
    "CLIENT LIST": ["CLIENT", "LIST"],
    "CHECK of cold keys": ["CHECK", "cold", "%k"],
    "requests of 8 KiB": ["ECHO", "x" * 8100],
    "connects": ["CONNECT"],
}
# Beside which the daemon's turns are looked at.
TURNS = ("INFO", "CLIENT LIST", "connects")


def count(connection, field):
    lines = connection.ask("INFO").split("\r\n")
    return int(dict(line.split(":", 1) for line in lines if ":" in line)[field])


@contextlib.contextmanager
def flood_of(daemon, own, words):
    """A process that floods the daemon, from when it has begun until the context ends; `own`: a
    connection that was made before, because later it may be long until one is accepted."""
    if not words:
        yield
        return
    came = count(own, "total_connections_received")
    flood = subprocess.Popen(
        [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "flood.py"), daemon.path,
         str(CONNECTIONS), *words])
    try:
        deadline = time.monotonic() + DEADLINE_S
        while count(own, "total_connections_received") < came + CONNECTIONS:
            if time.monotonic() > deadline:
                raise NotMeasured("the flood did not begin")
            time.sleep(0.001)
        yield
        if flood.poll() is not None:
            raise NotMeasured("the flood has ended")
    finally:
        flood.kill()
        flood.wait()


def beside(words):
    """A daemon of its own: cold keys leave many counters behind."""
    def measure(bench):
        with bench.new_place() as place:
            daemon = place.daemon(LIMITS, place.redis().path)
            own = Resp(daemon.path)
            with contextlib.closing(own), flood_of(daemon, own, words):
                before = count(own, "total_commands_processed")
                result = place.load(daemon.path, command="CHECK auto", verdict="one", clients=1,
                                    seconds=bench.seconds, pid=daemon.pid)
                after = count(own, "total_commands_processed")
        others = max(0, after - before - result["requests"]) / result["seconds"]
        return {"p50": result["p50"], "p99": result["p99"], "max": result["max"],
                "flood_rate": others}
    return measure


def longest_turn(words):
    """Of a daemon that no other program takes off its core, where we may ask for that: its turns last
    as long as their work then."""
    def measure(bench):
        with bench.new_place() as place:
            daemon = place.daemon(LIMITS, place.redis().path)
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(daemon.pid, os.SCHED_FIFO, os.sched_param(1))
            own = Resp(daemon.path)
            with contextlib.closing(own), flood_of(daemon, own, words):
                time.sleep(bench.seconds / 2)  # what is being measured is that time goes by
                return {"us": count(own, "loop_longest_us")}
    return measure


CONTESTANTS = {
    **{f"CHECK beside {name}": beside(words) for name, words in FLOODS.items()},
    **{f"longest turn beside {name}": longest_turn(FLOODS[name]) for name in TURNS},
}
