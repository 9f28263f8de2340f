"""Two revisions side by side: which numbers are compared, and the tables of that."""

import statistics
from dataclasses import dataclass

from harness import judging, report

NEW, OLD = "new", "old"
SIDES = (NEW, OLD)


@dataclass(frozen=True)
class Compared:
    """A number of a contestant, of which less is better."""
    of: str  # "contestant/number"
    unit: str
    what: str = ""
    is_size: bool = False
    judged: bool = True

    @property
    def contestant(self):
        return self.of.rsplit("/", 1)[0]

    @property
    def title(self):
        return self.what or self.contestant


def daemons_cpu(contestant):
    return Compared(f"{contestant}/cpu_us", "us")


def callers_cpu(contestant):
    return Compared(f"{contestant}/cpu_ns", "ns")


def stores_cpu(contestant):
    return Compared(f"{contestant}/store_cpu_us", "us", f"{contestant}: Redis")


def shown(of, unit, what=""):
    return Compared(of, unit, what, judged=False)


OPEN_LOOP = ("open loop: CHECK", "open loop: CHECK exact", "open loop: CHECK denied")
EXACT = ("CHECK exact, P1", "CHECK exact, P16", "CHECK exact, 10,000 keys, P16")
SOCKET = ("CHECK, P1", "CHECK, P16", "CHECK, P64", "CHECK denied, P16", "CHECK memory store, P16",
          *EXACT, "CHECK, one client")
HOT = ("hot limit, 1 host", "hot limit, 3 hosts")
SHARED = ("shm: handle, allowed", "shm: handle, denied", "shm: one hot key", "shm: 1,000 keys",
          "shm: 100,000 keys", "shm: two processes, one pool")
EACH = "shm: each check's time, two cores loaded"
COLD = "cold keys, 3 hosts"
KEY = "daemon's memory per live key"
IDLE = "idle daemon"
LIBRARY = "librategate.so"
FAR = tuple(f"between windows, {trip} ms away" for trip in ("0.2", "1", "20"))

ROWS = [
    *map(callers_cpu, SHARED),
    Compared(f"{EACH}/p50", "ns", f"{EACH}: median"),
    *map(daemons_cpu, (*SOCKET, *OPEN_LOOP, *HOT, COLD)),
    *map(stores_cpu, (*EXACT, COLD)),
    Compared(f"{KEY}/bytes", "B", is_size=True),
    # How much of its file is resident differs by per cents from start to start; its own memory hardly.
    Compared(f"{IDLE}/rss_mib", "MiB", f"{IDLE}: resident memory"),
    Compared(f"{IDLE}/own_kib", "KiB", f"{IDLE}: its own memory", is_size=True),
    Compared(f"{IDLE}/wakeups", "", f"{IDLE}: wake-ups"),
    Compared(f"{LIBRARY}/text_kib", "KiB", f"{LIBRARY}: text", is_size=True),
    shown(f"{IDLE}/text_kib", "KiB", "rategated: text"),
    *(shown(f"{name}/rate", "/s", f"{name}: rate") for name in (*SOCKET, *HOT)),
    *(shown(f"{name}/p99", "us", f"{name}: p99") for name in OPEN_LOOP),
    shown(f"{COLD}/p99_us", "us", f"{COLD}: p99"),
    shown(f"{COLD}/commands_per_check", "", f"{COLD}: Redis commands per check"),
    *(shown(f"{name}/commands_per_allowed", "", f"{name}: Redis commands per allowed check")
      for name in HOT),
    *(shown(f"{name}/utilisation", "%", f"{name}: utilisation") for name in HOT),
    *(shown(f"{name}/error_us", "us", f"{name}: the clock's error") for name in FAR),
]


def contestants():
    return {row.contestant for row in ROWS}


def series(row, turns, side):
    name, of = row.of.rsplit("/", 1)
    return [measured[side][name][of] for measured in turns
            if all(of in measured[other].get(name, {}) for other in SIDES)]


def evaluate(turns):
    """One dictionary for each row that has numbers. `turns`: for each, what each side measured."""
    for row in ROWS:
        new, old = series(row, turns, NEW), series(row, turns, OLD)
        verdict = judging.judge(new, old, row.is_size)
        if verdict is None:
            continue
        line = {"what": row.title, "unit": row.unit, "judged": row.judged, NEW: new, OLD: old,
                "low": verdict.low, "high": verdict.high}
        if row.judged:
            line.update(ratio=verdict.ratio, at_most=verdict.at_most, mark=verdict.mark,
                        shown=[min(new), min(old)])
        else:
            paired = [judging.divided(*pair) for pair in zip(new, old)]
            line.update(ratio=statistics.median(paired), at_most=None, mark="",
                        shown=[statistics.median(new), statistics.median(old)])
        yield line


def cells(line):
    new, old = (f"{report.number(value)} {line['unit']}".strip() for value in line["shown"])
    at_most = "" if line["at_most"] is None else f"{line['at_most']:.3f}"
    return [line["what"], new, old, f"{line['ratio']:.3f}", at_most,
            f"{line['low']:.3f} - {line['high']:.3f}", line["mark"]]


HEAD = ["what", NEW, OLD, "new : old", "at most", "min - max", ""]


def tables(lines):
    """(title, head, rows) of what is judged, and of what is only shown."""
    for title, judged in (("CPU per request and sizes: the smallest of all turns", True),
                          ("Not judged: medians", False)):
        rows = [cells(line) for line in lines if line["judged"] == judged]
        if rows:
            yield title, HEAD, rows


def whole(results, render):
    head = (report.machine_text(results["machine"], results["rounds"])
            + f"Against {results['against'][:12]}.\n")
    return report.whole(head, tables(results["lines"]), render)


def failures(results):
    """What makes a run fail."""
    for name, why in results["not_measured"].items():
        yield f"{name} was not measured: {why}"
    for line in results["lines"]:
        if line["mark"] == judging.WORSE:
            yield (f"{line['what']}: {line['ratio']:.3f} times what it was, and at most "
                   f"{line['at_most']:.3f} is within the tolerance and the spread")
