"""Checks of large costs, leased and exact: how much of a limit is given out, what a refusal takes,
and how many checks a large cost keeps from being decided in shared memory."""

import concurrent.futures
import heapq
import os
import random
import selectors
import socket
import threading
import time
from collections import defaultdict

from harness.flood import encode
from harness.programs import NotMeasured, Resp, run_json

PERMITS = 1000
PERIOD_US = 100_000
DEMANDS = (1.5, 2, 4, 10)  # of all hosts together, times the limit
HOSTS = (1, 2, 3)
MODES = ("lease", "exact")
COSTS = (50, 400)  # 5 to 40 % of the limit
MEAN_COST = sum(COSTS) / 2
ANSWER_LINES = 7  # the array's head and its six numbers
DEADLINE_S = 10

SHARED_LIMIT = 50_000
SHARED_A_MS = 40  # checks of cost 1: four fifths of the limit
LARGE_COST = 20_000  # beside them, once a second: two fifths
AWAY = {"near": 0, "20 ms away": 20}


# ---- Arrivals and what became of them ---------------------------------------------------------

def arrivals(seed, demand, hosts):
    """Moments in us from the start, and costs, without end: what one of the hosts is asked."""
    generator = random.Random(seed)
    mean_gap_us = PERIOD_US * hosts * MEAN_COST / (demand * PERMITS)
    at = 0.0
    while True:
        at += generator.uniform(0, 2 * mean_gap_us)
        yield at, generator.randint(*COSTS)


class Tally:
    """What one limit gave out, by window. A decision was made between its sending and its answer:
    where both lie in one window, it was surely that one, and else it may have been either."""

    def __init__(self):
        self.given = defaultdict(int)  # by the answer's window
        self.surely = defaultdict(int)
        self.at_most = defaultdict(int)
        self.wrong = 0  # denials of what fitted beside all that was allowed before

    def add(self, sent_us, answered_us, cost, allowed):
        first, last = sent_us // PERIOD_US, answered_us // PERIOD_US
        if allowed:
            self.given[last] += cost
            self.surely[last] += cost if first == last else 0
            for window in range(first, last + 1):
                self.at_most[window] += cost
        elif first == last and self.at_most[last] + cost <= PERMITS:
            self.wrong += 1

    def percent(self, windows):
        return 100 * sum(self.given[window] for window in windows) / (PERMITS * len(windows))

    def over_admitted(self):
        return sum(max(0, given - PERMITS) for given in self.surely.values())


class Asker:
    """A connection to one daemon for one limit; answers come in the order of the questions."""

    def __init__(self, path, limit, tally):
        self.limit, self.tally = limit.encode(), tally
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.asked = []
        self.lines, self.left = [], b""

    def ask(self, cost):
        self.asked.append((now_us(), cost))
        self.socket.sendall(encode([b"CHECK", self.limit, b"COST", b"%d" % cost]))

    def read(self):
        got = self.socket.recv(1 << 16)
        if not got:
            raise NotMeasured("the daemon hung up")
        self.take(got, now_us())

    def take(self, got, answered_us):
        *lines, self.left = (self.left + got).split(b"\r\n")
        self.lines += lines
        while len(self.lines) >= ANSWER_LINES:
            verdict = self.lines[1]
            del self.lines[:ANSWER_LINES]
            sent_us, cost = self.asked.pop(0)
            self.tally.add(sent_us, answered_us, cost, verdict == b":1")
        if self.lines and self.lines[0].startswith(b"-"):
            raise NotMeasured(self.lines[0].decode())


def now_us():
    return time.time_ns() // 1000


def contestant(hosts):
    return f"large costs, {hosts} {'host' if hosts == 1 else 'hosts'}"


def limit_name(mode, demand):
    return f"{mode}-{demand * 10:.0f}"


def limits():
    return {limit_name(mode, demand):
            f'limit = {PERMITS}, period = "{PERIOD_US // 1000}ms", mode = "{mode}"'
            for mode in MODES for demand in DEMANDS}


class Streams:
    """What the hosts are asked: the same costs of both modes at the same moments."""

    def __init__(self, paths):
        self.tallies = {(mode, demand): Tally() for mode in MODES for demand in DEMANDS}
        self.due = []
        self.selector = selectors.DefaultSelector()
        self.askers = []
        for number, (demand, path) in enumerate((d, p) for d in DEMANDS for p in paths):
            pair = [Asker(path, limit_name(mode, demand), self.tallies[mode, demand])
                    for mode in MODES]
            for asker in pair:
                self.selector.register(asker.socket, selectors.EVENT_READ, asker)
            self.askers += pair
            stream = arrivals(number, demand, len(paths))
            at, cost = next(stream)
            self.due.append((at, number, cost, pair, stream))
        heapq.heapify(self.due)

    def run(self, begin_us, end_us):
        while (now := now_us()) < end_us:
            while begin_us + self.due[0][0] <= now:
                _, number, cost, pair, stream = self.due[0]
                for asker in pair:
                    asker.ask(cost)
                at, cost = next(stream)
                heapq.heapreplace(self.due, (at, number, cost, pair, stream))
            self.read(begin_us + self.due[0][0] - now)
        deadline = now_us() + DEADLINE_S * 1_000_000
        while any(asker.asked for asker in self.askers):
            if now_us() > deadline:
                raise NotMeasured("a check was not answered")
            self.read(100_000)

    def read(self, wait_us):
        for key, _ in self.selector.select(max(0, wait_us) / 1e6):
            key.data.read()

    def close(self):
        self.selector.close()
        for asker in self.askers:
            asker.socket.close()


# ---- Contestants ------------------------------------------------------------------------------

def utilisation(hosts):
    """All demands at once, each of limits of its own, in the same windows."""
    def measure(bench):
        with bench.new_place() as place:
            redis = place.redis()
            streams = Streams([place.daemon(limits(), redis.path).path for _ in range(hosts)])
            try:
                # The first window is for getting warm, and the last one is cut.
                first = now_us() // PERIOD_US + 2
                windows = range(first + 1, first + 1 + bench.weighted_windows)
                streams.run(first * PERIOD_US, (windows.stop + 1) * PERIOD_US)
            finally:
                streams.close()
        return results(streams.tallies, windows)
    return measure


def results(tallies, windows):
    numbers = {"wrong": sum(tally.wrong for tally in tallies.values()),
               "over_admitted": sum(tally.over_admitted() for tally in tallies.values())}
    for demand in DEMANDS:
        lease, exact = (tallies[mode, demand].percent(windows) for mode in MODES)
        numbers |= {f"lease_{demand}": lease, f"exact_{demand}": exact,
                    f"behind_{demand}": exact - lease}
    return numbers


def refused(bench):
    """Costs that do not fit any more, on both of two hosts: what they add to the counters."""
    names = {mode: f"refused-{mode}" for mode in MODES}
    rules = {name: f'limit = {PERMITS}, period = "1h", mode = "{mode}"'
             for mode, name in names.items()}
    generator = random.Random(1)
    charged = 0
    with bench.new_place() as place:
        redis = place.redis()
        hosts = [Resp(place.daemon(rules, redis.path).path) for _ in range(2)]
        store = Resp(redis.path)

        def counted():
            keys = store.ask("KEYS", "*refused-*")
            return sum(map(int, filter(None, store.ask("MGET", *keys))))

        for host in hosts:
            for name in names.values():
                host.ask("CHECK", name, "COST", PERMITS // 4)
        before = counted()
        for _ in range(bench.refused_checks):
            words = "CHECK", generator.choice(list(names.values())), "COST"
            cost = generator.randint(PERMITS // 2 + 1, PERMITS)
            if generator.choice(hosts).ask(*words, cost)[0] != 0:
                raise NotMeasured("a cost above what was left was allowed")
            after = counted()
            charged += max(0, after - before)
            before = after
        for connection in (*hosts, store):
            connection.close()
    return {"charged": charged}


class LargeCosts(threading.Thread):
    """Asks for one large cost in each second, at another moment of it each time."""

    def __init__(self, path, limit):
        super().__init__(daemon=True)
        self.path, self.limit = path, limit
        self.allowed = self.asked = 0
        self.over = threading.Event()
        self.start()

    def run(self):
        connection = Resp(self.path)
        moments = random.Random(1)
        second = time.time() // 1
        while not self.over.wait(max(0, second + moments.random() - time.time())):
            self.asked += 1
            self.allowed += connection.ask("CHECK", self.limit, "COST", LARGE_COST)[0]
            second += 1
        connection.close()

    def stop(self):
        self.over.set()
        self.join()


def in_place(round_trip_ms):
    """Checks of cost 1 by the library at a steady rate, of two limits at once, of which one is asked
    for large costs as well: the share that is not decided in place."""
    def measure(bench):
        names = "alone", "beside"
        rules = {name: f'limit = {SHARED_LIMIT}, period = "1s"' for name in names}
        with bench.new_place() as place:
            path = place.redis().path
            if round_trip_ms:
                path = place.far(path, round_trip_ms * 1000).path
            daemon = place.daemon(rules, path)
            large = LargeCosts(daemon.path, "beside")
            try:
                with concurrent.futures.ThreadPoolExecutor() as pool:
                    both = list(pool.map(lambda name: run_json(
                        [os.path.join(bench.bin_dir, "bench_shm"), daemon.path, name, "paced", 0, 1,
                         SHARED_A_MS, bench.paced_seconds]), names))
            finally:
                large.stop()
        return {"large": large.asked, "large_allowed": large.allowed,
                **{name: 100 - 100 * result["in_shared_memory"] / max(1, result["checks"])
                   for name, result in zip(names, both)}}
    return measure


CONTESTANTS = {
    **{contestant(hosts): utilisation(hosts) for hosts in HOSTS},
    "large costs that are refused": refused,
    **{f"in place, a large cost each second, Redis {where}": in_place(trip)
       for where, trip in AWAY.items()},
}
