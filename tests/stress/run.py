"""Three daemons, one Redis, eleven callers, and everything that can happen to them:
    run.py [--seconds N] [--seed S] [--daemon BINARY]
Callers write down each allowed decision; evaluate.py judges. Prints a table; exits with 1 where the
promise was broken or too little was asked to say anything."""

import argparse
import os
import pathlib
import random
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position
import evaluate
from hosts import Hosts
from support import env, log

FAMILY = evaluate.Limit("family", 120, 1000, 2, False)
DAILY = evaluate.Limit("daily", 400, 86_400_000, 2, False, zone="Europe/Berlin")
LIMITS = [
    evaluate.Limit("hot", 10_000, 1000, 0, False),
    evaluate.Limit("quick", 400, 250, 3, False),
    evaluate.Limit("second", 1500, 1000, 3, False),
    evaluate.Limit("long", 8000, 10_000, 2, False),
    evaluate.Limit("small", 10, 250, 2, False),
    evaluate.Limit("exact", 50, 1000, 2, False),
    evaluate.Limit("declared", 300, 1000, 2, True),
    evaluate.Limit("bucket", 400, 1000, 2, False, 200),
    evaluate.Limit("drops", 20, 1000, 0, False, 5),
    evaluate.Limit("slides", 500, 1000, 2, False, 0, True),
    evaluate.Limit("slides-by-one", 30, 500, 0, False, 0, True),
    evaluate.Limit("several", 50, 1000, 2, False, windows=((70, 5000),)),
    FAMILY,
    evaluate.Limit("child", 80, 1000, 2, False, parent=FAMILY),
    evaluate.Limit("cousin", 100, 2000, 2, False, parent=FAMILY),
    DAILY,
    # A hold outlasts all that stops its daemon or the store for a while: work goes on meanwhile.
    evaluate.Limit(evaluate.FLIGHT, 5, 0, 1, False, hold_ms=10_000),
]
# What a run must have used up: the second window of a name, a parent, and a day.
USED_UP = [
    ("several", 5000), ("family", 1000),
]
MODES = {"exact": "exact"}
# The faults end so long before the end, or in the middle of a short run.
QUIET_SECONDS = 3.0


def run(seconds, seed, binary=None, env_more=None):
    """(Hosts, Verdict) after that time."""
    directory = env.make_dir()
    hosts = None
    try:
        hosts = Hosts(LIMITS, MODES, directory, random.Random(seed), binary, env_more)
        faulty = max(seconds - QUIET_SECONDS, seconds / 2)
        # A day ends in the midst of the faults.
        hosts.start((DAILY.zone, faulty / 2))
        hosts.endure(faulty)
        hosts.recover(min(QUIET_SECONDS, seconds / 2))
        hosts.finish()
        return hosts, hosts.judge()
    except BaseException:
        log.show()
        raise
    finally:
        try:
            if hosts:
                hosts.close()
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def too_little(verdict, hosts):
    """What must have happened for the verdict to mean something. Low: machines are busy."""
    floors = [("decisions in shared memory", verdict.in_place, 1000),
              ("decisions over the socket", verdict.decisions - verdict.in_place, 300),
              ("decisions of several limits in shared memory", verdict.combined_in_place, 20),
              ("windows used up", verdict.full, 10),
              ("counters compared", verdict.counters, 10),
              ("buckets judged", verdict.buckets, 3),
              ("sliding windows judged", verdict.logs, 3),
              ("checks denied", hosts.totals["denied"], 300)]
    floors += [(f"windows of {period} ms of {name} used up", verdict.full_combined[(name, period)], 1)
               for name, period in USED_UP]
    # The day that ended and the one that began, of each key.
    floors += [("days of keys", verdict.windows_by_limit[DAILY.name], 2 * DAILY.keys),
               ("of these used up", verdict.full_by_limit[DAILY.name], DAILY.keys)]
    floors += [(f"decisions of {limit.name}", verdict.by_limit[limit.name], 20) for limit in LIMITS]
    return [f"{what}: {got}, below {floor}" for what, got, floor in floors if got < floor]


def report(verdict, hosts, out=sys.stdout):
    decisions = max(1, verdict.decisions)
    rows = [("windows checked", verdict.windows), ("of these used up", verdict.full),
            ("allowed decisions", verdict.decisions), ("permits of these", verdict.permits),
            ("decided in shared memory", f"{100 * verdict.in_place / decisions:.1f} %"),
            ("of these of several limits", verdict.combined_in_place),
            ("token buckets judged", verdict.buckets),
            ("sliding windows judged", verdict.logs),
            ("limits of concurrency judged", verdict.flights),
            ("of these full at some moment", verdict.full_flights),
            ("windows of combined checks used up", sum(verdict.full_combined.values())),
            ("days of keys", verdict.windows_by_limit[DAILY.name]),
            ("of these used up", verdict.full_by_limit[DAILY.name]),
            ("between two windows by the stamps", verdict.ambiguous),
            ("denied", hosts.totals["denied"]), ("failed", hosts.totals["failed"]),
            ("counters in Redis compared", verdict.counters),
            ("callers in all", len(hosts.files))]
    rows += [(f"fault: {name}", count) for name, count in sorted(hosts.faults.items())]
    rows += [("over-admitted permits", verdict.over_admitted)]
    for name, value in rows:
        out.write(f"{name:36}{value:>12}\n")


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--seed", type=int, default=None)
    words.add_argument("--daemon", type=os.path.abspath, default=None)
    options = words.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}, {options.seconds:g} s", flush=True)
    try:
        hosts, verdict = run(options.seconds, seed, options.daemon)
    except AssertionError as failure:
        sys.exit(f"FAILED with seed {seed}: {failure}")
    report(verdict, hosts)
    wrong = verdict.wrong + too_little(verdict, hosts)
    for text in wrong:
        print("WRONG:", text)
    if wrong:
        log.show()
        sys.exit(f"FAILED with seed {seed}")


if __name__ == "__main__":
    main()
