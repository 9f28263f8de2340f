"""What the daemon does to a counter in Redis, one rule at a time. The mutants' test runs these."""

import harness

HOUR = 3_600_000


class Counter(harness.Case):
    def setUp(self):
        self.server = self.redis(keys=["t:*", "bad:*"])

    def start(self, limit, server=None, **redis_settings):
        """A daemon with one limit, api, counted in t:<window>; the counter's name."""
        daemon = self.daemon(server or self.server, redis_settings=redis_settings,
                             limits={"api": {"limit": limit, "period": "1h",
                                             "redis_key": "t:%w"}})
        # Ten seconds before the hour are left out.
        start = harness.wait_for_window(HOUR, self.server.now_ms, (0.0, 1 - 10_000 / HOUR))
        return daemon, f"t:{start // 1000}", start + HOUR

    def test_allows_the_limit_and_no_more(self):
        daemon, counter, _ = self.start(5)
        with daemon.conn() as conn:
            decisions = [conn.check("api") for _ in range(12)]
        self.assertEqual([d.allowed for d in decisions], [1] * 5 + [0] * 7)
        self.assertEqual([d.remaining for d in decisions], [4, 3, 2, 1, 0] + [0] * 7)
        self.assertEqual({d.reason for d in decisions[:5]}, {harness.COUNTED})
        self.assertEqual({d.reason for d in decisions[5:]}, {harness.OVER_LIMIT})
        self.assertEqual(self.server.db.get(counter), "5")

    def test_allows_the_limit_to_those_who_ask_at_once(self):
        daemon, counter, _ = self.start(5)
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "api")] * 12)
        self.assertEqual([harness.decision(r).allowed for r in replies], [1] * 5 + [0] * 7)
        self.assertEqual(self.server.db.get(counter), "5")

    def test_retry_and_reset_say_when_the_window_ends(self):
        daemon, _, end = self.start(1)
        before = self.server.now_ms()
        allowed, denied = daemon.check("api"), daemon.check("api")
        after = self.server.now_ms()
        self.assertEqual((allowed.limit, allowed.allowed, allowed.retry_after_ms), (1, 1, 0))
        self.assertEqual((denied.allowed, denied.remaining), (0, 0))
        for wait in (allowed.reset_after_ms, denied.reset_after_ms, denied.retry_after_ms):
            # Rounded up, and later by no more than the clock's error and its drift till then.
            self.assertGreaterEqual(wait, end - after)
            self.assertLessEqual(wait, (end - before) * 1.002 + 100)

    def test_a_denied_window_is_remembered(self):
        daemon, counter, _ = self.start(3)
        with daemon.conn() as conn:
            for _ in range(4):
                conn.check("api")
            calls = self.server.db.info("stats")["total_commands_processed"]
            self.assertEqual({conn.check("api").allowed for _ in range(200)}, {0})
        now = self.server.db.info("stats")["total_commands_processed"]
        self.assertLess(now - calls, 50)
        self.assertEqual(self.server.db.get(counter), "3")

    def test_every_key_has_its_counter(self):
        daemon = self.daemon(self.server, limits={"api": "2/h", "web": "1/h"})
        keys = [None, "", "a", "b", b"\x00\xff \r\n", "a:b", "%61", "x" * 512]
        with daemon.conn() as conn:
            # No key is the empty key.
            self.assertEqual([conn.check("api", key).allowed for key in keys], [1] * len(keys))
            self.assertEqual([conn.check("api", key).allowed for key in keys],
                             [0, 0] + [1] * (len(keys) - 2))
            self.assertEqual([conn.check("web", key).allowed for key in keys],
                             [1, 0] + [1] * (len(keys) - 2))
        self.assertEqual(sum(self.server.counters("rategate:{api:*").values()), 14)
        self.assertEqual(len(self.server.db.keys("rategate:{web:*")), 7)
        start = self.server.now_ms() // HOUR * HOUR // 1000
        self.assertEqual(self.server.db.get(f"rategate:{{api:a%3Ab}}:1h:{start}"), "2")

    def test_the_counter_expires(self):
        daemon, counter, end = self.start(5)
        daemon.check("api")
        expires = self.server.now_ms() + self.server.db.pttl(counter)
        self.assertGreater(self.server.db.pttl(counter), 0)
        self.assertGreaterEqual(expires, end + 100)
        self.assertLessEqual(expires, end + 5000)

    def test_an_expiry_inside_the_window_is_raised(self):
        daemon, counter, end = self.start(5)
        self.server.db.set(counter, 2, px=8000)
        self.assertEqual(daemon.check("api").remaining, 2)
        self.assertGreaterEqual(self.server.now_ms() + self.server.db.pttl(counter), end)

    def test_a_counter_above_the_limit_is_left_alone(self):
        daemon, counter, _ = self.start(5)
        self.server.db.set(counter, 9)
        with daemon.conn() as conn:  # in one call of the script
            replies = conn.pipeline([harness.check_words("api", cost=n) for n in (5, 1, 4, 1, 2)])
        self.assertEqual([harness.decision(r).allowed for r in replies], [0] * 5)
        for _ in range(3):
            decision = daemon.check("api")
            self.assertEqual((decision.allowed, decision.remaining, decision.reason),
                             (0, 0, harness.OVER_LIMIT))
        self.assertEqual(self.server.db.get(counter), "9")

    def test_a_denied_cost_takes_nothing(self):
        daemon, counter, _ = self.start(8)
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api", cost=5).allowed, 1)
            denied = conn.check("api", cost=5)
            self.assertEqual((denied.allowed, denied.reason), (0, harness.OVER_LIMIT))
            self.assertEqual(self.server.db.get(counter), "5")
            self.assertEqual(conn.check("api", cost=3).allowed, 1)
        self.assertEqual(self.server.db.get(counter), "8")

    def test_smaller_costs_pass_one_that_does_not_fit(self):
        daemon, counter, _ = self.start(10)
        self.server.db.set(counter, 7)
        with daemon.conn() as conn:
            replies = conn.pipeline([harness.check_words("api", cost=n) for n in (5, 1, 1, 2, 1)])
        self.assertEqual([harness.decision(r).allowed for r in replies], [0, 1, 1, 0, 1])
        self.assertEqual(self.server.db.get(counter), "10")

    def test_a_cost_that_can_never_fit(self):
        daemon, counter, _ = self.start(5)
        decision = daemon.check("api", cost=6)
        self.assertEqual((decision.allowed, decision.reason, decision.retry_after_ms),
                         (0, harness.NEVER_FITS, -1))
        self.assertIsNone(self.server.db.get(counter))

    def test_flushed_scripts_grant_nothing_by_themselves(self):
        daemon, counter, _ = self.start(5)
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api").allowed, 1)
            allowed = 1
            for _ in range(6):
                self.server.db.script_flush()
                allowed += conn.check("api").allowed
        self.assertEqual(allowed, 5)
        self.assertEqual(self.server.db.get(counter), "5")

    def test_a_counter_that_is_none_harms_only_its_limit(self):
        daemon = self.daemon(self.server, limits={
            "bad": {"limit": 5, "period": "1h", "redis_key": "bad:%w"}, "good": "5/h"})
        start = self.server.now_ms() // HOUR * HOUR // 1000
        self.server.db.rpush(f"bad:{start}", "x")
        with daemon.conn() as conn:
            bad = conn.command("CHECK", "bad")
            self.assertEqual(conn.check("good").allowed, 1)
            bad_again = conn.command("CHECK", "bad")
            self.assertEqual(conn.check("good").allowed, 1)
        for reply in (bad, bad_again):
            self.assertTrue(isinstance(reply, harness.RespError) or
                            harness.decision(reply)[0::5] == (0, harness.STORE_AWAY), reply)

    def test_answers_keep_the_order_of_the_requests(self):
        daemon, _, _ = self.start(1000)
        requests, expected = [], []
        for n in range(300):
            requests += [("CHECK", "api", f"key{n}"), ("ECHO", f"e{n}"), ("CHECK", "nowhere"),
                         ("CHECK", "api", "COST", 2000)]
            expected += [(1, harness.COUNTED), f"e{n}".encode(), "NOLIMIT",
                         (0, harness.NEVER_FITS)]
        with daemon.conn() as conn:
            replies = conn.pipeline(requests)
        for reply, wanted in zip(replies, expected):
            if isinstance(wanted, tuple):
                decision = harness.decision(reply)
                self.assertEqual((decision.allowed, decision.reason), wanted)
            elif wanted == "NOLIMIT":
                self.assertTrue(str(reply).startswith("NOLIMIT "), reply)
            else:
                self.assertEqual(reply, wanted)

    def test_two_daemons_and_two_numbers_share_one_counter(self):
        small, counter, _ = self.start(5)
        large, _, _ = self.start(8)
        self.assertEqual([small.check("api").allowed for _ in range(4)], [1] * 4)
        self.assertEqual([large.check("api").allowed for _ in range(5)], [1, 1, 1, 1, 0])
        self.assertEqual(small.check("api").allowed, 0)
        self.assertEqual(self.server.db.get(counter), "8")

    def test_the_recipes_counter_by_declaration(self):
        daemon = self.daemon(self.server, limits={})
        start = self.server.wait_for_window(1000, (0.02, 0.5)) // 1000
        self.assertEqual(daemon.check("rate-limit", permits=100, period="1s").allowed, 1)
        self.assertEqual(list(self.server.counters()), [f"rate-limit:{start}"])


class LateReply(harness.Case):
    PERIOD_MS = 200

    def test_grants_nothing_once_its_window_is_over(self):
        server = self.redis(keys=["t:*"])
        proxy = self.proxy(server)
        daemon = self.daemon(proxy, redis_settings={"command_timeout": "2s"}, limits={
            "api": {"limit": 100, "period": f"{self.PERIOD_MS}ms", "redis_key": "t:%w",
                    "mode": "exact"}})
        with daemon.conn() as conn:
            harness.wait_until(lambda: conn.check("api").allowed, 10, "the clock")
            proxy.hold_replies()
            conn.send(harness.encode("CHECK", "api"))
            harness.wait_until(proxy.held_replies, 5, "the script's answer")
            window = server.now_ms() // self.PERIOD_MS
            harness.wait_until(lambda: server.now_ms() // self.PERIOD_MS > window + 1, 5,
                               "the window's end")
            # It may ask again for the window that is open now; that answer is held, too, so that
            # nothing but the late one could allow this check.
            proxy.release_replies()
            decision = harness.decision(conn.read())
            self.assertEqual((decision.allowed, decision.reason), (0, harness.STORE_AWAY))


if __name__ == "__main__":
    harness.main()
