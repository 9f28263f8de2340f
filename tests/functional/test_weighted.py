"""Checks that cost many permits: what a host holds in its pool and what the counter has left are one
sum, and what is denied is charged nowhere."""

import subprocess

import harness
from support import env

MINUTE = 60_000
DAY = 24 * 3600_000


class OneHost(harness.Case):
    """A cost that fits beside what was allowed is never denied."""

    LIMITS = {"minute": "100000/min", "day": "1000000/day"}

    def over_redis(self):
        server = self.redis()
        return server, self.daemon(server, limits=self.LIMITS)

    def assert_all_can_be_had(self, conn):
        self.assertEqual(conn.check("minute", cost=30_000).allowed, 1)
        self.assertEqual(conn.check("minute", cost=60_000).allowed, 1)
        self.assertEqual(conn.check("day").allowed, 1)
        last = conn.check("day", cost=999_999)
        self.assertEqual((last.allowed, last.remaining), (1, 0))
        self.assertEqual(conn.check("day").allowed, 0)

    def test_over_redis(self):
        server, daemon = self.over_redis()
        server.wait_for_window(MINUTE, (0.0, 0.7))
        with daemon.conn() as conn:
            self.assert_all_can_be_had(conn)

    def test_with_the_memory_store(self):
        daemon = self.daemon(limits=self.LIMITS)
        self.redis().wait_for_window(MINUTE, (0.0, 0.7))
        with daemon.conn() as conn:
            self.assert_all_can_be_had(conn)

    def test_with_a_pool_in_use(self):
        """Single permits make leases, which the large cost then needs."""
        server, daemon = self.over_redis()
        server.wait_for_window(MINUTE, (0.0, 0.7))
        with daemon.conn() as conn:
            for _ in range(2000):
                self.assertEqual(conn.check("minute").allowed, 1)
            self.assertGreater(int(daemon.info("leases")["permits_held"]), 0)
            self.assertEqual(conn.check("minute", cost=98_000).allowed, 1)
            self.assertEqual(conn.check("minute").allowed, 0)

    def test_through_the_library(self):
        server, daemon = self.over_redis()
        server.wait_for_window(MINUTE, (0.0, 0.7))
        for cost, code in ((1, 0), (99_998, 0), (2, 1), (1, 0), (1, 1)):
            done = subprocess.run(
                [env.BIN_DIR / "rategate", "--socket", daemon.socket, "check", "minute", "--cost",
                 str(cost)], env=env.clean_environ(), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, code, done.stdout)


class TwoHosts(harness.Case):
    def setUp(self):
        self.server = self.redis()
        limits = {"hour": "5000/hour"}
        self.a, self.b = (self.daemon(self.server, limits=limits) for _ in range(2))

    def counter(self):
        (value,) = self.server.counters().values()
        return value

    def test_a_denied_cost_takes_nothing_from_another_host(self):
        self.server.wait_for_window(3600_000, (0.0, 0.99))
        with self.a.conn() as a, self.b.conn() as b:
            self.assertEqual(a.check("hour").allowed, 1)
            before = self.counter()
            self.assertLessEqual(before, 16)  # one, and what a cold key takes ahead
            for _ in range(10):
                self.assertEqual(a.check("hour", cost=5000).allowed, 0)
            self.assertEqual(self.counter(), before)
            self.assertEqual(b.check("hour", cost=2500).allowed, 1)
            self.assertEqual(b.check("hour", cost=2480).allowed, 1)

    def test_what_another_host_holds_is_its_own(self):
        """Nobody knows it, so that a denial may be for its sake; all of it is spent in the end."""
        self.server.wait_for_window(3600_000, (0.0, 0.99))
        with self.a.conn() as a, self.b.conn() as b:
            allowed = sum(a.check("hour").allowed for _ in range(2000))
            for cost in (1000, 100, 10, 1):
                while b.check("hour", cost=cost).allowed:
                    allowed += cost
            while a.check("hour").allowed:
                allowed += 1
            self.assertEqual(allowed, 5000)
            self.assertEqual(self.counter(), 5000)


if __name__ == "__main__":
    harness.main()
