#!/usr/bin/python3
"""Measures rategate, the machine it runs on, and what else there is, side by side in one run.

Rounds take turns: each measures every contestant once, so that whatever else the machine does falls
on all of them. Ratios are made within a round; the table has their median and spread. The exit code
is 1 when a row that must be there could not be measured, or a limit allowed too much; whether a
target was reached is for the reader. docs/benchmarks.md says what each row means.
"""

import argparse
import json
import os
import re
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
# pylint: disable=wrong-import-position
from harness import charts, footprint, hosts, machine, peers, report, rows, shared_memory, sockets
from harness.programs import NotMeasured, Place


class Bench:
    """What a contestant may use: how long to measure, and servers that all of one round share."""

    def __init__(self, args):
        smoke = args.smoke
        self.bin_dir = os.path.abspath(args.bin)
        self.peers = os.path.abspath(args.peers)
        self.seconds = 0.3 if smoke else args.seconds
        self.window_seconds = 2 if smoke else 4
        self.cold_keys, self.cold_period_s = (1000, 1) if smoke else (100_000, 20)
        # Warming so many pools takes longer than a smoke measurement.
        self.most_shm_keys = 200 if smoke else 100_000
        self.live_keys = 5000 if smoke else 100_000
        self.idle_scale = 0.1 if smoke else 1
        self.place = None
        self.shared = {}
        self.say = print

    def new_place(self):
        return Place(self.bin_dir)

    def begin_group(self):
        self.end_group()
        self.place = self.new_place()

    def end_group(self):
        if self.place:
            self.place.__exit__()
        self.place, self.shared = None, {}

    def _once(self, name, make):
        if name not in self.shared:
            self.shared[name] = make()
        return self.shared[name]

    def redis(self):
        return self._once("redis", self.place.redis)

    def daemon(self):
        return self._once("daemon", lambda: self.place.daemon(sockets.LIMITS, self.redis().path))

    def memory_daemon(self):
        return self._once("memory", lambda: self.place.daemon(sockets.LIMITS))

    def shared_memory_daemon(self):
        return self._once("shm", lambda: self.place.daemon(
            shared_memory.LIMITS, self.redis().path, slots=shared_memory.SLOTS))


GROUPS = [shared_memory.CONTESTANTS, sockets.CONTESTANTS, hosts.CONTESTANTS, footprint.CONTESTANTS,
          peers.CONTESTANTS]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of one measurement in a round")
    parser.add_argument("--only", metavar="PATTERN", help="contestants whose names match")
    parser.add_argument("--smoke", action="store_true",
                        help="everything but the peers once, shortly: that it works")
    parser.add_argument("--markdown", action="store_true", help="print the last run's tables so")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--peers", default=os.path.join(ROOT, "build/bench-peers"))
    parser.add_argument("--out", default=os.path.join(ROOT, "build/bench"))
    args = parser.parse_args()
    if args.smoke:
        args.rounds = 1
    return args


def chosen(args):
    groups = []
    for group in GROUPS:
        if args.smoke and group is peers.CONTESTANTS:
            continue
        groups.append({name: measure for name, measure in group.items()
                       if not args.only or re.search(args.only, name)})
    return [group for group in groups if group]


class Progress:
    """One line on a terminal; elsewhere nothing, but for what cannot be measured."""

    def __init__(self, total):
        self.total, self.done, self.begin = total, 0, time.monotonic()
        self.shows = sys.stderr.isatty()

    def next(self, text):
        self.done += 1
        if self.shows:
            spent = time.monotonic() - self.begin
            sys.stderr.write(f"\r\033[K[{self.done}/{self.total}, {spent:.0f} s] {text}")
            sys.stderr.flush()

    def say(self, text):
        sys.stderr.write(("\r\033[K" if self.shows else "") + text + "\n")


def measure_all(bench, groups, round_count):
    """A dictionary for each round, and why what is missing is missing."""
    rounds, reasons = [], {}
    progress = Progress(round_count * sum(len(group) for group in groups))
    bench.say = progress.say
    for turn in range(round_count):
        measured = {}
        for group in groups:
            bench.begin_group()
            for name, measure in group.items():
                progress.next(f"round {turn + 1}: {name}")
                if name in reasons:
                    continue
                try:
                    measured[name] = measure(bench)
                except NotMeasured as why:
                    reasons[name] = str(why)
                    progress.say(f"not measured: {name}: {why}")
            bench.end_group()
        rounds.append(measured)
    progress.say("")
    return rounds, reasons


def failures(results):
    """What makes a run fail."""
    optional = set(peers.CONTESTANTS) - set(peers.REQUIRED)
    for name, why in results["not_measured"].items():
        if name not in optional:
            yield f"{name} was not measured: {why}"
    for line in results["targets"]:
        if line["what"].startswith("over-admitted") and line.get("max", 0) > 0:
            yield f"{line['what']}: {line['max']:.0f}"


def main():
    args = arguments()
    path = os.path.join(args.out, "results.json")
    if args.markdown:
        with open(path, encoding="utf-8") as file:
            print(report.whole(json.load(file), report.as_markdown))
        return 0
    os.makedirs(args.out, exist_ok=True)
    bench = Bench(args)
    described = machine.describe(bench.bin_dir)
    try:
        rounds, reasons = measure_all(bench, chosen(args), args.rounds)
    finally:
        bench.end_group()
    peer_names = [name for name in peers.CONTESTANTS]
    results = {
        "machine": described, "rounds": args.rounds, "not_measured": reasons,
        **{part: list(report.evaluate(these, rounds, reasons)) for part, these in (
            ("targets", rows.TARGETS), ("peers", rows.peer_rows(peer_names)),
            ("details", rows.DETAILS))},
        "raw": rounds,
    }
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    print(report.whole(results, report.as_text))
    if not charts.draw(args.out, rounds):
        print("gnuplot is not there: no pictures")
    print(f"{os.path.relpath(path)} has every round")
    wrong = list(failures(results))
    for text in wrong:
        print(f"FAILED: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
