"""What reservations cost the primary: a call, and each counter in it. The figures of docs/capacity.md."""

from harness.hosts import script_calls
from harness.programs import NotMeasured

KEYS = 1_000_000  # so that each check is the first of its key, or as good as that
# Daemons, and clients and checks under way of each. With one check under way a call has one
# reservation, and so many daemons keep the primary from sleeping between calls; with many under
# way calls are as full as they get.
ALONE = (16, 1, 1)
TOGETHER = (1, 64, 16)


def asked(bench, mode, hosts, clients, depth):
    """Script calls, reservations in them, and microseconds of the primary's CPU for them."""
    limits = {"cold": f'limit = 1000, period = "60s", mode = "{mode}"'}
    with bench.new_place() as place:
        redis = place.redis()
        daemons = [place.daemon(limits, redis.path) for _ in range(hosts)]
        calls = script_calls(redis)
        result = place.load(*[daemon.path for daemon in daemons], command="CHECK cold %k", keys=KEYS,
                            order="turn", clients=clients * hosts, depth=depth,
                            seconds=bench.seconds, pid=[daemon.pid for daemon in daemons],
                            store=redis)
        reservations = sum(int(daemon.info()["reservations"]) for daemon in daemons)
        return (script_calls(redis) - calls, reservations,
                result["store_cpu_us"] * result["requests"])


def cost(mode):
    def measure(bench):
        (calls, few, us), (full_calls, many, full_us) = (
            asked(bench, mode, *load) for load in (ALONE, TOGETHER))
        # Two loads, each: us = calls * of_call + reservations * of_reservation.
        determinant = calls * many - full_calls * few
        if determinant <= 0:
            raise NotMeasured("calls were as full with one check under way as with many")
        return {"call_us": (us * many - full_us * few) / determinant,
                "reservation_us": (calls * full_us - full_calls * us) / determinant}
    return measure


CONTESTANTS = {f"primary's CPU, {mode}": cost(mode) for mode in ("exact", "lease")}
