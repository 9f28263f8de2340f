"""A proxy between a daemon and its Redis that misbehaves on request."""

import collections
import os
import selectors
import shutil
import socket
import threading
import time

from support import env


class _Pair:
    def __init__(self, near, far):
        self.near, self.far = near, far
        self.requests = collections.deque()  # (due, bytes) towards Redis
        self.replies = collections.deque()   # (due, bytes) towards the daemon
        self.near_ended = self.far_ended = False


class Proxy:
    """Listens on a Unix socket of its own and forwards to a Redis' Unix socket.

    hold_requests(), hold_replies()  what comes is kept back until release()
    release_replies()                what is held now goes out, what comes later is held still
    drop_replies()                   what comes back is thrown away, until release()
    delay(seconds)                   every reply is late by so much
    cut()                            every connection is closed
    refuse(True)                     new connections are closed as they come
    """

    def __init__(self, target):
        self.dir = env.make_dir()
        self.socket = os.path.join(self.dir, "proxy.sock")
        self._target = target
        self._lock = threading.Lock()
        self._pairs = []
        self._hold_requests = self._hold_replies = self._drop_replies = self._refuse = False
        self._delay = 0.0
        self._end = False
        self.connections = 0    # accepted so far
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
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self._target)
        except OSError:
            near.close()
            far.close()
            return
        self._pairs.append(_Pair(near, far))

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
            pair.requests.append((0, data))
        elif self._drop_replies:
            self.dropped += len(data)
        else:
            pair.replies.append((time.monotonic() + self._delay, data))

    def _forward(self):
        """Sends what is due; how long until more is, None for never."""
        now, timeout = time.monotonic(), None
        for pair in list(self._pairs):
            while pair.requests and not self._hold_requests:
                self._send(pair.far, pair.requests.popleft()[1])
            while pair.replies and not self._hold_replies:
                due = pair.replies[0][0]
                if due > now:
                    timeout = due - now if timeout is None else min(timeout, due - now)
                    break
                self._send(pair.near, pair.replies.popleft()[1])
            # A side that ended ends the other once what it sent is through.
            if ((pair.near_ended and not pair.requests) or
                    (pair.far_ended and not pair.replies)):
                pair.near.close()
                pair.far.close()
                self._pairs.remove(pair)
        return timeout

    @staticmethod
    def _send(end, data):
        try:
            end.sendall(data)
        except OSError:
            pass  # it is gone; its end is read in the next turn
