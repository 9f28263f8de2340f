"""PEEK, which takes nothing, and CHECKX, which tells all: docs/protocol.md."""

import harness
from support.buckets import bucket


def fields(reply):
    """The map that a flat array of RESP2 is."""
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2])}


def wait_away(daemon):
    harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")


def told_alone(daemon, *words):
    with daemon.conn() as conn:
        return fields(conn.command(*words))


class Peek(harness.Case):
    LIMITS = {"exact": {"limit": "10/h", "mode": "exact"},
              "leased": {"limit": "10/h", "mode": "lease"},
              "bucket": bucket("1/h", 10)}

    def test_nothing_is_taken_and_no_counter_is_made(self):
        server = self.redis()
        for store in (server, None):
            daemon = self.daemon(store, limits=self.LIMITS)
            for name in self.LIMITS:
                with self.subTest(limit=name, store=store), daemon.conn() as conn:
                    for _ in range(20):
                        told = conn.command("PEEK", name, "alice", "COST", "10")
                        self.assertEqual((told[0], told[2], told[5]), (1, 10, 0))
                    if store is not None:
                        self.assertEqual(server.db.keys(f"*{name}:alice*"), [])
                    self.assertEqual(conn.check(name, "alice", cost=7).allowed, 1)
                    self.assertEqual(conn.command("PEEK", name, "alice", "COST", "3")[0], 1)
                    self.assertEqual(conn.command("PEEK", name, "alice", "COST", "4")[0], 0)
                    # What it said is so.
                    self.assertEqual(conn.check(name, "alice", cost=4).allowed, 0)
                    self.assertEqual(conn.check(name, "alice", cost=3).allowed, 1)
            stats = daemon.info("stats")
            self.assertEqual((stats["peeks"], stats["checks"]), ("66", "9"))

    def test_a_bucket_that_is_full_is_full_in_no_time(self):
        for store in (self.redis(), None):
            daemon = self.daemon(store, limits={"bucket": bucket("1/h", 10, mode="exact")})
            with self.subTest(store=store), daemon.conn() as conn:
                for n in range(50):
                    self.assertEqual(conn.command("PEEK", "bucket", f"key{n}"), [1, 1, 10, 0, 0, 0])

    def test_another_host_sees_what_this_one_took(self):
        server = self.redis()
        one, other = (self.daemon(server, limits=self.LIMITS) for _ in range(2))
        for name in self.LIMITS:
            self.assertEqual(one.check(name, cost=10).allowed, 1)
            with other.conn() as conn:
                told = conn.command("PEEK", name)
                self.assertEqual((told[0], told[2], told[5]), (0, 0, harness.OVER_LIMIT))
                self.assertGreater(told[3], 0)

    def test_it_keeps_its_place_among_checks(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "3/h", "mode": "exact"}})
        with daemon.conn() as conn:
            conn.send(b"".join(b"%s api\r\n" % verb for verb in
                               (b"CHECK", b"PEEK", b"CHECK", b"CHECK", b"PEEK", b"CHECK")))
            self.assertEqual([conn.read()[0] for _ in range(6)], [1, 1, 1, 1, 0, 0])

    def test_while_the_store_is_away(self):
        server = self.redis()
        limits = {policy: {"limit": "10/s", "on_store_down": policy}
                  for policy in ("deny", "allow", "error")}
        daemon = self.daemon(server, limits=limits)
        server.kill9()
        wait_away(daemon)
        with daemon.conn() as conn:
            self.assertEqual(conn.command("PEEK", "deny")[0::5], [0, harness.STORE_AWAY])
            self.assertEqual(conn.command("PEEK", "allow")[0::5], [1, harness.STORE_AWAY])
            self.assertTrue(str(conn.command("PEEK", "error")).startswith("STOREDOWN"))


class Checkx(harness.Case):
    def test_it_is_a_check_and_says_who_has_decided(self):
        server = self.redis()
        limits = {"exact": {"limit": "2/h", "mode": "exact"}, "bucket": bucket("100/h", 2)}
        daemon = self.daemon(server, limits=limits)
        for name, per_period in (("exact", 2), ("bucket", 100)):
            with self.subTest(limit=name), daemon.conn() as conn:
                first, second, third = (fields(conn.command("CHECKX", name)) for _ in range(3))
                self.assertEqual([one["allowed"] for one in (first, second, third)], [1, 1, 0])
                self.assertEqual((first["rule"], first["limit"], first["burst"]),
                                 (name.encode(), per_period, 2))
                self.assertEqual(first["source"], b"store")
                self.assertEqual(third["reason"], harness.OVER_LIMIT)
                self.assertEqual(first["period_ms"], 3_600_000)
        self.assertEqual(told_alone(daemon, "CHECKX", "exact")["source"], b"host")
        server.kill9()
        wait_away(daemon)
        self.assertEqual(told_alone(daemon, "CHECKX", "bucket", "another")["source"], b"policy")

    def test_it_is_a_map_in_the_third_protocol(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "2/h", "mode": "exact"}})
        with daemon.conn() as conn:
            conn.command("HELLO", "3")
            told = conn.command("CHECKX", "api")  # it waits for the store, and so does this
            self.assertEqual(told["algorithm"], b"fixed-window")


if __name__ == "__main__":
    harness.main()
