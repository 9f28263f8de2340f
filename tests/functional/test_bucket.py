"""Token buckets, and CL.THROTTLE: docs/algorithms.md, docs/protocol.md."""

import time

import harness
from support.buckets import bucket, most_beyond, of_asked
from support.cluster_case import Cluster
from support.lasting_case import LastingCase

KEY = "rategate:{api:}:gcra"


class Bucket(LastingCase):
    def assert_held(self, asked, burst, per_second):
        # The clocks of Redis and of Python are the same one, told to a microsecond.
        self.assertLessEqual(most_beyond(asked, burst, per_second), 0.001)

    def test_three_hosts_share_one_bucket(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": bucket("100/s", 50)},
                               redis_settings={"command_timeout": "5s"})  # a busy machine
                   for _ in range(3)]
        loads = [harness.Load(daemon, callers=2, pause=0.001) for daemon in daemons]
        started = time.time()
        harness.wait_until(lambda: time.time() > started + 4, 10, "the end")
        for load in loads:
            load.stop()
        asked = [one for load in loads for one in load.asked()]
        self.assertEqual([one for one in asked if one.error], [])
        self.assert_held(asked, 50, 100)
        allowed = sum(one.decision.allowed for one in asked)
        self.assertGreater(allowed, 0.9 * of_asked(asked, 50, 100))
        self.assertEqual({one.decision.reason for one in asked},
                         {harness.COUNTED, harness.OVER_LIMIT})

    def test_what_a_decision_says(self):
        for store in (self.redis(), None):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"api": bucket("1/h", 3)})
                with daemon.conn() as conn:
                    told = [conn.check("api") for _ in range(4)]
                    self.assertEqual([(t.allowed, t.limit, t.remaining, t.reason) for t in told],
                                     [(1, 1, 2, 0), (1, 1, 1, 0), (1, 1, 0, 0), (0, 1, 0, 1)])
                    for number, one in enumerate(told[:3], 1):
                        self.assertAlmostEqual(one.reset_after_ms, 3_600_000 * number, delta=15_000)
                    self.assertAlmostEqual(told[3].retry_after_ms, 3_600_000, delta=15_000)
                    never = conn.check("api", cost=4)
                    self.assertEqual((never.reason, never.retry_after_ms),
                                     (harness.NEVER_FITS, -1))

    def test_who_waits_as_long_as_it_was_told_is_allowed(self):
        daemon = self.daemon(self.redis(), limits={"api": bucket("20/s", 1)})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api").allowed, 1)
            for _ in range(10):
                denied = conn.check("api")
                self.assertEqual(denied.allowed, 0)
                at = time.monotonic() + denied.retry_after_ms / 1000
                harness.wait_until(lambda until=at: time.monotonic() >= until, 5, "the moment")
                self.assertEqual(conn.check("api").allowed, 1)

    def test_the_key_lives_until_the_bucket_is_full(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("10/s", 10)})
        self.assertEqual(daemon.check("api", cost=10).allowed, 1)
        text = server.db.get(KEY)
        self.assertRegex(text, r"^\d{16} 10 1 100000$")
        full_ms = int(text.split()[0]) / 1000 + 1000
        before, left_ms, after = server.now_ms(), server.db.pttl(KEY), server.now_ms()
        self.assertGreaterEqual(after + left_ms, full_ms)
        self.assertLessEqual(before + left_ms, full_ms + 1100)

    def test_a_store_that_lost_everything_gives_no_second_burst(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": bucket("20/s", 40)},
                               redis_settings={"backoff_max": "100ms"}) for _ in range(2)]
        loads = [harness.Load(daemon, callers=2, pause=0.002) for daemon in daemons]
        harness.wait_until(lambda: sum(load.allowed() for load in loads) >= 60, 15, "the burst")
        server.kill9()
        server.restart()
        before = sum(load.allowed() for load in loads)
        harness.wait_until(lambda: sum(load.allowed() for load in loads) >= before + 20, 15,
                           "permits that flow in")
        for load in loads:
            load.stop()
        self.assert_held([one for load in loads for one in load.asked()], 40, 20)

    def test_a_key_that_is_deleted_by_hand_is_missed_by_who_knew_it(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("1/h", 5)})
        self.assertEqual(daemon.check("api", cost=3).allowed, 1)
        server.db.delete(KEY)
        denied = daemon.check("api")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.OVER_LIMIT))
        self.assertRegex(server.db.get(KEY), r"^\d{16} 5 1 3600000000$")

    def test_a_key_that_is_lowered_by_hand_is_raised_by_who_knew_it(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("1/h", 5)})
        self.assertEqual(daemon.check("api", cost=3).allowed, 1)
        full_at, _, p, P = server.db.get(KEY).split()
        server.db.set(KEY, f"{full_at} 0 {p} {P}", px=10_000_000)
        self.assertEqual([daemon.check("api").allowed for _ in range(3)], [1, 1, 0])

    def test_a_bucket_of_a_clock_that_was_ahead_is_told_of_once(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("10/s", 5)})
        ahead = server.now_us() + 3_600_000_000
        for key in "abc":
            server.db.set(f"rategate:{{api:{key}}}:gcra", f"{ahead} 1 1 100000")
            self.assertEqual(daemon.check("api", key).reason, harness.OVER_LIMIT)
        line = daemon.wait_log(" bucket_ahead: ")
        self.assertRegex(line, r"counter=\S*api:a\S* ahead_ms=3[56]\d{5}\b")
        self.assertEqual(daemon.log_text().count(" bucket_ahead: "), 1)
        with daemon.conn() as conn:
            conn.command("CLEAR", "api", "a")
            self.assertEqual(conn.check("api", "a").allowed, 1)

    def test_a_spoilt_key_is_answered_by_policy(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("10/s", 5)})
        server.db.set(KEY, "17")
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        daemon.wait_log("counter_spoilt")
        self.assertEqual(server.db.get(KEY), "17")

    def test_a_reload_goes_on_with_the_bucket_or_begins_an_empty_one(self):
        server = self.redis(keys=["other:*"])
        daemon = self.daemon(server, limits={"api": bucket("1/h", 10)})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api", cost=6).allowed, 1)

            def reload(**settings):
                daemon.tables["limits"]["api"] = settings
                daemon.write_config()
                daemon.reload()
            reload(**bucket("1/h", 8))
            self.assertEqual(conn.check("api").remaining, 1)
            # As long until it is full: seven hours are fourteen permits at twice the rate.
            reload(**bucket("2/h", 20))
            self.assertEqual(conn.check("api").remaining, 5)
            reload(limit="1000/h")
            self.assertEqual(conn.check("api").reason, harness.STORE_AWAY)
            reload(**bucket("100/s", 50, redis_key="other:%n"))
            moved = conn.check("api", cost=50)
            self.assertEqual((moved.allowed, moved.reason), (0, harness.OVER_LIMIT))
            harness.wait_until(lambda: conn.check("api").allowed, 5, "a permit that flows in")

    def test_while_the_store_is_away(self):
        self.assert_policies_while_away(lambda **more: bucket("1000/s", 10, **more))


class Throttle(harness.Case):
    def ask(self, daemon, *words):
        with daemon.conn() as conn:
            return conn.command("CL.THROTTLE", *words)

    def test_one_after_another_and_in_a_pipeline(self):
        server = self.redis()
        daemons = [self.daemon(server) for _ in range(2)]
        call = ("a", 15, 30, 60)
        self.assertEqual(self.ask(daemons[0], *call), [0, 16, 15, -1, 2])
        self.assertEqual(self.ask(daemons[1], *call), [0, 16, 14, -1, 4])
        self.assertEqual(self.ask(daemons[1], *call, 0), [0, 16, 14, -1, 4])
        self.assertEqual(self.ask(daemons[0], *call, 17), [1, 16, 14, -1, 4])
        with daemons[0].conn() as conn:
            told = conn.pipeline([("CL.THROTTLE", *call)] * 16)
        self.assertEqual([one[:3] for one in told],
                         [[0, 16, 13 - n] for n in range(14)] + [[1, 16, 0]] * 2)
        self.assertRegex(server.db.get("rategate:{cell:a}"), r"^\d{16} 16 1 2000000$")

    def test_other_numbers_for_one_key(self):
        daemon = self.daemon(self.redis())
        self.assertEqual(self.ask(daemon, "a", 15, 30, 60, 16), [0, 16, 0, -1, 32])
        self.assertEqual(self.ask(daemon, "a", 1, 1, 1), [1, 2, 0, 31, 32])

    def test_a_deleted_key_that_is_made_anew_by_other_numbers(self):
        server = self.redis()
        daemon = self.daemon(server)
        large, small = ("a", 999, 3, 60), ("a", 0, 1, 1)
        self.assertEqual(self.ask(daemon, *large, 1000)[:3], [0, 1000, 0])
        server.db.delete("rategate:{cell:a}")
        self.ask(daemon, *small)
        self.assertEqual(self.ask(daemon, *large)[:3], [1, 1000, 0])
        # And what other numbers have taken is told at once.
        limited, _, _, retry_after, _ = self.ask(daemon, *small)
        self.assertEqual(limited, 1)
        self.assertGreater(retry_after, 19_000)

    def test_configured_limits_have_no_part_in_it(self):
        daemon = self.daemon(self.redis(), limits={"a": "1/h"})
        self.assertEqual([daemon.check("a").allowed for _ in range(2)], [1, 0])
        for left in (2, 1):
            self.assertEqual(self.ask(daemon, "a", 2, 1, 60)[:3], [0, 3, left])

    def test_where_no_call_may_declare_a_limit(self):
        daemon = self.daemon(self.redis(), server={"declared_limits": False})
        self.assertEqual(str(self.ask(daemon, "a", 2, 1, 60)),
                         "NOLIMIT no limit named 'cl.throttle' (declared_limits is off)")

    def test_while_the_store_is_away(self):
        server = self.redis()
        daemon = self.daemon(server)
        self.assertEqual(self.ask(daemon, "a", 2, 1, 60)[0], 0)
        server.kill9()
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")
        self.assertEqual(str(self.ask(daemon, "a", 2, 1, 60)),
                         "STOREDOWN the store is away, and limit 'cl.throttle' answers with an error")


class Failover(Cluster):
    def test_a_shard_that_is_replaced_gives_no_second_burst(self):
        servers = self.fresh()
        limits = {"api": bucket("1/s", 40)}
        taker, other = (self.rategated(servers, limits=limits) for _ in range(2))
        for daemon in (taker, other):
            self.wait_up(daemon)
        victim = servers.primaries()[0]
        key = servers.keys("api", 1, victim)[0]
        self.assertEqual(taker.check("api", key, cost=40).allowed, 1)
        servers.wait_calm()
        servers.empty_replica(victim)
        victim.kill9()
        servers.wait_replaced(victim, harness.slot_of("api", key))
        # Who asks now has never asked for that key.
        decided = (harness.COUNTED, harness.OVER_LIMIT)
        first = harness.wait_until(
            lambda: next((d for d in [other.check("api", key, cost=30)] if d.reason in decided),
                         None), 30, "a decision of the new primary")
        self.assertEqual(first.allowed, 0)
        harness.wait_until(lambda: other.check("api", key).allowed, 15, "a permit that flows in")


if __name__ == "__main__":
    harness.main()
