"""Several limits in one decision (docs/combined.md): how they are asked for, and what their counters hold."""

import collections

import harness

Named = collections.namedtuple(
    "Named", "allowed member limit remaining retry_after_ms reset_after_ms reason")
HOUR_MS = 3_600_000


def check_all(conn, *triples):
    reply = conn.command("CHECKALL", *(word for triple in triples for word in triple))
    if isinstance(reply, harness.RespError):
        raise reply
    return Named(*reply)


def told(conn, *words):
    """The map that a flat array of RESP2 is."""
    reply = conn.command(*words)
    if isinstance(reply, harness.RespError):
        raise reply
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2])}


class Combined(harness.Case):
    def each_store(self):
        """Redis, and the daemon's own memory."""
        return (self.redis(), None)

    def counted(self, server):
        """What each counter holds, by what stands before its window."""
        return {name.rsplit(":", 1)[0]: int(server.db.get(name))
                for name in server.db.keys("rategate:*:*:[0-9]*") if not name.endswith((":c", ":base"))}

    def refused(self, limits, *words):
        daemon = self.daemon(limits=limits, ready=False)
        self.assertNotEqual(daemon.wait_exit(), 0)
        for text in words:
            self.assertIn(text, daemon.log_text())

    def wait_counted(self, server, wanted):
        try:
            harness.wait_until(lambda: self.counted(server) == wanted, 10, "what the counters hold")
        except AssertionError:
            self.assertEqual(self.counted(server), wanted)
