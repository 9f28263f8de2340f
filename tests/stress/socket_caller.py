"""A caller of the stress test over the socket, with pipelines and nothing of the library:
    socket_caller.py SOCKET RECORDS SEED socket LIMIT...
Asks until SIGTERM, then exits with 0. It writes what record.h says."""

import mmap
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position
import evaluate
from support.resp import COUNTED, Closed, Conn, RespError, check_words, decision


class Records:
    """The file, mapped, as record.h has it."""

    def __init__(self, path):
        with open(path, "x+b") as file:
            os.ftruncate(file.fileno(), evaluate.FILE_BYTES)
            self._map = mmap.mmap(file.fileno(), evaluate.FILE_BYTES)
        self._counts = {"next": 0, "allowed": 0, "denied": 0, "failed": 0, "longest": 0}

    def count(self, name, more=1):
        self._counts[name] += more
        self._tell()

    def note_call(self, took_ns):
        self._counts["longest"] = max(self._counts["longest"], took_ns)
        self._tell()

    def write(self, limit, key, cost, before, after):
        """Where it is."""
        at = evaluate.HEADER.size + self._counts["next"] * evaluate.RECORD.size
        self.count("next")
        evaluate.RECORD.pack_into(self._map, at, 0, limit, key, cost, 0, before, after, 0, 0)
        evaluate.MARK.pack_into(self._map, at, 1)
        self.count("allowed")
        return at

    def until(self, at, after):
        """That record ends then."""
        evaluate.AFTER.pack_into(self._map, at + evaluate.AFTER_AT, after)

    def _tell(self):
        evaluate.HEADER.pack_into(self._map, 0, *self._counts.values(), 0)


def ask(conn, records, chance, number, limit):
    """One burst of one key."""
    key = chance.randrange(limit.keys) if limit.keys else 0
    text = evaluate.key_text(key) if limit.keys else None
    costs = [chance.choice((1, 1, 1, 1, 1, 1, 2, 4)) for _ in range(chance.randint(1, 32))]
    declared = (limit.permits, f"{limit.period_ms}ms") if limit.declared else (None, None)
    before = time.monotonic_ns()
    replies = conn.pipeline([check_words(limit.name, text, cost, *declared) for cost in costs])
    after = time.monotonic_ns()
    records.note_call(after - before)
    for cost, reply in zip(costs, replies):
        if isinstance(reply, RespError):
            records.count("failed")
            continue
        answer = decision(reply)
        if not answer.allowed:
            records.count("denied")
            continue
        if answer.reason != COUNTED:
            sys.exit(3)
        records.write(number, key, cost, before, after)


def main():
    path, file, seed, _, *texts = sys.argv[1:]
    limits = [evaluate.Limit.parse(text) for text in texts]
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    records, chance, conn = Records(file), random.Random(int(seed)), None
    while not ended:
        try:
            conn = conn or Conn(path, 1)
            number = chance.randrange(len(limits))
            ask(conn, records, chance, number, limits[number])
        except (Closed, OSError):
            records.count("failed")
            if conn:
                conn.close()
            conn = None
        time.sleep(chance.random() * 0.004)


if __name__ == "__main__":
    main()
