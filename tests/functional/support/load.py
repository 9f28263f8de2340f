"""Callers that keep asking, and what they were told."""

import collections
import itertools
import threading
import time

from support.env import SLOW
from support.resp import Closed, Conn, RespError, check_words, decision

# sent and got are seconds of this host's wall clock, which is an unshifted Redis' clock too.
Asked = collections.namedtuple("Asked", "sent got decision error")


class Load:
    """`callers` connections in threads, each asking every `pause` seconds until stop().

    check    what to ask: the words after CHECK
    again    connect again when the daemon closes, else the caller ends there
    """

    def __init__(self, daemon, check=("api",), callers=4, pause=0.005, again=False):
        self._path, self._words = daemon.socket, check_words(*check)
        self._pause, self._again = pause, again
        self._stop = threading.Event()
        self._asked = [[] for _ in range(callers)]
        self.lost = 0       # connections that ended with a request unanswered
        self._threads = [threading.Thread(target=self._run, args=(asked,), daemon=True)
                         for asked in self._asked]
        for thread in self._threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _run(self, asked):
        while not self._stop.is_set():
            try:
                with Conn(self._path, 30) as conn:
                    self._ask(conn, asked)
            except (Closed, OSError):
                self.lost += 1
                if not self._again:
                    return
                self._stop.wait(0.02)

    def _ask(self, conn, asked):
        while not self._stop.is_set():
            sent = time.time()
            reply = conn.command(*self._words)
            got = time.time()
            if isinstance(reply, RespError):
                asked.append(Asked(sent, got, None, str(reply)))
            else:
                asked.append(Asked(sent, got, decision(reply), None))
            self._stop.wait(self._pause)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60 * SLOW)

    def asked(self):
        """Everything so far, in the order of the answers."""
        return sorted((a for one in self._asked for a in list(one)), key=lambda a: a.got)

    def since(self, moment):
        recent = (itertools.takewhile(lambda a: a.sent >= moment, reversed(one))
                  for one in self._asked)
        return sorted(itertools.chain.from_iterable(recent), key=lambda a: a.got)

    def allowed(self):
        return sum(1 for a in self.asked() if a.decision and a.decision.allowed)

    def slowest(self):
        return max((a.got - a.sent for a in self.asked()), default=0.0)


def allowed_by_window(asked, period=1.0):
    """Window's start to (surely allowed in it, perhaps allowed in it).

    What was asked in one window and answered in the next is perhaps of both.
    """
    sure, perhaps = collections.Counter(), collections.Counter()
    for one in asked:
        if not one.decision or not one.decision.allowed:
            continue
        first, last = int(one.sent // period), int(one.got // period)
        if first == last:
            sure[first] += 1
        for window in range(first, last + 1):
            perhaps[window] += 1
    return {w: (sure[w], perhaps[w]) for w in set(sure) | set(perhaps)}
