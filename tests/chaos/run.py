"""The rows of docs/failures.md: run.py [--list] [--short] [--jobs N] [ROW...]
Brings each fault about under load from three daemons, counts every allowed decision and prints a
line for each row; exits with 1 where one does not hold what the page promises."""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position
import cluster_faults
import failover_faults
import host_faults
import login_faults
import network_faults
import scene
import store_faults
from support import env

ROWS = {row.name: row for faults in (store_faults, failover_faults, cluster_faults, network_faults,
                                     login_faults, host_faults) for row in faults.ROWS}
FORMAT = "{:<22} {:>7}  {:<33} {:>8} {:>9}  {}"
HEAD = FORMAT.format("row", "windows", "most of limit", "denied", "recovers", "")


def run(row, short):
    """The line of a row, and whether it holds."""
    with scene.Scene(row, short) as stage:
        verdict = stage.run()
    windows = sum(count.windows for count in verdict.counts)
    most = " ".join(f"{count.most}/{count.limit.permits}" for count in verdict.counts)
    line = FORMAT.format(row.name, windows, most, f"{verdict.denied:.2f} s",
                         f"{verdict.recovered:.2f} s", "FAILED" if verdict.wrong else "ok")
    return "\n".join([line, *("    " + text for text in verdict.wrong)]), not verdict.wrong


def run_alone(row, short):
    """The same by a process of its own, which ends whatever the row has started."""
    words = [sys.executable, "-B", os.path.abspath(__file__), "--alone", row.name]
    done = subprocess.run(env.tied(words + ["--short"] * short), text=True, capture_output=True,
                          check=False)
    line = done.stdout.strip()
    if done.returncode != 0 and not line:
        line = FORMAT.format(row.name, "", "", "", "", "FAILED")
    return line + ("\n" + done.stderr if done.returncode else ""), done.returncode == 0


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("rows", nargs="*", metavar="ROW", help="all of them unless some are named")
    words.add_argument("--list", action="store_true", help="only say which there are")
    words.add_argument("--short", action="store_true", help="as in the tests: shorter faults")
    words.add_argument("--jobs", type=int, default=1, help="so many rows at a time")
    words.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = words.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        words.error(f"no such row: {', '.join(sorted(unknown))}; --list has them")
    if options.list:
        print("\n".join(ROWS))
        return
    rows = [ROWS[name] for name in options.rows or ROWS]
    if options.alone:
        line, holds = run(rows[0], options.short)
        print(line)
        sys.exit(not holds)
    print(HEAD, flush=True)
    held = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for line, holds in pool.map(lambda row: run_alone(row, options.short), rows):
            print(line, flush=True)
            held.append(holds)
    failed = [row.name for row, holds in zip(rows, held) if not holds]
    if failed:
        sys.exit(f"FAILED: {' '.join(failed)}")


if __name__ == "__main__":
    main()
