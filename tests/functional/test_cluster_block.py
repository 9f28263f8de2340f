"""block_for in a Redis Cluster: docs/blocking.md."""

import harness
from support.buckets import bucket
from support.cluster_case import Cluster

BLOCKED = 5
LIMITS = {"window": {"limit": "5/s", "block_for": "1h"}, "bucket": bucket("5/s", 5, block_for="1h")}


class Block(Cluster):
    def use_up(self, conn, limit, key):
        for _ in range(50):
            answer = conn.check(limit, key)
            if not answer.allowed:
                return self.assertEqual(answer.reason, 1)
        return self.fail("never denied")

    def test_each_shard_with_the_least_rights_and_over_a_move_of_the_slot(self):
        servers = self.fresh()
        here, there = (self.rategated(servers, limits=LIMITS) for _ in range(2))
        for daemon in (here, there):
            self.wait_up(daemon)
        for name in LIMITS:
            for primary in servers.primaries():
                key, = servers.keys(name, 1, primary)
                with self.subTest(limit=name, key=key), here.conn() as mine, there.conn() as theirs:
                    self.use_up(mine, name, key)
                    self.assertEqual(theirs.check(name, key).reason, BLOCKED)
                    block, = (k for k in primary.ask("KEYS", "*block") if f"{{{name}:{key}}}" in k)
                    to = next(p for p in servers.primaries() if p is not primary)
                    servers.move(primary.ask("CLUSTER", "KEYSLOT", block), to)
                    with self.rategated(servers, limits=LIMITS) as new:
                        self.wait_up(new)
                        self.assertEqual(new.check(name, key).reason, BLOCKED)
                    self.assertIsInstance(mine.command("CLEAR", name, key), int)
                    harness.wait_until(lambda m=mine, n=name, k=key: m.check(n, k).allowed, 15,
                                       "the block to be lifted")


if __name__ == "__main__":
    harness.main()
