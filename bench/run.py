#!/usr/bin/python3
"""Measures rategate, the machine it runs on, and what else there is, side by side in one run.

Rounds take turns: each measures every contestant once, so that whatever else the machine does falls
on all of them. Ratios are made within a round; the table has their median and spread. The exit code
is 1 when a row that must be there could not be measured, or a limit allowed too much; whether a
target was reached is for the reader. docs/benchmarks.md says what each row means.

With --against, another revision of rategate takes turns with this one instead, and the exit code is
1 when a number of this one is worse.
"""

import argparse
import itertools
import json
import os
import re
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "bench"))
# pylint: disable=wrong-import-position
from harness import (against, beside, charts, footprint, given_out, hosts, machine, peers, report,
                     revision, rows, shared_memory, sockets, store_cost, weighted)
from harness.programs import NotMeasured, Place


class Bench:
    """What a contestant may use: how long to measure, and servers that all of one round share."""

    def __init__(self, args, bin_dir=None):
        """`bin_dir`: of what is measured, where that is not what `args` say."""
        smoke = args.smoke
        self.tools = os.path.abspath(args.bin)
        self.bin_dir = bin_dir or self.tools
        self.peers = os.path.abspath(args.peers)
        self.seconds = 0.3 if smoke else args.seconds
        self.window_seconds = 2 if smoke else 4
        self.cold_keys, self.cold_period_s = (1000, 1) if smoke else (100_000, 20)
        # Warming so many pools takes longer than a smoke measurement.
        self.most_shm_keys = 200 if smoke else 100_000
        self.live_keys = 5000 if smoke else 100_000
        self.idle_scale = 0.1 if smoke else 1
        self.weighted_windows, self.refused_checks = (5, 50) if smoke else (200, 1000)
        self.paced_seconds = 1 if smoke else 6
        self.given_out_seconds = 2 if smoke else None  # as long as it takes
        self.place = None
        self.shared = {}
        self.say = print

    def new_place(self):
        return Place(self.bin_dir, self.tools)

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

    def shared_memory_daemon(self, limit):
        """One for each limit, so that a revision that lacks an algorithm still measures the others."""
        return self._once(f"shm {limit}", lambda: self.place.daemon(
            {limit: shared_memory.LIMITS[limit]}, self.redis().path, slots=shared_memory.SLOTS))


BRIEF = [shared_memory.CONTESTANTS, sockets.CONTESTANTS]  # --seconds long each
GROUPS = [*BRIEF, beside.CONTESTANTS, hosts.CONTESTANTS, store_cost.CONTESTANTS,
          footprint.CONTESTANTS, peers.CONTESTANTS]
# Once a run: these compare two that are asked at the same moments, over many windows.
ONCE = [weighted.CONTESTANTS, given_out.CONTESTANTS]
# How often what is brief is measured in a round that compares; an odd number, so that in what is
# measured once a round either side is first in turn, too.
TURNS = 3


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1, help="of one measurement in a round")
    parser.add_argument("--only", metavar="PATTERN", help="contestants whose names match")
    parser.add_argument("--smoke", action="store_true",
                        help="everything but the peers once, shortly: that it works")
    parser.add_argument("--against", metavar="REV",
                        help="build this revision too, take turns with it, and judge the ratios")
    parser.add_argument("--markdown", action="store_true", help="print the last run's tables so")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--peers", default=os.path.join(ROOT, "build/bench-peers"))
    parser.add_argument("--revisions", default=os.path.join(ROOT, "build/against"),
                        help="where others are built")
    parser.add_argument("--out", default=os.path.join(ROOT, "build/bench"))
    args = parser.parse_args(words)
    if args.smoke:
        args.rounds = 2 if args.against else 1  # so that each of two comes first once
    return args


def chosen(args, groups):
    compared = against.contestants()
    for group in groups:
        if args.smoke and group is peers.CONTESTANTS:
            continue
        some = {name: measure for name, measure in group.items()
                if (not args.against or name in compared)
                and (not args.only or re.search(args.only, name))}
        if some:
            yield some


def schedule(args):
    """The groups of each turn."""
    whole = list(chosen(args, GROUPS))
    if not args.against:
        return [[*whole, *chosen(args, ONCE)], *[whole] * (args.rounds - 1)]
    if args.smoke:
        return [whole] * args.rounds
    return [whole, *[list(chosen(args, BRIEF))] * (TURNS - 1)] * args.rounds


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


def measure_all(benches, turns):
    """For each turn a dictionary by side of what it measured, and why what is missing is missing.
    `benches` by side; with two of them each contestant is measured twice, one right after the
    other, and the other one is first in each other turn."""
    results, reasons = [], {}
    progress = Progress(len(benches) * sum(len(group) for groups in turns for group in groups))
    for bench in benches.values():
        bench.say = progress.say
    for turn, groups in enumerate(turns):
        measured = {side: {} for side in benches}
        order = list(benches) if turn % 2 == 0 else list(reversed(benches))
        for group in groups:
            for bench in benches.values():
                bench.begin_group()
            for name, side in itertools.product(group, order):
                progress.next(f"{turn + 1}: {name}, {side}")
                if name in reasons:
                    continue
                try:
                    measured[side][name] = group[name](benches[side])
                except NotMeasured as why:
                    reasons[name] = str(why)
                    progress.say(f"not measured: {name}: {why}")
            for bench in benches.values():
                bench.end_group()
        results.append(measured)
    progress.say("")
    return results, reasons


def failures(results):
    """What makes a run fail."""
    optional = set(peers.CONTESTANTS) - set(peers.REQUIRED)
    for name, why in results["not_measured"].items():
        if name not in optional:
            yield f"{name} was not measured: {why}"
    for line in results["targets"]:
        if line["what"].startswith("over-admitted") and line.get("max", 0) > 0:
            yield f"{line['what']}: {line['max']:.0f}"


def run(args, benches):
    """What all results have."""
    described = machine.describe(benches[against.NEW].bin_dir)
    try:
        turns, reasons = measure_all(benches, schedule(args))
    finally:
        for bench in benches.values():
            bench.end_group()
    return {"machine": described, "rounds": args.rounds, "not_measured": reasons, "raw": turns}


def measure(args, path):
    """This revision, its machine and the peers; what was wrong with it."""
    results = run(args, {against.NEW: Bench(args)})
    results["raw"] = rounds = [measured[against.NEW] for measured in results["raw"]]
    peer_rows = rows.peer_rows(list(peers.CONTESTANTS))
    for part, these in (("targets", rows.TARGETS), ("peers", peer_rows), ("details", rows.DETAILS)):
        results[part] = list(report.evaluate(these, rounds, results["not_measured"]))
    save(results, path)
    print(report.measured(results, report.as_text))
    if not charts.draw(args.out, rounds):
        print("gnuplot is not there: no pictures")
    return list(failures(results))


def compare(args, path):
    """This revision and another one; what was wrong with this one."""
    print(f"building {args.against}", file=sys.stderr)
    commit, bin_dir = revision.build(ROOT, os.path.abspath(args.bin), args.against,
                                     os.path.abspath(args.revisions))
    results = run(args, {against.NEW: Bench(args), against.OLD: Bench(args, bin_dir)})
    results["against"] = commit
    results["lines"] = list(against.evaluate(results["raw"]))
    save(results, path)
    print(against.whole(results, report.as_text))
    return list(against.failures(results))


def save(results, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)


def main():
    args = arguments()
    path = os.path.join(args.out, "against.json" if args.against else "results.json")
    if args.markdown:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
        whole = against.whole if args.against else report.measured
        print(whole(results, report.as_markdown))
        return 0
    os.makedirs(args.out, exist_ok=True)
    try:
        wrong = (compare if args.against else measure)(args, path)
    except revision.NotBuilt as why:
        print(f"{args.against} was not built: {why}", file=sys.stderr)
        return 2
    print(f"{os.path.relpath(path)} has every round")
    for text in wrong:
        print(f"FAILED: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
