"""A caller of the stress test that enters limits of concurrency, and leaves them:
    flight_caller.py SOCKET RECORDS SEED flight LIMIT...
Until SIGTERM, then it exits with 0. A record is from when it was told that it has entered until it
says that it leaves, or hears that its daemon has gone; of one that is killed meanwhile it ends at once."""

import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position
import evaluate
from socket_caller import Records
from support.resp import Closed, Conn, RespError

THREADS = 3
WAIT_MS = 300
LONGEST_FLIGHT = 0.04  # seconds


class Flyer(threading.Thread):
    """One connection, which has entered at most once at a time."""

    def __init__(self, path, records, lock, seed, limits, ended):
        super().__init__(daemon=True)
        self._path, self._records, self._lock = path, records, lock
        self._chance, self._limits, self._ended = random.Random(seed), limits, ended
        self._conn = None

    def run(self):
        while not self._ended.is_set():
            try:
                self._conn = self._conn or Conn(self._path, 3)
                self._fly(*self._chance.choice(self._limits))
            except (Closed, OSError):
                self._count("failed")
                if self._conn:
                    self._conn.close()
                self._conn = None
            time.sleep(self._chance.random() * 0.004)

    def _count(self, name):
        with self._lock:
            self._records.count(name)

    def _fly(self, number, limit):
        key = self._chance.randrange(limit.keys)
        cost = self._chance.choice((1, 1, 1, 2))
        reply = self._conn.command("ENTER", limit.name, evaluate.key_text(key), "COST", cost,
                                   "TIMEOUT", WAIT_MS)
        told = time.monotonic_ns()
        if isinstance(reply, RespError) or reply[0] != 1:
            return self._count("failed" if isinstance(reply, RespError) else "denied")
        with self._lock:
            at = self._records.write(number, key, cost, told, told)
        time.sleep(self._chance.random() * LONGEST_FLIGHT)
        leaves = time.monotonic_ns()
        with self._lock:
            self._records.until(at, leaves)
        left = self._conn.command("LEAVE", reply[4])
        if left != 1:
            print(f"LEAVE {reply[4]} answered {left!r}", file=sys.stderr)
            sys.stderr.flush()
            self._ended.wrong = True
            self._ended.set()


def main():
    path, file, seed, _, *texts = sys.argv[1:]
    limits = [(number, limit) for number, limit in enumerate(map(evaluate.Limit.parse, texts))
              if limit.name.startswith(evaluate.FLIGHT)]
    ended = threading.Event()
    ended.wrong = False
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    records, lock = Records(file), threading.Lock()
    flyers = [Flyer(path, records, lock, int(seed) + at, limits, ended) for at in range(THREADS)]
    for flyer in flyers:
        flyer.start()
    ended.wait()
    for flyer in flyers:
        flyer.join(10)
    sys.exit(3 if ended.wrong else 0)


if __name__ == "__main__":
    main()
