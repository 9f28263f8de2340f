"""ATTACH as a client of its own makes it; the segment's bytes are as docs/shared-memory.md says."""

import collections
import mmap
import os
import socket
import struct
import time

from support.resp import Conn, Parser, RespError, encode

HEADER_BYTES, SLOT_BYTES = 4096, 64
# Offsets in the header.
MAGIC, VERSION, HEADER_SIZE, BYTES, SLOTS, PROBES, GENERATION = 0, 8, 12, 16, 24, 28, 32
SEQUENCE, OFFSET_NS, ERROR_NS, MEASURED_NS, DRIFT, UNTIL_NS = range(256, 304, 8)  # of the first shard
RULES = 192

Word = collections.namedtuple("Word", "end_ms permits exhausted")
Slot = collections.namedtuple("Slot", "words rule key low_water left clock blocked limit")
Resolved = collections.namedtuple(
    "Resolved", "rule limit period_ms shared keyed kind burst longest_ms")


def ask_to_attach(conn):
    """(reply, [descriptors])."""
    conn.send(encode("ATTACH"))
    parser, fds = Parser(), []
    while True:
        data, more, _, _ = socket.recv_fds(conn.sock, 4096, 8)
        fds += more
        if not data:
            raise EOFError("closed instead of an answer to ATTACH")
        parser.feed(data)
        done, reply = parser.next()
        if done:
            return reply, fds


def resolve(conn, *words):
    reply = conn.command("RESOLVE", *words)
    if isinstance(reply, RespError):
        raise reply
    return Resolved(*reply)


class Segment:
    """Attached on a connection of its own; `version`, `generation`, `daemon_ns`, `bytes` as
    answered, `before_ns` and `after_ns` this process' readings."""

    def __init__(self, path):
        self.conn = Conn(path)
        self.before_ns = time.monotonic_ns()
        reply, fds = ask_to_attach(self.conn)
        self.after_ns = time.monotonic_ns()
        if isinstance(reply, RespError):
            self.conn.close()
            raise reply
        self.version, self.generation, self.daemon_ns, self.bytes = reply
        self.memory_fd, self.nudge_fd = fds
        self.memory = mmap.mmap(self.memory_fd, self.bytes)

    def close(self):
        self.memory.close()
        os.close(self.memory_fd)
        os.close(self.nudge_fd)
        self.conn.close()

    def number(self, offset, kind="Q"):
        return struct.unpack_from("=" + kind, self.memory, offset)[0]

    def slot(self, at):
        fields = struct.unpack_from("=2QQ32sII", self.memory, HEADER_BYTES + at * SLOT_BYTES)
        words = [Word(w >> 22, w >> 1 & (1 << 21) - 1, w & 1) for w in fields[:2]]
        rule = fields[2]
        return Slot(words, rule & (1 << 28) - 1, fields[3], fields[4], fields[5],
                    rule >> 28 & 31, rule >> 33 & 1, rule >> 34)

    def bans(self, rule):
        """The slots that say of a key of that rule that it is blocked."""
        return [slot for slot in self.pools(rule).values() if slot.blocked]

    def pools(self, rule):
        """The slots of that rule, by their number."""
        return {at: slot for at in range(self.number(SLOTS, "I"))
                if (slot := self.slot(at)).rule == rule}
