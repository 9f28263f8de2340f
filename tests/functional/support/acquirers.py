"""Those who wait in ACQUIRE, each on a connection of its own, and a thread that reads all answers."""

import selectors
import threading
import time

from support import env
from support.resp import Conn, RespError, decision, encode

ONE_TURN = 0.01 * env.SLOW  # seconds


class Waiter:
    """sent and got are monotonic seconds."""

    def __init__(self, conn, number):
        self.conn, self.number = conn, number
        self.sent = self.got = self.reply = None
        self.left = False

    @property
    def decision(self):
        """None of an error, and where there is no answer."""
        return decision(self.reply) if isinstance(self.reply, list) else None

    @property
    def allowed(self):
        told = self.decision
        return told is not None and told.allowed

    @property
    def error(self):
        return str(self.reply) if isinstance(self.reply, RespError) else None


class Acquirers:
    def __init__(self):
        self.all = []
        self._ends = False
        self._changed = threading.Condition()
        self._selector = selectors.EpollSelector()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask(self, daemon, limit, *words, timeout_ms=30_000):
        """One more, by a request that is sent when this returns."""
        waiter = Waiter(Conn(daemon.socket), len(self.all))
        with self._changed:
            self.all.append(waiter)
        waiter.sent = time.monotonic()
        waiter.conn.send(encode("ACQUIRE", limit, *words, "TIMEOUT", timeout_ms))
        self._selector.register(waiter.conn.sock, selectors.EVENT_READ, waiter)
        return waiter

    def ask_in_order(self, daemon, count, limit, *words, timeout_ms=30_000):
        """So many, of whom each has its place, or its answer, before the next one asks."""
        came = []
        with daemon.conn() as looks:
            before = asked(looks)
            for _ in range(count):
                came.append(self.ask(daemon, limit, *words, timeout_ms=timeout_ms))
                env.wait_until(lambda: asked(looks) >= before + len(came), 15, "one more to wait")
        return came

    def leave(self, waiter):
        """Hangs up, also where the answer is there by now."""
        waiter.left = True
        self._unregister(waiter)
        waiter.conn.close()

    def wait(self, waiters=None, deadline=30.0, count=None):
        """Until all of them, or so many, have their answers; those in the order of these."""
        waiters = self.all if waiters is None else waiters
        staying = [one for one in waiters if not one.left]
        until = time.monotonic() + deadline * env.SLOW
        with self._changed:
            while True:
                answered = [one for one in staying if one.got is not None]
                if len(answered) >= (len(staying) if count is None else count):
                    return sorted(answered, key=lambda one: one.got)
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(answered)} of {len(staying)} have an answer")
                self._changed.wait(left)

    def _run(self):
        while not self._ends:
            ready = self._selector.select(0.05)
            with self._changed:
                for key, _ in ready:
                    self._read(key.data)
                self._changed.notify_all()

    def _read(self, waiter):
        try:
            waiter.reply = waiter.conn.read()
        except Exception as error:  # pylint: disable=broad-except
            waiter.reply = error
        waiter.got = time.monotonic()
        self._unregister(waiter)

    def _unregister(self, waiter):
        try:
            self._selector.unregister(waiter.conn.sock)
        except (KeyError, ValueError):
            pass  # it has left, or has its answer

    def close(self):
        self._ends = True
        self._thread.join()
        for waiter in self.all:
            waiter.conn.close()
        self._selector.close()


def info(conn, *sections):
    return dict(line.split(":", 1) for line in conn.command("INFO", *sections).decode().splitlines()
                if ":" in line)


def asked(conn):
    """How many checks have come since the daemon's start: each is counted when it comes."""
    return int(info(conn, "stats")["checks"])


def wait_acquiring(daemon, count):
    """Until just so many wait."""
    with daemon.conn() as conn:
        env.wait_until(lambda: int(info(conn, "clients")["acquiring"]) == count, 15,
                       f"{count} that wait")


def inversions(waiters):
    """Pairs of those who came one before the other and were answered the other way round. What the
    daemon answers in one turn of its own it writes in any order."""
    wrong, latest = [], None
    for one in sorted((w for w in waiters if w.got is not None), key=lambda w: w.number):
        if latest is not None and one.got < latest.got - ONE_TURN:
            wrong.append((latest.number, one.number))
        if latest is None or one.got > latest.got:
            latest = one
    return wrong
