"""The table: each row a number or a ratio of two, with what it must be and what would be beyond."""

from dataclasses import dataclass
from typing import Optional

from harness import given_out, weighted
from harness.beside import FLOODS, TURNS
from harness.weighted import contestant


@dataclass(frozen=True)
class Row:
    what: str
    of: str  # "contestant/number"
    to: Optional[str] = None  # divide by this one
    must: Optional[float] = None
    beyond: Optional[float] = None
    unit: str = "x"
    least: bool = True  # must is the most that may be; else the least
    scale: float = 1

    def contestants(self):
        return [name.rsplit("/", 1)[0] for name in (self.of, self.to) if name]

    def mark(self, value):
        def reaches(bound):
            return value <= bound if self.least else value >= bound
        if self.must is None:
            return ""
        if not reaches(self.must):
            return "MISSED"
        return "beyond" if reaches(self.beyond) else "ok"


def at_least(what, of, to=None, must=None, beyond=None, **more):
    return Row(what, of, to, must, beyond, least=False, **more)


FLOOR = "floor: coarse clock + CAS/ns"
COLD = "cold keys, 3 hosts/"
SHM = "shm: each check's time, two cores loaded/"

# Of large costs, by hosts: points of the limit that leases may give out less than exact does, and
# what they must give out where ten times as much is asked for.
BEHIND = {1: 0.5, 2: 1, 3: 2}
OF_TEN_TIMES = {1: 97, 2: 96, 3: 96}


def large_cost_rows():
    for hosts in weighted.HOSTS:
        for demand in weighted.DEMANDS:
            yield Row(f"{contestant(hosts)}, {demand:g} x: exact less lease",
                      f"{contestant(hosts)}/behind_{demand}", None, BEHIND[hosts], 0, "points")
        yield at_least(f"utilisation by {contestant(hosts)}, 10 x", f"{contestant(hosts)}/lease_10", None,
                       OF_TEN_TIMES[hosts], 97.5, unit="%")
        yield Row(f"over-admitted, {contestant(hosts)}", f"{contestant(hosts)}/over_admitted", None, 0, 0, "")
    yield Row(f"wrong denials, {contestant(1)}", f"{contestant(1)}/wrong", None, 0, 0, "")
    yield Row("permits charged by refused calls, 2 hosts", "large costs that are refused/charged",
              None, 0, 0, "")


TARGETS = [
    Row("shm by handle, allowed : coarse clock + CAS", "shm: handle, allowed/ns", FLOOR, 2.5, 1.4),
    Row("shm by handle, denied : coarse clock + CAS", "shm: handle, denied/ns", FLOOR, 2.5, 1.4),
    Row("shm by handle, token bucket : fixed window", "shm: token bucket, handle, allowed/ns",
        "shm: handle, allowed/ns", 1.5, 1.2),
    Row("shm by handle, token bucket, denied : fixed window", "shm: token bucket, handle, denied/ns",
        "shm: handle, denied/ns", 1.5, 1.2),
    Row("shm by handle, sliding window : fixed window", "shm: sliding window, handle, allowed/ns",
        "shm: handle, allowed/ns", 1.5, 1.2),
    Row("shm by key, one hot key : coarse clock + CAS", "shm: one hot key/ns", FLOOR, 4, 2),
    Row("shm by key, 1,000 keys : coarse clock + CAS", "shm: 1,000 keys/ns", FLOOR, 6, 3.5),
    Row("two processes on one pool, each : contended CAS", "shm: two processes, one pool/ns",
        "floor: contended CAS/ns", 2, 1.3),
    at_least("old recipe over TCP : shm by handle", "peer: old recipe, Python/mean_ns",
             "shm: handle, allowed/ns", 5000, 10000),
    at_least("socket CHECK rate : INCR", "CHECK, P1/rate", "redis INCR, P1/rate", 1.1, 1.3),
    at_least("socket CHECK rate : INCR, pipeline 16", "CHECK, P16/rate", "redis INCR, P16/rate",
             2.3, 3),
    at_least("socket CHECK rate : INCR, pipeline 64", "CHECK, P64/rate", "redis INCR, P64/rate",
             3.5, 4.5),
    Row("daemon's CPU per check : redis-server's per INCR, P16", "CHECK, P16/cpu_us",
        "redis INCR, P16/cpu_us", 0.6, 0.4),
    at_least("exact, one hot key, rate : INCR", "CHECK exact, P1/rate", "redis INCR, P1/rate",
             0.9, 1.1),
    at_least("exact, one hot key, rate : INCR, pipeline 16", "CHECK exact, P16/rate",
             "redis INCR, P16/rate", 1.6, 2),
    at_least("exact, 10,000 keys, rate : INCR, pipeline 16", "CHECK exact, 10,000 keys, P16/rate",
             "redis INCR, 10,000 keys, P16/rate", 0.35, 0.6),
    Row("Redis commands per allowed check, 100,000/s, 3 hosts",
        "hot limit, 3 hosts/commands_per_allowed", None, 0.005, 0.001, ""),
    Row("100,000 keys, 10 checks each, 3 hosts: commands per check", COLD + "commands_per_check",
        None, 0.3, 0.12, ""),
    Row("100,000 keys, 10 checks each, 3 hosts: p99 : round trip", COLD + "p99_round_trips",
        None, 3, 1.5),
    at_least("utilisation of a window, 1 host", "hot limit, 1 host/utilisation", None, 99, 99.9,
             unit="%"),
    at_least("utilisation of a window, 3 hosts", "hot limit, 3 hosts/utilisation", None, 97, 99,
             unit="%"),
    Row("over-admitted, 1 host", "hot limit, 1 host/over_admitted", None, 0, 0, ""),
    Row("over-admitted, 3 hosts", "hot limit, 3 hosts/over_admitted", None, 0, 0, ""),
    at_least("given out at 1.5 x the demand, 3 hosts, token bucket of 1,000/s",
             given_out.contestant("token bucket, 1,000/s") + "/given_out", None, 99, 99.7, unit="%"),
    at_least("given out at 1.5 x the demand, 3 hosts, sliding window of 6,000 per 60 s",
             given_out.contestant("sliding window, 6,000 per 60 s") + "/given_out", None, 97, 98, unit="%"),
    *large_cost_rows(),
    Row("p99.9 of a shm check : median, two cores loaded", SHM + "p999", SHM + "p50", 20, 5),
    *(Row(f"p99 of a CHECK beside {name}", f"CHECK beside {name}/p99", None, 1000, 200, "us")
      for name in FLOODS if name != "nobody"),
    *(Row(f"daemon's longest turn beside {name}", f"longest turn beside {name}/us", None, 1000, 500,
          "us") for name in TURNS),
    Row("daemon's memory per live key", "daemon's memory per live key/bytes", None, 128, 96, "B"),
    Row("idle daemon: CPU", "idle daemon/cpu_ticks", None, 0, 0, "ticks"),
    Row("idle daemon: wake-ups in 3 s", "idle daemon/wakeups", None, 0, 0, ""),
    Row("idle daemon: resident memory", "idle daemon/rss_mib", None, 8, 5, "MiB"),
    Row("librategate.so: text", "librategate.so/text_kib", None, 64, 32, "KiB"),
    Row("librategate.so: needs more than libc", "librategate.so/more_than_libc", None, 0, 0, ""),
]


def rate(contestant, what=None):
    return at_least(what or contestant, contestant + "/rate", unit="k/s", scale=1e-3)


def time_ns(contestant):
    return Row(contestant, contestant + "/ns", unit="ns")


DETAILS = [
    *(time_ns(name) for name in (
        "floor: coarse clock + CAS", "floor: precise clock", "floor: precise clock + CAS",
        "floor: contended CAS", "floor: memory latency", "shm: handle, allowed",
        "shm: handle, denied", "shm: token bucket, handle, allowed",
        "shm: token bucket, handle, denied", "shm: sliding window, handle, allowed",
        "shm: two windows, handle, allowed",
        "shm: one hot key", "shm: 1,000 keys", "shm: 100,000 keys",
        "shm: two processes, one pool")),
    Row("shm: median, two cores loaded", SHM + "p50", unit="ns"),
    Row("shm: p99.9, two cores loaded", SHM + "p999", unit="ns"),
    Row("shm: p99.99, two cores loaded", SHM + "p9999", unit="ns"),
    Row("shm: maximum, two cores loaded", SHM + "max", unit="us", scale=1e-3),
    Row("floor: Unix socket ping-pong", "floor: Unix socket ping-pong/ns", unit="us", scale=1e-3),
    Row("redis PING, one client, median", "redis PING, one client/p50", unit="us"),
    Row("CHECK, one client, median", "CHECK, one client/p50", unit="us"),
    *(rate(name) for name in (
        "redis-benchmark INCR, P1", "redis-benchmark INCR, P16", "redis-benchmark INCR, P64",
        "redis INCR, P1", "redis INCR, P16", "redis INCR, P64", "redis INCR, 10,000 keys, P16",
        "CHECK, P1", "CHECK, P16", "CHECK, P64", "CHECK denied, P16", "CHECK memory store, P16",
        "CHECK exact, P1", "CHECK exact, P16", "CHECK exact, 10,000 keys, P16")),
    *(Row(f"{name}: share of a core that the server was busy", f"{name}/busy", unit="%", scale=100)
      for name in ("redis INCR, P1", "redis INCR, P16", "redis INCR, P64", "CHECK, P1", "CHECK, P16",
                   "CHECK, P64", "CHECK exact, P16")),
    Row("redis-server's CPU per INCR, P16", "redis INCR, P16/cpu_us", unit="us"),
    Row("daemon's CPU per CHECK, P16", "CHECK, P16/cpu_us", unit="us"),
    *(Row(f"{name}, {q}", f"{name}/{number}", unit="us")
      for name in ("open loop: redis INCR", "open loop: CHECK", "open loop: CHECK exact",
                   "open loop: CHECK denied")
      for q, number in (("median", "p50"), ("p99", "p99"), ("p99.9", "p999"))),
    *(Row(f"CHECK beside {name}, {q}", f"CHECK beside {name}/{number}", unit="us")
      for name in FLOODS for q, number in (("median", "p50"), ("p99", "p99"), ("maximum", "max"))),
    *(Row(f"beside which {name}: rate", f"CHECK beside {name}/flood_rate", unit="k/s", scale=1e-3)
      for name in FLOODS if name not in ("nobody", "connects")),
    *(at_least(f"{contestant(hosts)}, {demand:g} x: {mode}", f"{contestant(hosts)}/{mode}_{demand}", unit="%")
      for hosts in weighted.HOSTS for demand in weighted.DEMANDS for mode in weighted.MODES),
    *(Row(f"checks of cost 1 not decided in place, {beside}, Redis {where}",
          f"in place, a large cost each second, Redis {where}/{number}", unit="%")
      for where in weighted.AWAY
      for beside, number in (("alone", "alone"), ("beside a large cost a second", "beside"))),
    *(Row(f"primary's CPU, {mode}, {what}", f"primary's CPU, {mode}/{number}_us", unit="us")
      for mode in ("exact", "lease")
      for what, number in (("a call", "call"), ("a reservation in it", "reservation"))),
    Row("cold keys, 3 hosts: p99", COLD + "p99_us", unit="us"),
    *(Row(f"between windows, {trip} ms away: share of a period of {period} ms",
          f"between windows, {trip} ms away/p{period}ms", unit="%")
      for trip in ("0.2", "1", "20") for period in (10, 100, 1000)),
]


def peer_rows(names):
    """What a check costs its caller, one after the other; and how many of ours go into it."""
    for name in names:
        yield Row(f"{name} : shm by handle", f"{name}/mean_ns", "shm: handle, allowed/ns",
                  least=False)
    for name in names:
        yield Row(f"{name}, mean", f"{name}/mean_ns", unit="us", scale=1e-3)
