"""EXPLAIN and PEEK of limits of concurrency, which say what ENTER would be told: docs/protocol.md."""

import itertools

import harness
from support.cluster_case import Cluster
from support.explain_case import Explain, concurrency


class Concurrency(Explain):
    """Whether an ENTER would be let in, and why. Nothing is taken, made or asked for."""

    FIELDS = ("known", "entered", "usable", "good_ms", "others", "share", "asked_in_ms",
              "restrained_ms")

    def enter(self, conn, *words, entered=1):
        reply = conn.command("ENTER", "work", *words)
        self.assertEqual(reply[0], entered, reply)
        return reply[-1]

    def peek(self, daemon, *words):
        with daemon.conn() as conn:
            reply = conn.command("PEEK", "work", *words)
        if isinstance(reply, harness.RespError):
            raise reply
        return reply

    def told(self, daemon, *words):
        """What is told, and by PEEK in the same way."""
        told, limit, counter = self.one(daemon, "work", *words)
        peeked = self.peek(daemon, *words)
        self.assertEqual([told[field] for field in ("allowed", "limit", "remaining", "reset_after_ms",
                                                    "reason")], peeked[:3] + peeked[4:])
        return told, limit, counter

    def test_a_counter_that_this_host_does_not_know(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"work": concurrency(3)})
        harness.wait_until(lambda: self.one(daemon, "work")[2]["clock"] == "good", 10, "its clock")
        before = int(daemon.info()["peeks"])
        for _ in range(10):
            told, limit, counter = self.told(daemon, "alice")
        self.assertEqual((told["verdict"], told["source"], told["remaining"], told["more"]),
                         ("allowed", "store", -1, None))
        self.assertEqual(told["why"], "allowed: nothing is entered on this host, which does not know how "
                                      "many of the 3 slots other hosts hold; the store is asked first")
        self.assertEqual(told["next"],
                         "known once somebody enters, as only then the store is asked")
        self.assertEqual((limit["algorithm"], limit["permits"], limit["period"], limit["period_ms"],
                          limit["mode"], limit["mode_why"], limit["key"]),
                         ("concurrency", 3, "2s", 2000, "hold", "concurrency", "alice"))
        self.assertEqual((counter["counter"], counter["left"], counter["store"], counter["clock"]),
                         ("rategate:{work:alice}:holds", None, "up", "good"))
        self.assertEqual([counter[field] for field in self.FIELDS],
                         [0, 0, 0, None, None, None, None, None])
        self.assertEqual(server.db.keys("*holds*"), [])
        stats = daemon.info()
        self.assertEqual(int(stats["peeks"]), before + 20)
        self.assertEqual([stats[field] for field in ("checks", "entries_allowed", "entries_denied",
                                                     "counters")], ["0"] * 4)

    def test_what_this_host_holds(self):
        for server in (self.redis(), None):
            with self.subTest(store="redis" if server else "memory"):
                daemon = self.daemon(server, limits={"work": concurrency(3, "60s")})
                conn = self.conn(daemon)
                self.enter(conn, "COST", 2)
                told, _, counter = self.told(daemon)
                self.assertEqual((told["verdict"], told["remaining"], told["more"]),
                                 ("allowed", 1, 1))
                self.assertEqual((counter["known"], counter["entered"], counter["kept"],
                                  counter["usable"], counter["others"], counter["left"]),
                                 (1, 2, 2, 2, 0, 1))
                self.assertTrue(0 < counter["good_ms"] <= 60_000, counter)
                self.assertTrue(0 <= counter["asked_in_ms"] <= 20_000, counter)
                self.assertTrue(0 <= counter["told_ms_ago"] < 20_000, counter)
                self.assertTrue(told["now_ms"] < counter["held_last_end_ms"], counter)
                self.assertEqual(told["why"],
                                 "allowed: 1 of 3 slots is free, as the store told last; this host "
                                 "does not hold enough of them, so the store is asked first")
                ticket = self.enter(conn)
                told, _, counter = self.told(daemon)
                self.assertEqual((told["verdict"], told["source"], told["reason"], told["more"]),
                                 ("denied", "host", harness.OVER_LIMIT, 0))
                self.assertEqual(told["why"], "denied: all 3 slots are entered on this host")
                self.assertRegex(told["next"], "^may be allowed as soon as somebody leaves, ")
                self.assertEqual((told["retry_after_ms"], told["changes_in_ms"]), (50, None))
                self.assertEqual((counter["state"], counter["left"]), ("exhausted", 0))
                self.enter(conn, entered=0)
                self.assertEqual(conn.command("LEAVE", ticket), 1)
                told, _, counter = self.told(daemon)
                self.assertEqual(told["remaining"], 1)
                # Unless it took so long that what was not used has gone back.
                self.assertRegex(told["why"], "^allowed: (this host holds 3 of 3 slots, and 2 are "
                                              "entered$|1 of 3 slots is free, )")
                self.assertRegex(told["next"], "^1 such entry can begin as it is now; the one after ")
                told, _, _ = self.told(daemon, "COST", 2)
                self.assertEqual(told["why"],
                                 "denied: 2 of 3 slots are entered on this host, and the cost of 2 "
                                 "is more than what is left")
                told, _, _ = self.told(daemon, "COST", 4)
                self.assertEqual((told["why"], told["retry_after_ms"], told["remaining"]),
                                 ("denied: a cost of 4 never fits: the limit is 3", -1, -1))

    def test_what_other_hosts_hold(self):
        server = self.redis()
        one, two = (self.daemon(server, limits={"work": concurrency(4, "60s")}) for _ in range(2))
        here, there = self.conn(one), self.conn(two)
        self.enter(there, "COST", 3)
        self.enter(here)
        told, _, counter = self.told(one)
        self.assertEqual((told["verdict"], counter["others"], counter["entered"], counter["left"]),
                         ("denied", 3, 1, 0))
        self.assertEqual(told["why"], "denied: 1 of 4 slots is entered on this host, and other hosts "
                                      "held 3 as the store told last")

    def test_who_waits(self):
        daemon = self.daemon(self.redis(), limits={"work": concurrency(1, "60s")})
        holder = self.conn(daemon)
        self.enter(holder)
        with daemon.conn() as first, daemon.conn() as second:
            for conn in (first, second):
                conn.send(b"ENTER work TIMEOUT 600000\r\n")
            harness.wait_until(lambda: self.one(daemon, "work")[2]["waiting"] == 2, 10, "two wait")
            told, _, counter = self.told(daemon)
            self.assertEqual((told["verdict"], counter["acquiring"]), ("denied", 2))
            self.assertEqual(told["why"],
                             "denied: the only slot is entered on this host; 2 wait in ENTER already")

    def test_a_share(self):
        """Another host needs more: nobody is let in above this one's share."""
        server = self.redis()
        one, two = (self.daemon(server, limits={"work": concurrency(4)}) for _ in range(2))
        here, there = self.conn(one), self.conn(two)
        tickets = [self.enter(here) for _ in range(4)]
        there.send(b"ENTER work COST 2 TIMEOUT 60000\r\n")
        harness.wait_until(lambda: self.one(one, "work")[2]["share"] == 2, 20, "its share")
        self.assertEqual(here.command("LEAVE", tickets.pop()), 1)
        harness.wait_until(lambda: self.one(one, "work")[2]["usable"] <= 3, 20, "what is left goes back")
        told, _, counter = self.told(one)
        self.assertEqual((told["verdict"], counter["entered"]), ("denied", 3))
        self.assertEqual(here.command("LEAVE", tickets.pop()), 1)
        self.assertEqual(there.read()[0], 1)

    def test_a_store_that_is_down(self):
        for policy, verdict in (("deny", "denied"), ("allow", "allowed"), ("error", "error")):
            with self.subTest(policy=policy):
                server = self.redis()
                daemon = self.daemon(server, limits={"work": concurrency(2, on_store_down=policy)})
                self.enter(self.conn(daemon))
                server.kill9()
                self.wait_away(daemon)
                told, _, counter = self.one(daemon, "work", "COST", "2")
                self.assertEqual((told["verdict"], told["source"], counter["store"]),
                                 (verdict, "policy", "away"))
                self.assertEqual(told["why"], f"{verdict}: the store cannot be reached, and the "
                                              f"limit's on_store_down is {policy}")
                self.assertIsNone(counter["asked_in_ms"])
                if policy == "error":
                    with self.assertRaisesRegex(harness.RespError, "^STOREDOWN the store is away"):
                        self.peek(daemon, "COST", 2)
                else:
                    self.assertEqual(self.peek(daemon, "COST", 2)[0], int(policy == "allow"))

    def test_a_store_that_lost_what_hosts_held(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"work": concurrency(4, "20s")})
        self.enter(self.conn(daemon))
        server.db.flushall()
        conn, keys = self.conn(daemon), itertools.count()

        def is_heard_of():
            conn.command("ENTER", "work", f"other {next(keys)}")
            return self.one(daemon, "work")[2]["restrained_ms"] is not None
        harness.wait_until(is_heard_of, 10, "the loss")
        told, _, counter = self.told(daemon, "COST", 3)
        self.assertEqual((told["verdict"], told["reason"], counter["state"]),
                         ("denied", harness.STORE_AWAY, "lost"))
        self.assertTrue(5_000 < counter["restrained_ms"] < 30_000, counter)
        # Nobody is told to come before.
        self.assertAlmostEqual(told["retry_after_ms"], counter["restrained_ms"], delta=100)
        denied = conn.command("ENTER", "work", "COST", 3)
        self.assertEqual(denied[0], 0)
        self.assertAlmostEqual(denied[3], counter["restrained_ms"], delta=2_000 * harness.SLOW)
        self.assertRegex(told["why"], "^denied: what hosts held may be lost, or is counted by another "
                                      r"name; until all of it is over, for another \d+ s, nobody ")

    def test_addresses_and_limits_that_are_not_there(self):
        daemon = self.daemon(self.redis(), limits={"work": concurrency(2, key="ip"),
                                                   "rate": {"limit": "5/s", "key": "ip"}})
        self.enter(self.conn(daemon), "2001:db8::1")
        _, limit, counter = self.told(daemon, "2001:db8::2")
        self.assertEqual((limit["key"], counter["entered"]), ("2001:db8::/64", 1))
        with self.assertRaisesRegex(harness.RespError, "^ERR '' is no IP address"):
            self.peek(daemon)
        with self.assertRaisesRegex(harness.RespError, "^ERR 'x' is no IP address"):
            self.explained(daemon, "work", "x")
        with daemon.conn() as conn:
            self.assertIn("limit 'rate' is no limit of concurrency", str(conn.command("ENTER", "rate")))
            self.assertIn("limit 'work' is one of concurrency", str(conn.command("CHECK", "work")))


class Shards(Explain, Cluster):
    def test_slots_have_one_counter_in_one_shard(self):
        servers = self.fresh()
        daemon = self.rategated(servers, limits={"work": concurrency(3, "60s")})
        self.wait_up(daemon)
        conn = self.conn(daemon)
        self.assertEqual(conn.command("ENTER", "work", "alice", "TIMEOUT", 10_000)[0], 1)
        told, _, counter = self.one(daemon, "work", "alice")
        self.assertEqual((told["verdict"], counter["entered"], counter["left"], counter["store"]),
                         ("allowed", 1, 2, "up"))
        self.assertIn(counter["shard"], range(len(servers.primaries())))


if __name__ == "__main__":
    harness.main()
