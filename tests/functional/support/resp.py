"""A RESP client of our own, raw enough to send what no real client would."""

import collections
import select
import socket
import struct
import time

from support.env import SLOW

Decision = collections.namedtuple(
    "Decision", "allowed limit remaining retry_after_ms reset_after_ms reason")

COUNTED, OVER_LIMIT, STORE_AWAY, NEVER_FITS, CLOCK_NOT_TRUSTED, BLOCKED, UNLIMITED = range(7)


class RespError(Exception):
    """An error reply. Conn.read returns it as a value; check() raises it."""


class Simple(str):
    """A simple string, to be told from a bulk one."""


class Closed(Exception):
    """The other side closed the connection where an answer was due."""


class _Incomplete(Exception):
    pass


def encode(*args):
    """A request in multibulk form; str, bytes and numbers."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        if not isinstance(arg, bytes):
            arg = str(arg).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(arg), arg))
    return b"".join(parts)


class Parser:
    """Bytes in, replies out. Holds what is not yet a whole reply."""

    def __init__(self):
        self.buffer = bytearray()
        self._at = 0

    def feed(self, data):
        self.buffer += data

    def next(self):
        """(True, reply) or (False, None)."""
        start = self._at
        try:
            value = self._value()
        except _Incomplete:
            self._at = start
            return False, None
        if self._at > 65536:
            del self.buffer[:self._at]
            self._at = 0
        return True, value

    def rest(self):
        return bytes(self.buffer[self._at:])

    def _line(self):
        end = self.buffer.find(b"\r\n", self._at)
        if end < 0:
            raise _Incomplete
        line = bytes(self.buffer[self._at:end])
        self._at = end + 2
        return line

    def _bytes(self, count):
        if len(self.buffer) < self._at + count + 2:
            raise _Incomplete
        data = bytes(self.buffer[self._at:self._at + count])
        if self.buffer[self._at + count:self._at + count + 2] != b"\r\n":
            raise ValueError(f"no CRLF after a bulk of {count} bytes")
        self._at += count + 2
        return data

    def _value(self):
        line = self._line()
        kind, text = line[:1], line[1:]
        if kind == b"+":
            return Simple(text.decode())
        if kind == b"-":
            return RespError(text.decode(errors="backslashreplace"))
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == b"-1" else self._bytes(int(text))
        if kind == b"=":
            return self._bytes(int(text))[4:]
        if kind in (b"*", b"~", b">"):
            return None if text == b"-1" else [self._value() for _ in range(int(text))]
        if kind == b"%":
            return {_hashable(self._value()): self._value() for _ in range(int(text))}
        if kind == b"_":
            return None
        if kind == b"#":
            return text == b"t"
        if kind == b",":
            return float(text)
        if kind == b"(":
            return int(text)
        raise ValueError(f"not RESP: {line[:80]!r}")


def _hashable(value):
    return value.decode() if isinstance(value, bytes) else value


class Conn:
    """One connection. Timeouts are in seconds and scaled for sanitized builds."""

    def __init__(self, path, timeout=15.0):
        self.timeout = timeout * SLOW
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            # While the backlog is full, a Unix socket that does not block refuses with EAGAIN, and
            # there is nothing to poll for: the kernel is told how long connect() may block.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                                 struct.pack("ll", *divmod(int(self.timeout * 1e6), 1_000_000)))
            self.sock.connect(str(path))
            self.sock.settimeout(self.timeout)
        except OSError:
            self.sock.close()
            raise
        self.parser = Parser()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        """Raw bytes."""
        self.sock.sendall(data)

    def read(self):
        """The next reply; Closed at the end, TimeoutError when none comes."""
        until = time.monotonic() + self.timeout
        while True:
            done, value = self.parser.next()
            if done:
                return value
            self.sock.settimeout(max(0.001, until - time.monotonic()))
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError as reset:
                raise Closed(self.parser.rest()) from reset
            if not data:
                raise Closed(self.parser.rest())
            self.parser.feed(data)

    def command(self, *args):
        self.send(encode(*args))
        return self.read()

    def read_or_none(self, *args):
        """As command(), None when the connection is closed instead."""
        try:
            return self.command(*args)
        except (Closed, ConnectionError):
            return None

    def inline(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.read()

    def pipeline(self, requests):
        """Sends all requests (tuples of words) and gives all replies, reading while it writes."""
        data = memoryview(b"".join(encode(*r) for r in requests))
        replies, count = [], len(requests)
        until = time.monotonic() + self.timeout
        while len(replies) < count:
            done, value = self.parser.next()
            if done:
                replies.append(value)
                continue
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(replies)} of {count} replies")
            readable, writable, _ = select.select([self.sock], [self.sock] if data else [], [], left)
            if writable:
                self.sock.setblocking(False)
                try:
                    data = data[self.sock.send(data[:1 << 16]):]
                except BlockingIOError:
                    pass
                self.sock.settimeout(self.timeout)
            if readable:
                got = self.sock.recv(1 << 18)
                if not got:
                    raise Closed(f"after {len(replies)} of {count} replies")
                self.parser.feed(got)
        return replies

    def check(self, limit, key=None, cost=None, permits=None, period=None):
        """CHECK, as a Decision; an error reply is raised."""
        return decision(self.command(*check_words(limit, key, cost, permits, period)))

    def rest_until_closed(self):
        """All that still comes until the other side closes."""
        data = bytearray(self.parser.rest())
        self.sock.settimeout(self.timeout)
        while True:
            try:
                got = self.sock.recv(1 << 16)
            except ConnectionResetError:
                return bytes(data)
            if not got:
                return bytes(data)
            data += got


def check_words(limit, key=None, cost=None, permits=None, period=None):
    words = ["CHECK", limit]
    if key is not None:
        words.append(key)
    if cost is not None:
        words += ["COST", cost]
    if permits is not None:
        words += ["LIMIT", permits, "PERIOD", period]
    return words


def decision(reply):
    """A CHECK's reply as a Decision; an error reply is raised."""
    if isinstance(reply, RespError):
        raise reply
    if not isinstance(reply, list) or len(reply) != 6 or any(type(n) is not int for n in reply):
        raise AssertionError(f"not a CHECK's answer: {reply!r}")
    return Decision(*reply)
