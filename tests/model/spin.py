"""`spin.py [--cc CC] [--full]`: explores pool.pml, slices.pml, combined.pml and bans.pml whole, at the
sizes below, and with each mistake.

Fails where the protocol as it is breaks an assertion, where a search was not complete, and where a
mistake breaks none. Without spin: exit code 77, a skipped test; an error where CI=true.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

Model = collections.namedtuple("Model", "file title chosen_at_start sizes full_sizes mistakes")

# Windows, permits of a window, and what may happen once.
POOL_RELOAD = "a reload, 3 windows, 1 permit"
POOL_RESTART = "a restart, 2 windows, 1 permit"
POOL = Model(
    "pool.pml", "windows: two clients and a daemon, with", False,
    {
        "a reload, 2 windows, 2 permits": "LAST=2 LIMIT=2 RELOADS=1",
        POOL_RELOAD: "LAST=3 LIMIT=1 RELOADS=1",
        POOL_RESTART: "LAST=2 LIMIT=1 RESTARTS=1",
    },
    {"3 windows, 2 permits": "LAST=3 LIMIT=2"},
    # By their number in the model: what is wrong, and the size it is looked for in.
    {
        1: ("window not compared in the swap", POOL_RELOAD),
        2: ("identity compared after the swap", POOL_RELOAD),
        3: ("slot reused while its window lives", POOL_RELOAD),
        4: ("late answer published, ends do not grow", POOL_RELOAD),
        5: ("new daemon adopts the old segment", POOL_RESTART),
        6: ("exhausted set by a cost that did not fit", POOL_RELOAD),
        7: ("void left out of the hand-over", POOL_RELOAD),
        8: ("published without a reservation", POOL_RELOAD),
        9: ("a denial without a second look", POOL_RELOAD),
        10: ("ends forgotten when a slot is given back", POOL_RELOAD),
    })

# Pools, costs, moments, permits, when one more comes to the store, what may happen once, and whether
# clients put permits back.
TWO_COSTS = "one pool, costs 1 and 2, 2 permits"
REFILLED = "one pool, a permit flows in"
HANDED_OVER = "two pools, 3 slices"
RELOADED = "two pools, a reload"
RESTARTED = "two pools, a restart"
PUT_BACK = "one pool, costs 1 and 2, others put back"
SLICES = Model(
    "slices.pml", "slices: clients and a daemon, with", True,
    {
        TWO_COSTS: "POOLS=1 LAST=3 LIMIT=2 REFILL=4",
        REFILLED: "POOLS=1 COSTS=1 LAST=4 LIMIT=1 REFILL=4",
        HANDED_OVER: "COSTS=1 LAST=5 LIMIT=1 REFILL=6",
        RELOADED: "COSTS=1 LAST=4 LIMIT=1 REFILL=5 RELOADS=1",
        RESTARTED: "COSTS=1 LAST=3 LIMIT=1 REFILL=4 RESTARTS=1",
        PUT_BACK: "POOLS=1 LAST=3 LIMIT=2 REFILL=4 CARRIERS=1",
        "one pool, a permit flows in, others put back":
            "POOLS=1 COSTS=1 LAST=4 LIMIT=1 REFILL=4 CARRIERS=1",
    },
    {
        "one pool, costs 1 and 2, a refill": "POOLS=1 LAST=4 LIMIT=2 REFILL=4",
        "one pool, 3 slices, a refill": "POOLS=1 COSTS=1 LAST=5 LIMIT=1 REFILL=4",
        "two pools, costs 1 and 2, 3 slices, a refill": "LAST=5 LIMIT=2 REFILL=4",
        "two pools, 3 slices, a refill, a reload":
            "COSTS=1 LAST=5 LIMIT=1 REFILL=4 RELOADS=1",
        "two pools, a refill, a restart":
            "COSTS=1 LAST=4 LIMIT=1 REFILL=4 RESTARTS=1",
        "one pool, a refill, others put back": "POOLS=1 LAST=4 LIMIT=2 REFILL=4 CARRIERS=1",
        "two pools, a reload, others put back":
            "COSTS=1 LAST=4 LIMIT=1 REFILL=5 RELOADS=1 CARRIERS=1",
    },
    {
        1: ("slice not compared in the swap", HANDED_OVER),
        2: ("identity compared after the swap", RELOADED),
        3: ("open by the earliest time", REFILLED),
        4: ("denied by one word, the other has enough", TWO_COSTS),
        5: ("a denial without a second look", TWO_COSTS),
        6: ("denied although both words together suffice", TWO_COSTS),
        7: ("a denial that ends too late", REFILLED),
        8: ("exhausted left beside permits in hand", TWO_COSTS),
        9: ("a denial left beside permits in hand", TWO_COSTS),
        10: ("a denial stored over permits", TWO_COSTS),
        11: ("late answer published, ends do not grow", REFILLED),
        12: ("slot reused while one of its slices lives", RELOADED),
        13: ("put back into another end", TWO_COSTS),
        14: ("a denial without a reading of the clock after it", REFILLED),
        15: ("exhausted said again of an end", TWO_COSTS),
        16: ("exhausted said of an end too late", REFILLED),
        17: ("exhausted said beside unshown permits", TWO_COSTS),
        18: ("void left out of the hand-over", RELOADED),
        19: ("new daemon adopts the old segment", RESTARTED),
        20: ("published without a reservation", TWO_COSTS),
        21: ("ends forgotten when a slot is given back", RELOADED),
        22: ("no second look at a word that was void", TWO_COSTS),
        23: ("a slice says exhausted where others put back", PUT_BACK),
    })

# Pools, slots, whether both pools are in one check, moments, permits, clients beside the first one,
# what may happen once, and whether the daemon takes permits in hand.
IN_HAND = "one pool, 2 permits of an end"
CLEARED = "one pool, a CLEAR"
TWO_CLEARED = "two pools, a CLEAR"
JOINT = "two pools in one check"
COMBINED = Model(
    "combined.pml", "combined: clients and a daemon, with", True,
    {
        IN_HAND: "POOLS=1 SLOTS=1 LAST=2 LIMIT=2",
        CLEARED: "POOLS=1 SLOTS=2 LAST=3 CLEARS=1",
        TWO_CLEARED: "LAST=2 CLEARS=1 OTHERS=0 HANDS=0",
        JOINT: "LAST=2 JOINT=1 OTHERS=0 HANDS=0",
        "two pools, one after the other": "SLOTS=1 LAST=3",
        "one pool, a forged word": "POOLS=1 SLOTS=1 LAST=1 LIMIT=3 FORGES=1 OTHERS=2 HANDS=0",
    },
    {
        "one pool, 2 permits, three clients": "POOLS=1 SLOTS=1 LAST=3 LIMIT=2 OTHERS=2",
        "one pool, 2 permits, a CLEAR": "POOLS=1 LAST=2 LIMIT=2 CLEARS=1",
        "one pool, two CLEARs": "POOLS=1 SLOTS=3 LAST=3 CLEARS=2 HANDS=0",
        "two pools, two clients, a CLEAR": "LAST=2 CLEARS=1 HANDS=0",
        "two pools in one check, 3 moments": "LAST=3 JOINT=1 OTHERS=0 HANDS=0",
        "one pool, a CLEAR, identity not compared": "POOLS=1 LAST=2 LIMIT=2 CLEARS=1 IDENTITY=0",
        "one after the other, identity not compared": "SLOTS=1 LAST=4 IDENTITY=0",
    },
    {
        1: ("put back without comparing the end", CLEARED),
        2: ("given again in the same slot after a CLEAR", CLEARED),
        3: ("ends of the slot that was left are forgotten", CLEARED),
        4: ("the book takes what comes back for forged", CLEARED),
        5: ("the book does not lower what was spent", CLEARED),
        6: ("what was spent is kept for the next end", CLEARED),
        7: ("no reading of the clock after the last swap", JOINT),
        8: ("put back by a store", CLEARED),
        9: ("what was spent is forgotten with the hand", IN_HAND),
    })

# Whether by both words, moments, and CLEARs of blocked keys.
BY_ONE_WORD = "windows, 3 moments, a CLEAR"
BY_BOTH_WORDS = "slices, 2 moments, a CLEAR"
BANS = Model(
    "bans.pml", "bans: clients and a daemon, with", True,
    {
        BY_ONE_WORD: "SLICES=0 LAST=3 CLEARS=1",
        BY_BOTH_WORDS: "SLICES=1 LAST=2 CLEARS=1",
        "slices, 3 moments": "SLICES=1 LAST=3 CLEARS=0",
    },
    {
        "windows, 4 moments, a CLEAR": "SLICES=0 LAST=4 CLEARS=1",
        "slices, 3 moments, a CLEAR": "SLICES=1 LAST=3 CLEARS=1",
    },
    {
        1: ("blocked written after the word", BY_ONE_WORD),
        2: ("a ban over a slot whose ends lie ahead", BY_ONE_WORD),
        3: ("a ban over a slot that has an owner", BY_ONE_WORD),
        4: ("lifted, and the words not voided", BY_ONE_WORD),
        5: ("blocked looked at after the second look", BY_BOTH_WORDS),
        6: ("a denial without a second look", BY_BOTH_WORDS),
        7: ("a word that ends after the block", BY_ONE_WORD),
        8: ("void left out where a ban takes a slot", BY_ONE_WORD),
        9: ("the ends of a ban are not in the book", BY_BOTH_WORDS),
        10: ("the rest looked at after the second look", BY_ONE_WORD),
        11: ("lifted by the bit alone", BY_BOTH_WORDS),
        12: ("identity not compared", BY_BOTH_WORDS),
        13: ("never lifted", BY_BOTH_WORDS),
    })


def build(folder, model, options, compiler):
    """The verifier, with these options of spin."""
    where = folder / re.sub(r"\W+", "_", " ".join([model.file, *options]))
    where.mkdir()
    source = pathlib.Path(__file__).with_name(model.file)
    subprocess.run(["spin", *options, "-a", str(source)], cwd=where, check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    # No more is optimised than what is gained again.
    subprocess.run([compiler, "-O1", "-w", "-DSAFETY", "-DVECTORSZ=512", "-DMEMLIM=6000", "-o",
                    "pan", "pan.c"], cwd=where, check=True, timeout=120)
    return where


def explore(where, size, mistake):
    """(states, what was broken or None, seconds). Raises where the search was not complete."""
    begun = time.monotonic()
    chosen = dict(setting.split("=") for setting in size.split())
    done = subprocess.run(["./pan", "-m200000"], cwd=where, text=True, timeout=600, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, MISTAKE=str(mistake), **chosen))
    seconds = time.monotonic() - begun
    states = re.search(r"(\d+) states, stored", done.stdout)
    errors = re.search(r"errors: (\d+)", done.stdout)
    if states is None or errors is None:
        raise RuntimeError(done.stdout)
    if int(errors[1]) > 0:
        # A search that ran out of something is no answer, whichever way.
        broken = re.search(r"pan:1: (assertion violated|invalid end state)", done.stdout)
        if broken is None:
            raise RuntimeError(done.stdout)
        return int(states[1]), broken[1], seconds
    if "not completed" in done.stdout or "too small" in done.stdout:
        raise RuntimeError(done.stdout)
    return int(states[1]), None, seconds


def check(model, sizes, pool, folder, compiler):
    """Whether the protocol holds, and every mistake is found."""
    good = True
    names = list(sizes)
    # A size is an option of spin, or chosen when the verifier starts.
    options = {name: () if model.chosen_at_start else
                     tuple(f"-D{setting}" for setting in sizes[name].split()) for name in names}
    different = sorted(set(options.values()))
    verifiers = dict(zip(different, pool.map(
        lambda flags: build(folder, model, flags, compiler), different)))

    def look(name, mistake):
        return explore(verifiers[options[name]], sizes[name], mistake)

    print(f"{model.title:<46} {'states':>9}  {'seconds':>7}  broken")
    for name, (states, broken, seconds) in zip(
            names, pool.map(lambda name: look(name, 0), names)):
        print(f"{name:<46} {states:>9}  {seconds:>7.1f}  {broken or 'nothing'}", flush=True)
        good = good and broken is None
    print(f"\n{'mistake':<46} {'states':>9}  caught")
    found = pool.map(lambda number: look(model.mistakes[number][1], number), model.mistakes)
    for number, (states, broken, _) in zip(model.mistakes, found):
        caught = broken == "assertion violated"
        print(f"{model.mistakes[number][0]:<46} {states:>9}  {'yes' if caught else 'NO'}", flush=True)
        good = good and caught
    print()
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--full", action="store_true", help="larger sizes as well")
    options = parser.parse_args()
    if shutil.which("spin") is None:
        print("SKIPPED: spin is not installed", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 77
    good = True
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for model in (POOL, SLICES, COMBINED, BANS):
            sizes = dict(model.sizes, **(model.full_sizes if options.full else {}))
            good = check(model, sizes, pool, pathlib.Path(name), options.cc) and good
    print("good" if good else "FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
