"""A way to Redis that passes so many reservations a second, and keeps the rest waiting."""

import time

from support.proxy import Proxy
from support.redis_server import REIGN

RECORD = REIGN.encode()  # a key of a script, and no counter


def _next_request(data, at):
    """(end, counters) of the request that begins there, None where it is not whole yet: where it
    ends, and how many counters it asks a script for."""
    def line(at):
        end = data.find(b"\r\n", at)
        return (None, None) if end < 0 else (int(data[at + 1:end]), end + 2)
    count, at = line(at)
    if count is None:
        return None
    words = []
    for _ in range(count):
        length, at = line(at)
        if length is None or len(data) < at + length + 2:
            return None
        word = bytes(data[at:at + length])
        if len(words) < 3 or word == RECORD:
            words.append(word)
        at += length + 2
    is_script = words[0].upper() in (b"EVAL", b"EVALSHA")
    return at, int(words[2]) - (RECORD in words) if is_script else 0


class SlowWay(Proxy):
    """Between a daemon and its Redis, one after the other as a single Redis would serve them: a
    call of a script has passed when its counters' share of time has gone by, `rate` counters a
    second. What comes meanwhile waits before it in order, whatever it is; replies go back at once.

    rate       None: it is not slow, and still counts
    held_up    the longest time (s) by which something went on late, since the machine was busy
    """

    def __init__(self, target, rate=None):
        self._rate = rate
        self._free = 0.0    # when what has come so far will have passed
        self.held_up = 0.0
        self.calls = []     # (when it passes, counters) of each call of a script
        super().__init__(target)

    def passed(self, since, until):
        """Counters that passed from one moment of time.monotonic() to another."""
        return sum(counters for moment, counters in list(self.calls) if since <= moment < until)

    def under_way(self):
        """Counters that have come and not passed."""
        now = time.monotonic()
        return sum(counters for moment, counters in list(self.calls) if moment >= now)

    def _send_due(self, end, pieces, now):
        if pieces and pieces[0][0] <= now:
            self.held_up = max(self.held_up, now - pieces[0][0])
        return super()._send_due(end, pieces, now)

    def _requests(self, pair, data):
        pair.requested += data
        at = 0
        while (request := _next_request(pair.requested, at)) is not None:
            end, counters = request
            yield self._passes(counters), bytes(pair.requested[at:end])
            at = end
        del pair.requested[:at]

    def _passes(self, counters):
        self._free = max(self._free, time.monotonic())
        if counters and self._rate:
            self._free += counters / self._rate
        if counters:
            self.calls.append((self._free, counters))
        return self._free
