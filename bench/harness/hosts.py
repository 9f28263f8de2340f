"""Several daemons on one Redis, as if each were a host: what Redis is asked, and what is allowed."""

import threading

from harness.programs import NotMeasured, Resp

HOT = 100_000
COLD_CHECKS = 10  # of each key in a window


def script_calls(redis):
    stats = redis.info("commandstats")
    return sum(int(stats[name].split(",")[0].split("=")[1])
               for name in ("cmdstat_evalsha", "cmdstat_eval") if name in stats)


class CounterWatch(threading.Thread):
    """Reads the counters of a limit with windows of a second while they exist."""

    def __init__(self, redis_path, name):
        super().__init__(daemon=True)
        self.redis = Resp(redis_path)
        self.name = name
        self.counters = {}
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            self.look()
        self.look()
        self.redis.close()

    def look(self):
        now = int(self.redis.ask("TIME")[0])
        for window in (now - 1, now, now + 1):
            value = self.redis.ask("GET", f"rategate:{{{self.name}:}}:1s:{window}")
            if value is not None:
                self.counters[window] = max(int(value), self.counters.get(window, 0))

    def stop(self):
        self.over.set()
        self.join()
        return self.counters


def hot(host_count):
    """A limit that is wanted more often than it allows, on so many hosts, for whole windows."""
    def measure(bench):
        limits = {"hot": f'limit = {HOT}, period = "1s"'}
        with bench.new_place() as place:
            redis = place.redis()
            daemons = [place.daemon(limits, redis.path) for _ in range(host_count)]
            watch = CounterWatch(redis.path, "hot")
            before = script_calls(redis)
            result = place.load(*[daemon.path for daemon in daemons], command="CHECK hot",
                                verdict="one", clients=48, depth=16, seconds=bench.window_seconds,
                                window=1000, start="window", pid=[daemon.pid for daemon in daemons])
            calls = script_calls(redis) - before
            counters = watch.stop()
        if not counters:
            raise NotMeasured("no counter was seen in Redis")
        return {"commands_per_allowed": calls / max(1, result["allowed"]),
                "utilisation": utilisation(result["windows"]),
                "over_admitted": over_admitted(result["windows"], counters),
                "rate": result["rate"], "cpu_us": result["cpu_us"]}
    return measure


def utilisation(windows):
    """Per cent of the limit in windows that the load covered as a whole."""
    whole = [answered for _, _, answered in windows[1:-1]] or [windows[0][2]]
    return 100 * sum(whole) / len(whole) / HOT


def over_admitted(windows, counters):
    """Permits that were surely given in a window beyond the limit, or beyond its counter."""
    over = sum(max(0, count - HOT) for count in counters.values())
    for start_ms, surely, _ in windows:
        over += max(0, surely - min(HOT, counters.get(start_ms // 1000, HOT)))
    return over


def cold(bench):
    """Many keys, each asked some times in a window, at a fixed rate, spread over three hosts."""
    keys, period_s = bench.cold_keys, bench.cold_period_s
    limits = {"cold": f'limit = 1000, period = "{period_s}s"'}
    requests = keys * COLD_CHECKS
    with bench.new_place() as place:
        redis = place.redis()
        daemons = [place.daemon(limits, redis.path) for _ in range(3)]
        round_trip = place.load(redis.path, command="PING", clients=1, seconds=bench.seconds / 2)
        before = script_calls(redis)
        # A little faster than the window lasts, so that it does not reach into the next.
        result = place.load(*[daemon.path for daemon in daemons], command="CHECK cold %k",
                            verdict="one", keys=keys, order="turn", clients=48, requests=requests,
                            rate=requests / (period_s * 0.95), window=period_s * 1000,
                            start="window", pid=[daemon.pid for daemon in daemons], store=redis)
        calls = script_calls(redis) - before
    return {"commands_per_check": calls / requests, "p99_us": result["p99"],
            "round_trip_us": round_trip["p50"], "p99_round_trips": result["p99"] / round_trip["p50"],
            "p50": result["p50"], "curve": result["curve"], "cpu_us": result["cpu_us"],
            "store_cpu_us": result["store_cpu_us"]}


CONTESTANTS = {
    "hot limit, 1 host": hot(1),
    "hot limit, 3 hosts": hot(3),
    "cold keys, 3 hosts": cold,
}
