"""A proxy between a daemon and its Redis that misbehaves on request."""

import collections
import os
import selectors
import shutil
import socket
import threading
import time

from support import env
from support.resp import Parser


class _Pair:
    def __init__(self, near, far, replies_left):
        self.near, self.far = near, far
        self.requests = collections.deque()  # (due, bytes) towards Redis
        self.replies = collections.deque()   # (due, bytes) towards the daemon
        self.near_ended = self.far_ended = False
        self.requested = bytearray()         # of a request that is not whole yet; see SlowWay
        self.replies_left = replies_left     # until it is cut; None: it is not
        self.parser = None if replies_left is None else Parser()

    def first_replies(self, data):
        """As much of data as still passes before the cut."""
        if self.replies_left == 0:
            return b""
        self.parser.feed(data)
        while self.replies_left > 0 and self.parser.next()[0]:
            self.replies_left -= 1
        beyond = len(self.parser.rest()) if self.replies_left == 0 else 0
        return data[:len(data) - beyond]


class Proxy:
    """Listens on a Unix socket of its own and forwards to a Redis' Unix socket.

    hold_requests(), hold_replies()  what comes is kept back until release()
    release_replies()                what is held now goes out, what comes later is held still
    drop_replies()                   what comes back is thrown away, until release()
    delay(seconds)                   every reply is late by so much
    add(data)                        that comes to the daemon, though Redis did not say it
    add_to_next(data)                the same right behind the next reply
    instead(data)                    the same in the place of all replies that are held
    cut()                            every connection is closed
    refuse(True)                     new connections are closed as they come
    lead_to(target)                  new connections lead to that socket
    cut_next(replies, target)        the next connection is closed after so many replies; it leads
                                     to that socket where one is named
    """

    def __init__(self, target):
        self.dir = env.make_dir()
        self.socket = os.path.join(self.dir, "proxy.sock")
        self._target = target
        self._lock = threading.Lock()
        self._pairs = []
        self._hold_requests = self._hold_replies = self._drop_replies = self._refuse = False
        self._delay = 0.0
        self._add_to_next = b""
        self._cut_next = None   # (replies, socket) of the connection that comes next
        self._end = False
        self.connections = 0    # accepted so far
        self.cuts = 0           # of connections that were closed after their first replies
        self.dropped = 0        # bytes of replies thrown away
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.socket)
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _set(self, **fields):
        with self._lock:
            for name, value in fields.items():
                setattr(self, "_" + name, value)
        self._wake_write.send(b"x")

    def hold_requests(self):
        self._set(hold_requests=True)

    def hold_replies(self):
        self._set(hold_replies=True)

    def drop_replies(self):
        self._set(drop_replies=True)

    def release(self):
        self._set(hold_requests=False, hold_replies=False, drop_replies=False, delay=0.0)

    def delay(self, seconds):
        self._set(delay=seconds)

    def refuse(self, on=True):
        self._set(refuse=on)

    def lead_to(self, target):
        self._set(target=target)

    def cut_next(self, replies, target=None):
        self._set(cut_next=(replies, target or self._target))

    def add(self, data):
        with self._lock:
            for pair in self._pairs:
                pair.replies.append((0, data))
        self._wake_write.send(b"x")

    def add_to_next(self, data):
        self._set(add_to_next=data)

    def instead(self, data):
        with self._lock:
            for pair in self._pairs:
                pair.replies.clear()
                self._send(pair.near, data)

    def cut(self):
        with self._lock:
            for pair in self._pairs:
                for end in (pair.near, pair.far):
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
        self._wake_write.send(b"x")

    def release_replies(self):
        with self._lock:
            for pair in self._pairs:
                while pair.replies:
                    self._send(pair.near, pair.replies.popleft()[1])

    def held_replies(self):
        """Bytes that wait to go back."""
        with self._lock:
            return sum(len(data) for pair in self._pairs for _, data in pair.replies)

    def held_requests(self):
        with self._lock:
            return sum(len(data) for pair in self._pairs for _, data in pair.requests)

    def close(self):
        self._set(end=True)
        self._thread.join(10)
        for pair in self._pairs:
            pair.near.close()
            pair.far.close()
        for end in (self._listener, self._wake_read, self._wake_write):
            end.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    # The thread

    def _run(self):
        while True:
            with self._lock:
                if self._end:
                    return
                timeout = self._forward()
                pairs = list(self._pairs)  # only this thread closes them
            ready = self._wait(pairs, timeout)
            with self._lock:
                for key, _ in ready:
                    if key.fileobj is self._wake_read:
                        self._wake_read.recv(4096)
                    elif key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._read(*key.data)

    def _wait(self, pairs, timeout):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            for pair in pairs:
                if not pair.near_ended:
                    selector.register(pair.near, selectors.EVENT_READ, (pair, True))
                if not pair.far_ended:
                    selector.register(pair.far, selectors.EVENT_READ, (pair, False))
            return selector.select(timeout)

    def _accept(self):
        near, _ = self._listener.accept()
        self.connections += 1
        if self._refuse:
            near.close()
            return
        replies, target = self._cut_next or (None, self._target)
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(target)
        except OSError:
            near.close()
            far.close()
            return
        self._cut_next = None
        self._pairs.append(_Pair(near, far, replies))

    def _read(self, pair, from_near):
        try:
            data = (pair.near if from_near else pair.far).recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            if from_near:
                pair.near_ended = True
            else:
                pair.far_ended = True
        elif from_near:
            pair.requests.extend(self._requests(pair, data))
        elif pair.replies_left is not None:
            self._send(pair.near, pair.first_replies(data))
            if pair.replies_left == 0:
                pair.near_ended = pair.far_ended = True
                self.cuts += 1
        elif self._drop_replies:
            self.dropped += len(data)
        else:
            more, self._add_to_next = self._add_to_next, b""
            pair.replies.append((time.monotonic() + self._delay, data + more))

    def _requests(self, _pair, data):
        """What was read from the daemon, in pieces that go on each at a moment of its own."""
        return [(0, data)]

    def _forward(self):
        """Sends what is due; how long until more is, None for never."""
        now, later = time.monotonic(), []
        for pair in list(self._pairs):
            if not self._hold_requests:
                later += self._send_due(pair.far, pair.requests, now)
            if not self._hold_replies:
                later += self._send_due(pair.near, pair.replies, now)
            # A side that ended ends the other once what it sent is through.
            if ((pair.near_ended and not pair.requests) or
                    (pair.far_ended and not pair.replies)):
                pair.near.close()
                pair.far.close()
                self._pairs.remove(pair)
        return min(later) - now if later else None

    def _send_due(self, end, pieces, now):
        """Sends the pieces whose moment has come; [the moment of the next], or []."""
        while pieces:
            if pieces[0][0] > now:
                return [pieces[0][0]]
            self._send(end, pieces.popleft()[1])
        return []

    @staticmethod
    def _send(end, data):
        try:
            end.sendall(data)
        except OSError:
            pass  # it is gone; its end is read in the next turn
