"""Clients that ask at a pace of their own, whether they are answered or not."""

import collections
import re
import select
import socket
import threading
import time

from support import env
from support.resp import COUNTED, encode

# Moments of time.monotonic(). counted: allowed, by the store.
Answered = collections.namedtuple("Answered", "client sent got counted reason")

_DECISION = re.compile(rb"\*6\r\n:([01])\r\n(?::-?\d+\r\n){4}:(\d)\r\n")


class _Client:
    def __init__(self, path, name, limit):
        self.name, self._limit = name, limit
        self.rate, self._since, self._owed = 0.0, 0.0, 0.0
        self._asked = 0
        self._unanswered = collections.deque()  # when each was sent
        self._out, self._in = bytearray(), bytearray()
        self.answered = []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.sock.setblocking(False)

    def pace(self, rate, now):
        self.rate, self._since, self._owed = rate, now, 0.0

    def ask(self, count, now):
        """For so many keys that nobody has asked for before."""
        for _ in range(count):
            self._asked += 1
            self._out += encode("CHECK", self._limit, f"{self.name}-{self._asked}")
            self._unanswered.append(now)

    def turn(self, now):
        owed = int((now - self._since) * self.rate - self._owed)
        self._owed += owed
        self.ask(owed, now)
        if self._out:
            try:
                del self._out[:self.sock.send(self._out)]
            except BlockingIOError:
                pass

    def read(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise AssertionError(f"{self.name} was disconnected")
        now = time.monotonic()
        self._in += data
        end = 0
        for reply in _DECISION.finditer(self._in):
            if reply.start() != end:
                break
            end = reply.end()
            allowed, reason = int(reply[1]), int(reply[2])
            self.answered.append(Answered(self.name, self._unanswered.popleft(), now,
                                          bool(allowed) and reason == COUNTED, reason))
        del self._in[:end]
        if self._in and self._in[:1] != b"*":
            raise AssertionError(f"{self.name} was answered {bytes(self._in[:80])!r}")

    def waits(self):
        return len(self._unanswered)


class PacedLoad:
    """A connection for each client; all of them in one thread, until close().

    limit      what they ask for; each check has a key of its own, so that none is answered from
               what another has brought
    clients    their names
    held_up    the longest time (s) for which nothing was sent or read, since the machine was busy
    """

    def __init__(self, daemon, limit, clients):
        self._clients = {name: _Client(daemon.socket, name, limit) for name in clients}
        self._lock = threading.Lock()
        self._end = False
        self._failure = None
        self.held_up = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pace(self, **rates):
        """From now on they ask so many checks a second, those that are not named none; the moment
        of that."""
        with self._lock:
            now = time.monotonic()
            for name, client in self._clients.items():
                client.pace(rates.get(name, 0), now)
            return now

    def burst(self, count):
        """Each asks for so many at once."""
        with self._lock:
            now = time.monotonic()
            for client in self._clients.values():
                client.ask(count, now)

    def wait_answers(self, count, clients=(), deadline=20.0):
        """Until so many more checks are answered than are now, of everybody or of those named."""
        wanted = self._count(clients) + count
        self._wait(lambda: self._count(clients) >= wanted, deadline, f"{count} more answers")

    def wait_all_answered(self, deadline=10.0):
        """Until nobody waits for an answer any more."""
        self._wait(lambda: not self._waiting(), deadline, "all answers")

    def _wait(self, predicate, deadline, what):
        env.wait_until(lambda: self._failure or predicate(), deadline, what)
        if self._failure:
            raise self._failure

    def _count(self, clients):
        with self._lock:
            return sum(len(client.answered) for name, client in self._clients.items()
                       if not clients or name in clients)

    def _waiting(self):
        with self._lock:
            return sum(client.waits() for client in self._clients.values())

    def answered(self, clients=()):
        """In the order of the answers, of everybody or of those that are named."""
        with self._lock:
            return sorted((a for name, client in self._clients.items()
                           if not clients or name in clients for a in client.answered),
                          key=lambda a: a.got)

    def close(self):
        self._end = True
        self._thread.join(10)
        for client in self._clients.values():
            client.sock.close()

    def _run(self):
        clients = {client.sock: client for client in self._clients.values()}
        turn = time.monotonic()
        while not self._end:
            last, turn = turn, time.monotonic()
            self.held_up = max(self.held_up, turn - last)
            ready, _, _ = select.select(list(clients), [], [], 0.001)
            with self._lock:
                try:
                    for sock in ready:
                        clients[sock].read()
                    for client in clients.values():
                        client.turn(time.monotonic())
                except (AssertionError, OSError) as failure:
                    self._failure = failure
                    return
