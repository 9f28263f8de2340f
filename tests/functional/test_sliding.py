"""Sliding windows: docs/algorithms.md."""

import bisect
import collections
import time

import harness
from support.lasting_case import LastingCase

KEY = "rategate:{api:}:1h:log"


def sliding(limit, **more):
    return {"algorithm": "sliding-window", "limit": limit, **more}


def most_in_a_period(asked, seconds, cost=1):
    """Of the permits that were asked for and told of within some interval of a period, all of which were
    spent in it."""
    allowed = sorted((one.got, one.sent) for one in asked if one.decision and one.decision.allowed)
    told = [got for got, _ in allowed]
    most = 0
    for _, begin in allowed:
        until = bisect.bisect_right(told, begin + seconds)
        most = max(most, sum(sent >= begin for _, sent in allowed[:until]))
    return cost * most


def of_asked(asked, limit, seconds):
    """What a window would have given to those who asked: on a busy machine they ask for less than it
    has. The last period counts as far as it was begun with."""
    given = collections.deque()
    total = 0
    for one in sorted(asked, key=lambda one: one.got):
        while given and given[0] <= one.got - seconds:
            given.popleft()
        if len(given) < limit:
            given.append(one.got)
            total += 1
    return total


class Sliding(LastingCase):
    def assert_given_out(self, asked, limit, seconds, part):
        allowed = sum(one.decision.allowed for one in asked if one.decision)
        self.assertGreater(allowed, part * of_asked(asked, limit, seconds))

    def test_hosts_keep_the_limit_in_every_period(self):
        for limit, mode in ((60, "exact"), (300, "exact"), (300, "lease"), (300, "auto")):
            with self.subTest(limit=limit, mode=mode):
                server = self.redis()
                limits = {"api": sliding(f"{limit}/s", mode=mode)}
                daemons = [self.daemon(server, limits=limits) for _ in range(3)]
                asked = self.load_for(4, daemons, callers=2, pause=0.002)
                self.assertLessEqual(most_in_a_period(asked, 1), limit)
                self.assert_given_out(asked, limit, 1, 0.8)

    def test_a_memory_store_does_the_same(self):
        for mode in ("exact", "lease"):
            with self.subTest(mode=mode):
                daemon = self.daemon(None, limits={"api": sliding("200/s", mode=mode)})
                asked = self.load_for(3, [daemon], callers=2, pause=0.002)
                self.assertLessEqual(most_in_a_period(asked, 1), 200)
                self.assert_given_out(asked, 200, 1, 0.9)

    def test_what_a_decision_says(self):
        for store in (self.redis(), None):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"api": sliding("3/h")})
                with daemon.conn() as conn:
                    told = [conn.check("api") for _ in range(4)]
                    self.assertEqual([(t.allowed, t.limit, t.remaining, t.reason) for t in told],
                                     [(1, 3, 2, 0), (1, 3, 1, 0), (1, 3, 0, 0), (0, 3, 0, 1)])
                    for one in told:
                        self.assertAlmostEqual(one.reset_after_ms, 3_600_000, delta=15_000)
                    self.assertAlmostEqual(told[3].retry_after_ms, 3_600_000, delta=15_000)
                    self.assertEqual(conn.check("api", cost=4).reason, harness.NEVER_FITS)

    def test_who_waits_as_long_as_it_was_told_is_allowed(self):
        daemon = self.daemon(self.redis(), limits={"api": sliding("2/200ms")})
        with daemon.conn() as conn:
            def denied():
                told = conn.check("api")
                return None if told.allowed else told

            for _ in range(6):
                # A slow machine may need a period for two checks, which are allowed then.
                told = harness.wait_until(denied, 20, "a denial")
                at = time.monotonic() + told.retry_after_ms / 1000
                harness.wait_until(lambda until=at: time.monotonic() >= until, 5, "the moment")
                self.assertEqual(conn.check("api").allowed, 1)

    def test_the_key_lives_as_long_as_something_counts(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": sliding("10/h")})
        self.assertEqual(daemon.check("api", cost=7).allowed, 1)
        text = server.db.get(KEY)
        self.assertRegex(text, r"^7 \d{16} 0 \d{13}:7$")
        over_ms = int(text.split()[-1].split(":")[0]) + 3_600_000
        before, left_ms, after = server.now_ms(), server.db.pttl(KEY), server.now_ms()
        self.assertGreaterEqual(after + left_ms, over_ms + 1000 - 2)
        self.assertLessEqual(before + left_ms, over_ms + 1100)

    def test_a_store_that_lost_everything_gives_no_second_window(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": sliding("100/2s", mode=mode)},
                               redis_settings={"backoff_max": "100ms"})
                   for mode in ("exact", "lease")]

        def lose():
            at = time.monotonic() + 1.2
            harness.wait_until(lambda: time.monotonic() > at, 5, "the window is spent")
            server.kill9()
            server.restart()
        asked = self.load_for(6, daemons, between=lose, callers=2, pause=0.004)
        self.assertLessEqual(most_in_a_period(asked, 2), 100)
        allowed = sum(one.decision.allowed for one in asked if one.decision)
        self.assertGreaterEqual(allowed, 180)

    def test_a_key_that_is_deleted_or_lowered_by_hand_is_missed_by_who_knew_it(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": sliding("5/h")})
        self.assertEqual(daemon.check("api", cost=3).allowed, 1)
        server.db.delete(KEY)
        denied = daemon.check("api")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.OVER_LIMIT))
        self.assertRegex(server.db.get(KEY), r"^5 \d{16} 0 \d{13}:5$")
        server.db.set(KEY, "0 1 0", px=10_000_000)
        self.assertEqual(self.daemon(server, limits={"api": sliding("5/h")}).check("api").allowed, 1)

    def test_a_spoilt_key_is_answered_by_policy(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": sliding("10/h"), "other": sliding("10/h")})
        for text in ("17", "1 1 0 5:x", "10 10 0", "3 3 0 1900000000000:5",
                     "5 5 0 1800000000000:2 7 1800000000001:3"):
            with self.subTest(text=text):
                server.db.set(KEY, text)
                self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
                self.assertEqual(daemon.check("other").reason, harness.COUNTED)
        daemon.wait_log("counter_spoilt")

    def test_a_reload_goes_on_with_the_log_or_begins_one_that_is_used_up(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": sliding("10/h")})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api", cost=6).allowed, 1)

            def reload(**settings):
                daemon.tables["limits"]["api"] = settings
                daemon.write_config()
                daemon.reload()
            reload(**sliding("8/h"))
            self.assertEqual(conn.check("api").remaining, 1)
            reload(**sliding("8/1500ms"))
            moved = conn.check("api")
            self.assertEqual((moved.allowed, moved.reason), (0, harness.OVER_LIMIT))
            harness.wait_until(lambda: conn.check("api").allowed, 10, "the end of the period")

    def test_while_the_store_is_away(self):
        self.assert_policies_while_away(lambda **more: sliding("10/s", **more))


class Verbs(harness.Case):
    """What calls may say of them."""

    def stores(self, **limits):
        """A daemon of each store."""
        limits = limits or {"api": sliding("10/h", mode="exact")}
        for store in (self.redis(), None):
            with self.daemon(store, limits=limits).conn() as conn:
                yield conn

    def told(self, conn, *words):
        """The map of CHECKX."""
        answer = conn.command("CHECKX", *words)
        return {name.decode(): value for name, value in zip(answer[::2], answer[1::2])}

    def test_peek_and_checkx(self):
        for conn in self.stores():
            told = self.told(conn, "api", "COST", "4")
            self.assertEqual((told["algorithm"], told["remaining"], told["limit"]),
                             (b"sliding-window", 6, 10))
            self.assertGreater(told["receipt"], 0)
            self.assertEqual(conn.command("PEEK", "api", "COST", "7")[0], 0)
            self.assertEqual(conn.command("PEEK", "api", "COST", "6")[0], 1)

    def test_what_was_not_used_comes_back(self):
        for conn in self.stores(api=sliding("10/h", mode="exact", settle="store")):
            receipt = self.told(conn, "api", "COST", "8")["receipt"]
            settle = ("SETTLE", "api", "AT", receipt)
            self.assertEqual(conn.command(*settle, "TOOK", "8", "USED", "3"), 5)
            harness.wait_until(lambda c=conn: c.command("PEEK", "api", "COST", "7")[0], 5, "them")
            self.assertEqual(conn.command(*settle, "TOOK", "0", "USED", "2"), -2)
            harness.wait_until(lambda c=conn: not c.command("PEEK", "api", "COST", "6")[0], 5,
                               "a charge")

    def test_clear(self):
        for conn in self.stores():
            self.assertEqual(conn.check("api", cost=9).allowed, 1)
            self.assertEqual(conn.command("CLEAR", "api"), 9)
            self.assertEqual(conn.check("api", cost=10).allowed, 1)
            self.assertEqual(conn.check("api").allowed, 0)

    def test_acquire_waits_until_permits_come_back(self):
        for conn in self.stores(api=sliding("2/500ms")):
            self.assertEqual(conn.check("api", cost=2).allowed, 1)
            began = time.monotonic()
            told = conn.command("ACQUIRE", "api", "COST", "2", "TIMEOUT", "5000")
            self.assertEqual(told[0], 1)
            self.assertGreater(time.monotonic() - began, 0.45)

    def test_a_combined_check(self):
        for conn in self.stores(
                total=sliding("5/h", mode="exact"),
                each=sliding("3/h", mode="exact", parent="total", parent_key="none")):
            self.assertEqual([conn.check("each", "a").allowed for _ in range(4)], [1, 1, 1, 0])
            self.assertEqual([conn.check("each", "b").allowed for _ in range(4)], [1, 1, 0, 0])


class Configuration(harness.Case):
    def test_what_is_refused(self):
        for more, error in (
                ({"burst": 5}, "burst of limit 'api': "
                 'expected it only with algorithm = "gcra"'),
                ({"redis_key": "x:%n:%k:%p:%w"}, "redis_key of limit 'api': expected no %w in it: "
                                                 "a sliding window begins anytime"),
                ({"redis_key": "x:%n:%k"}, "redis_key of limit 'api': expected %p in it: a log is "
                                          "of one period"),
                ({"spread": 2}, "spread of limit 'api': "
                 'expected it only with algorithm = "fixed-window"'),
                ({"on_store_lost": "count"},
                 "on_store_lost of limit 'api': "
                 'expected it only with algorithm = "fixed-window"')):
            with self.subTest(more=more):
                daemon = self.daemon(None, limits={"api": sliding("10/h", **more)}, ready=False)
                self.assertNotEqual(daemon.wait_exit(10), 0)
                self.assertIn(error, daemon.log_text())


if __name__ == "__main__":
    harness.main()
