"""What the daemon takes when it does nothing, per key, and what the library is."""

import os
import re
import subprocess
import time

from harness.programs import NotMeasured

PERIODS_MS = (10, 100, 1000)
ROUND_TRIPS_MS = (0.2, 1, 20)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def memory_kib(pid, which):
    return int(status(pid)[which].split()[0])


def rss_bytes(pid):
    return memory_kib(pid, "VmRSS") * 1024


def text_kib(path):
    sizes = subprocess.run(["size", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(sizes.splitlines()[1].split()[0]) / 1024


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def switches(pid):
    fields = status(pid)
    return int(fields["voluntary_ctxt_switches"]) + int(fields["nonvoluntary_ctxt_switches"])


def idle(bench):
    """A daemon that was asked once, and then nobody asks."""
    with bench.new_place() as place:
        daemon = place.daemon({"api": 'limit = 100000, period = "1s"'}, place.redis().path)
        daemon.ask("CHECK", "api")
        time.sleep(2.5 * bench.idle_scale)  # what is being measured is that time goes by
        before, ticks = switches(daemon.pid), cpu_ticks(daemon.pid)
        time.sleep(3 * bench.idle_scale)
        return {"wakeups": switches(daemon.pid) - before, "cpu_ticks": cpu_ticks(daemon.pid) - ticks,
                "rss_mib": rss_bytes(daemon.pid) / 2**20,
                "own_kib": memory_kib(daemon.pid, "RssAnon"),
                "text_kib": text_kib(os.path.join(bench.bin_dir, "rategated"))}


def per_key(bench):
    """Growth of the daemon's resident memory by keys that all live."""
    count = bench.live_keys
    with bench.new_place() as place:
        daemon = place.daemon({"keyed": 'limit = 1000000, period = "1h"'}, place.redis().path)
        place.load(daemon.path, command="CHECK keyed", clients=8, depth=16, requests=1000)
        before = rss_bytes(daemon.pid)
        place.load(daemon.path, command="CHECK keyed %k", keys=count, order="turn", clients=8,
                   depth=16, requests=count)
        return {"bytes": (rss_bytes(daemon.pid) - before) / count}


def library(bench):
    path = os.path.join(os.path.dirname(bench.bin_dir), "lib", "librategate.so")
    if not os.path.exists(path):
        raise NotMeasured(f"{os.path.basename(path)} is not built")
    dynamic = subprocess.run(["readelf", "-dW", path], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    return {"text_kib": text_kib(path), "needed": needed,
            "more_than_libc": len([name for name in needed if not name.startswith("libc.so")])}


def between_windows(round_trip_ms):
    """The share of each period in which a check waits, at a Redis so far away: the daemon says how
    well it knows the store's clock, and a window opens late and closes early by that."""
    def measure(bench):
        with bench.new_place() as place:
            far = place.far(place.redis().path, round_trip_ms * 1000)
            daemon = place.daemon({"api": 'limit = 1000000, period = "1s", mode = "exact"'}, far.path)
            place.load(daemon.path, command="CHECK api", clients=1, seconds=bench.seconds)
            error_us = int(daemon.info()["clock_error_us"])
        shares = {f"p{period}ms": 2 * error_us / (period * 1000) * 100 for period in PERIODS_MS}
        return {"error_us": error_us, **shares}
    return measure


CONTESTANTS = {
    "idle daemon": idle,
    "daemon's memory per live key": per_key,
    "librategate.so": library,
    **{f"between windows, {trip:g} ms away": between_windows(trip) for trip in ROUND_TRIPS_MS},
}
