"""Limits that are asked for one and a half times as much as they allow, over three daemons on one
Redis, as if each were a host: how much of it is given out, once it is used up for the first time."""

from harness.hosts import script_calls

HOSTS = 3
DEMAND = 1.5  # of all hosts together, times the limit


class Kind:
    def __init__(self, algorithm, permits, period_s, seconds):
        self.limit = f'limit = {permits}, period = "{period_s}s", algorithm = "{algorithm}"'
        self.permits, self.period_s = permits, period_s
        # Until `begin` what was there at the start is spent; what is spent of a sliding window in its
        # first period comes back in its second.
        self.begin, self.end = seconds

    def per_second(self):
        return self.permits / self.period_s


KINDS = {
    "token bucket, 1,000/s": Kind("gcra", 1000, 1, (4, 14)),
    "sliding window, 6,000 per 60 s": Kind("sliding-window", 6000, 60, (60, 120)),
}


def percent(windows, kind):
    """Of what the limit allows in those seconds; windows of a second as the load tells them, which are
    those in which something was allowed."""
    first_ms = windows[0][0]
    begin_ms, end_ms = first_ms + 1000 * kind.begin, first_ms + 1000 * kind.end
    given = sum(answered for start_ms, _, answered in windows if begin_ms <= start_ms < end_ms)
    return 100 * given / ((kind.end - kind.begin) * kind.per_second())


def given_out(kind):
    def measure(bench):
        with bench.new_place() as place:
            redis = place.redis()
            daemons = [place.daemon({"hot": kind.limit}, redis.path) for _ in range(HOSTS)]
            before = script_calls(redis)
            result = place.load(*[daemon.path for daemon in daemons], command="CHECK hot",
                                verdict="one", clients=24, rate=DEMAND * kind.per_second(),
                                seconds=bench.given_out_seconds or kind.end + 1, window=1000,
                                start="window", pid=[daemon.pid for daemon in daemons])
            calls = script_calls(redis) - before
        return {"given_out": percent(result["windows"], kind),
                "commands_per_allowed": calls / max(1, result["allowed"])}
    return measure


def contestant(name):
    return f"{name}, {HOSTS} hosts"


CONTESTANTS = {contestant(name): given_out(kind) for name, kind in KINDS.items()}
