"""`spin.py [--cc CC] [--full]`: explores pool.pml whole, at the sizes below, and with each mistake.

Fails where the protocol as it is breaks an assertion, where a search was not complete, and where a
mistake breaks none. Without spin: exit code 77, a skipped test; an error where CI=true.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).with_name("pool.pml")

# Windows, permits of a window, and what may happen once.
SIZES = {
    "a reload, 2 windows, 2 permits": ["-DLAST=2", "-DLIMIT=2", "-DRELOADS=1"],
    "a reload, 3 windows, 1 permit": ["-DLAST=3", "-DLIMIT=1", "-DRELOADS=1"],
    "a restart, 2 windows, 1 permit": ["-DLAST=2", "-DLIMIT=1", "-DRESTARTS=1"],
}
FULL_SIZES = {"3 windows, 2 permits": ["-DLAST=3", "-DLIMIT=2"]}

RELOAD, RESTART = list(SIZES)[1:]
# By their number in pool.pml: what is wrong, and the size it is looked for in.
MISTAKES = {
    1: ("window not compared in the swap", RELOAD),
    2: ("identity compared after the swap", RELOAD),
    3: ("slot reused while its window lives", RELOAD),
    4: ("late answer published, ends do not grow", RELOAD),
    5: ("new daemon adopts the old segment", RESTART),
    6: ("exhausted set by a cost that did not fit", RELOAD),
    7: ("void left out of the hand-over", RELOAD),
    8: ("published without a reservation", RELOAD),
    9: ("a denial without a second look", RELOAD),
    10: ("ends forgotten when a slot is given back", RELOAD),
}


def build(folder, name, options, compiler):
    """The verifier of one size."""
    where = folder / re.sub(r"\W+", "_", name)
    where.mkdir()
    subprocess.run(["spin", *options, "-a", str(MODEL)], cwd=where, check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    subprocess.run([compiler, "-O2", "-w", "-DSAFETY", "-DVECTORSZ=512", "-DMEMLIM=3000", "-o",
                    "pan", "pan.c"], cwd=where, check=True, timeout=120)
    return where


def explore(where, mutant):
    """(states, what was broken or None). Raises where the search was not complete."""
    done = subprocess.run(["./pan", "-m200000"], cwd=where, text=True, timeout=300, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, MUTANT=str(mutant)))
    states = re.search(r"(\d+) states, stored", done.stdout)
    errors = re.search(r"errors: (\d+)", done.stdout)
    if states is None or errors is None:
        raise RuntimeError(done.stdout)
    if int(errors[1]) > 0:
        # A search that ran out of something is no answer, whichever way.
        broken = re.search(r"pan:1: (assertion violated|invalid end state)", done.stdout)
        if broken is None:
            raise RuntimeError(done.stdout)
        return int(states[1]), broken[1]
    if "not completed" in done.stdout or "too small" in done.stdout:
        raise RuntimeError(done.stdout)
    return int(states[1]), None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--full", action="store_true", help="larger sizes as well")
    options = parser.parse_args()
    if shutil.which("spin") is None:
        print("SKIPPED: spin is not installed", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    sizes = dict(SIZES, **(FULL_SIZES if options.full else {}))
    good = True
    with tempfile.TemporaryDirectory() as name:
        built = {size: build(pathlib.Path(name), size, flags, options.cc)
                 for size, flags in sizes.items()}
        print(f"{'two clients and a daemon, with':<46} {'states':>9}  {'seconds':>7}  broken")
        for size, where in built.items():
            begun = time.monotonic()
            states, broken = explore(where, 0)
            print(f"{size:<46} {states:>9}  {time.monotonic() - begun:>7.1f}  {broken or 'nothing'}",
                  flush=True)
            good = good and broken is None
        print(f"\n{'mistake':<46} {'states':>9}  caught")
        for number, (what, size) in MISTAKES.items():
            states, broken = explore(built[size], number)
            caught = broken == "assertion violated"
            print(f"{what:<46} {states:>9}  {'yes' if caught else 'NO'}", flush=True)
            good = good and caught
    print("good" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
