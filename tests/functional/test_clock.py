"""Windows are Redis' own, whatever the hosts' clocks say."""

import time

import harness
from support import env, segment

SHIFT_MS = 180_300  # three minutes, and not a whole number of any period here


class Clock(harness.Case):
    PERIOD_MS = 2000
    LIMITS = {"api": {"limit": 10, "period": "2s", "redis_key": "t:%w"}}

    def holds(self, server, *daemons):
        """Three windows in a row: each counter is the store's, and holds what was allowed."""
        conns = [self.conn(daemon) for daemon in daemons]
        for conn in conns:
            self.assertEqual(conn.check("api").reason, harness.COUNTED)
        start = server.now_ms() // self.PERIOD_MS * self.PERIOD_MS
        for _ in range(3):
            start += self.PERIOD_MS
            harness.wait_until(lambda now=start: server.now_ms() >= now + 50, 5, "a new window")
            decisions = [conns[n % len(conns)].check("api") for n in range(16)]
            now = server.now_ms()
            self.assertLess(now, start + self.PERIOD_MS, "this machine is too slow for the test")
            self.assertEqual([d.allowed for d in decisions], [1] * 10 + [0] * 6)
            # Who waits as long as told is in the next window, and does not wait long for it.
            waits = [d.reset_after_ms for d in decisions]
            self.assertGreaterEqual(min(waits), start + self.PERIOD_MS - now)
            self.assertLessEqual(max(waits), self.PERIOD_MS)
            counters = server.counters()
            self.assertEqual(counters[f"t:{start // 1000}"], 10)
            self.assertTrue(all(abs(int(name[2:]) * 1000 - now) < 20_000 for name in counters),
                            counters)

    def test_a_redis_that_is_ahead(self):
        server = self.redis(shift_ms=SHIFT_MS, keys=["t:*"])
        self.holds(server, self.daemon(server, limits=self.LIMITS))

    def test_a_redis_that_is_behind(self):
        server = self.redis(shift_ms=-SHIFT_MS, keys=["t:*"])
        self.holds(server, self.daemon(server, limits=self.LIMITS))

    def test_a_host_that_is_ahead(self):
        server = self.redis(keys=["t:*"])
        self.holds(server, self.daemon(server, limits=self.LIMITS, shift_ms=SHIFT_MS))

    def test_a_host_that_is_behind(self):
        server = self.redis(keys=["t:*"])
        self.holds(server, self.daemon(server, limits=self.LIMITS, shift_ms=-SHIFT_MS))

    def test_hosts_that_agree_on_nothing(self):
        server = self.redis(shift_ms=-SHIFT_MS, keys=["t:*"])
        self.holds(server, self.daemon(server, limits=self.LIMITS, shift_ms=SHIFT_MS),
                   self.daemon(server, limits=self.LIMITS, shift_ms=-SHIFT_MS // 2),
                   self.daemon(server, limits=self.LIMITS, monotonic_shift_ms=86_400_000))

    def test_a_host_that_was_suspended(self):
        """CLOCK_MONOTONIC stood still. The daemon's clock went on, so that it has the right time at
        once; what it tells the clients, who read the other one, is told anew by its next turn."""
        suspended = 5.3
        server = self.redis(keys=["t:*"])
        clock = env.SteppingClock(self.tmp())
        self.addCleanup(clock.close)
        daemon = self.daemon(server, limits=self.LIMITS, env_more=clock.environ())
        shared = segment.Segment(daemon.socket)
        self.addCleanup(shared.close)

        def store_ns():
            """By the clock record and CLOCK_MONOTONIC, as it is after the suspension."""
            return (shared.number(segment.OFFSET_NS, "q") + time.monotonic_ns()
                    - int(suspended * 1e9))
        harness.wait_until(lambda: shared.number(segment.UNTIL_NS) > 0, 5, "a clock")
        offset = daemon.info("store")["clock_offset_us"]
        daemon.stop()
        clock.step(monotonic_ms=-int(suspended * 1000))
        self.assertGreater(server.now_ms() * 1e6 - store_ns(), 5e9)
        daemon.cont()
        self.assertEqual(daemon.info("store")["clock_offset_us"][:-4], offset[:-4])
        self.assertLess(abs(server.now_ms() * 1e6 - store_ns()), 2e8)
        self.assertLess(shared.number(segment.MEASURED_NS, "q"), time.monotonic_ns() - 5e9)
        self.holds(server, daemon)
        self.assertNotIn("clock_stepped", daemon.log_text())

    def test_a_round_trip_too_long_for_the_period_is_refused(self):
        """100 ms cannot be told apart over a store that takes 120 ms to say what time it is."""
        server = self.redis(keys=["t:*"])
        between = self.proxy(server)
        between.delay(0.12)
        daemon = self.daemon(between, limits={"short": "10/100ms", "long": "10/5s"},
                             redis_settings={"command_timeout": "2s", "connect_timeout": "2s"})
        with daemon.conn() as conn:
            decision = conn.check("short")
            self.assertEqual((decision.allowed, decision.reason), (0, harness.CLOCK_NOT_TRUSTED))
            self.assertGreater(decision.retry_after_ms, 0)
            self.assertEqual(conn.check("long").reason, harness.COUNTED)

    def test_max_error_refuses_a_clock_that_is_known_too_badly(self):
        server = self.redis(keys=["t:*"])
        between = self.proxy(server)
        between.delay(0.06)
        daemon = self.daemon(between, limits={"api": "10/5s"}, clock={"max_error": "20ms"},
                             redis_settings={"command_timeout": "2s", "connect_timeout": "2s"})
        self.assertEqual(daemon.check("api").reason, harness.CLOCK_NOT_TRUSTED)
        between.release()
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 10,
                           "a better measurement")


if __name__ == "__main__":
    harness.main()
