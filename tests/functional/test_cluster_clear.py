"""CLEAR in a Redis Cluster: docs/clearing.md."""

import harness
from support.buckets import bucket
from support.cluster_case import Cluster

SHARED = None


def setUpModule():
    global SHARED
    SHARED = harness.ClusterSet()


def tearDownModule():
    SHARED.close()


class Clear(Cluster):
    def daemon_of(self, servers=None, **limits):
        servers = servers or SHARED
        daemon = self.rategated(servers, limits=limits)
        self.wait_up(daemon)
        return daemon

    def test_in_each_shard_with_the_least_rights(self):
        limits = {"window": "10/h", "bucket": bucket("1/h", 10)}
        here, there = (self.daemon_of(**limits) for _ in range(2))
        for name in limits:
            for primary in SHARED.primaries():
                key, = SHARED.keys(name, 1, primary)
                with self.subTest(limit=name, key=key), here.conn() as mine, there.conn() as theirs:
                    self.assertEqual(theirs.check(name, key, cost=10).allowed, 1)
                    self.assertEqual(mine.command("CLEAR", name, key), 10)
                    self.assertEqual(mine.check(name, key, cost=2).allowed, 1)
                    harness.wait_until(lambda c=theirs, n=name, k=key: c.check(n, k, cost=8).allowed,
                                       35, "the other daemon to go on")
        for daemon in (here, there):
            self.assertEqual(daemon.info()["windows_lost"], "0")

    def test_all_counters_of_one_that_is_spread(self):
        for mode in ("exact", "lease"):
            daemon = self.daemon_of(api={"limit": "60/h", "spread": 6, "mode": mode})
            with daemon.conn() as conn:
                for held in (0, 60):
                    self.assertEqual(conn.command("CLEAR", "api", mode), held)
                    taken = sum(conn.check("api", mode).allowed for _ in range(70))
                    self.assertEqual(taken, 60)

    def test_one_whose_slot_is_elsewhere_by_now(self):
        servers = self.fresh()
        daemon = self.daemon_of(servers, api="10/h")
        first, second = servers.primaries()[:2]
        key, = servers.keys("api", 1, first)
        with daemon.conn() as conn:
            conn.check("api", key, cost=10)
            name, = (name for name in first.ask("KEYS", "*") if "{api:" in name)
            servers.move(first.ask("CLUSTER", "KEYSLOT", name), second)
            self.assertEqual(conn.command("CLEAR", "api", key), 10)
            self.assertEqual(conn.check("api", key, cost=10).allowed, 1)
        self.assertEqual(daemon.info()["windows_lost"], "0")


if __name__ == "__main__":
    harness.main()
