"""What EXPLAIN answers, as a map."""

import harness


def as_map(reply):
    """The map that a flat array of RESP2 is, with those that are in it."""
    if isinstance(reply, harness.RespError):
        raise reply
    told = {}
    for name, value in zip(reply[::2], reply[1::2]):
        if isinstance(value, list):
            value = [as_map(each) for each in value]
        told[name.decode()] = value.decode() if isinstance(value, bytes) else value
    return told


class Explain(harness.Case):
    def explained(self, daemon, *words):
        with daemon.conn() as conn:
            return as_map(conn.command("EXPLAIN", *words))

    def one(self, daemon, *words):
        """What is told of a check of one limit with one counter, and of these."""
        told = self.explained(daemon, *words)
        self.assertEqual((len(told["limits"]), told["decides"]), (1, 0))
        limit, = told["limits"]
        counter, = limit["counters"]
        return told, limit, counter

    def wait_away(self, daemon):
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")


def concurrency(slots, ttl="2s", **more):
    return {"limit": slots, "algorithm": "concurrency", "hold_ttl": ttl, **more}
