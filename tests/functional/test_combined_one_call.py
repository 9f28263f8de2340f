"""Several limits in one decision that the store makes by one call of its script: docs/combined.md."""

import threading

import harness
from support.buckets import bucket
from support.combined_case import Combined, check_all, told


class OneCall(Combined):
    """Exact windows of one name, which the store decides by one call."""

    LOGIN = {"limit": ["5/d", "100/2d"], "mode": "exact"}
    ONE = {"limit": "1/d", "mode": "exact", "redis_key": "rategate:{pair}:%n:%k:%p:%w"}
    WRITES = ("set", "incrby", "decrby")  # an expiry may be raised by a millisecond, once

    def calls(self, server, *names):
        stats = server.db.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names)

    def holds(self, server, permits):
        self.assertEqual(self.counted(server), {f"rategate:{{login:}}:{period}": permits
                                                for period in ("1d", "2d")})

    def test_who_is_denied_has_written_nothing(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"login": self.LOGIN})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("login", cost=4).allowed, 1)
            before = self.calls(server, "eval", "evalsha")
            written = self.calls(server, *self.WRITES)
            for _ in range(30):  # one is left, so that each asks the store
                denied = conn.check("login", cost=2)
                self.assertEqual((denied.allowed, denied.reason, denied.limit, denied.remaining),
                                 (0, harness.OVER_LIMIT, 5, 1))
            self.assertEqual(self.calls(server, *self.WRITES), written)
            self.assertLessEqual(self.calls(server, "eval", "evalsha") - before, 31)
            self.holds(server, 4)
            self.assertEqual(conn.check("login").allowed, 1)
        self.holds(server, 5)

    def test_those_that_come_together_are_one_call(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits={"login": self.LOGIN})
            before = 0 if store is None else self.calls(store, "eval", "evalsha")
            with daemon.conn() as conn:
                conn.send(b"CHECK login\r\n" * 50)
                got = [conn.read()[0] for _ in range(50)]
            self.assertEqual(got, [1] * 5 + [0] * 45)
            if store is not None:
                self.holds(store, 5)
                # The connection's first bytes may come in parts.
                self.assertLess(self.calls(store, "eval", "evalsha") - before, 10)

    def test_the_last_permit_of_all_goes_to_exactly_one_host(self):
        """Whichever of them each asks for first."""
        server = self.redis()
        hosts = [self.daemon(server, limits={"a": self.ONE, "b": self.ONE}) for _ in range(2)]
        orders = (("a", "b"), ("b", "a"))
        keys = [f"key{n}" for n in range(200)]
        allowed = [None, None]

        def ask(host):
            first, second = orders[host]
            with hosts[host].conn() as conn:
                conn.send("".join(f"CHECKALL {first} {key} 1 {second} {key} 1\r\n"
                                  for key in keys).encode())
                allowed[host] = [conn.read()[0] for _ in keys]
        threads = [threading.Thread(target=ask, args=(host,)) for host in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([sum(of_key) for of_key in zip(*allowed)], [1] * len(keys))
        self.assertEqual(set(self.counted(server).values()), {1})

    def test_another_host_clears_it(self):
        server = self.redis()
        one, other = (self.daemon(server, limits={"login": self.LOGIN}) for _ in range(2))
        self.assertEqual(one.check("login", cost=3).allowed, 1)
        with other.conn() as conn:
            self.assertEqual(conn.command("CLEAR", "login"), 6)
        self.assertEqual(one.check("login", cost=4).allowed, 1)
        self.holds(server, 4)
        self.assertEqual(one.check("login", cost=2).allowed, 0)
        self.assertEqual(other.check("login").allowed, 1)
        self.holds(server, 5)

    def test_a_store_that_has_lost_its_counters(self):
        """What was taken is told, and counted on; no more is allowed in all."""
        server = self.redis()
        daemon = self.daemon(server, limits={"login": self.LOGIN})
        self.assertEqual(daemon.check("login", cost=3).allowed, 1)
        server.db.flushall()
        for _ in range(2):
            harness.wait_until(lambda: daemon.check("login").allowed == 1, 20, "one more")
        denied = daemon.check("login")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.OVER_LIMIT))
        self.holds(server, 5)

    def test_what_was_taken_comes_back(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"login": self.LOGIN})
        with daemon.conn() as conn:
            receipt = told(conn, "CHECKX", "login", "COST", "4")["receipt"]
            self.assertEqual(conn.command("REFUND", "login", "COST", "3", "AT", receipt), 3)
            self.assertEqual(conn.check("login", cost=4).allowed, 1)
        self.holds(server, 5)

    def test_all_kinds_of_limits_together(self):
        kinds = {"window": {"limit": "9/d", "mode": "exact", "redis_key": "rategate:{all}:%n:%p:%w"},
                 "bucket": {**bucket("1/h", 4), "mode": "exact", "redis_key": "rategate:{all}:%n"},
                 "log": {"limit": "3/h", "algorithm": "sliding-window", "mode": "exact",
                         "redis_key": "rategate:{all}:%n:%p"}}
        for store in self.each_store():
            daemon = self.daemon(store, limits=kinds)
            with daemon.conn() as conn:
                asked = [("bucket", "", 1), ("window", "", 2), ("log", "", 1)]
                got = [check_all(conn, *asked) for _ in range(4)]
                self.assertEqual([each.allowed for each in got], [1, 1, 1, 0])
                self.assertEqual(got[3].member, 2)
                # The bucket has kept what it had.
                self.assertEqual(conn.check("bucket").allowed, 1)
                self.assertEqual(conn.check("bucket").allowed, 0)
                self.assertEqual(conn.check("window", cost=3).allowed, 1)


if __name__ == "__main__":
    harness.main()
