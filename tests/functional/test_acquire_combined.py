"""ACQUIRE of limits with several windows, or with a parent: docs/waiting.md."""

import signal
import time

import harness
from support.acquirers import Acquirers, info, inversions, wait_acquiring


def windows(*rates, mode="exact", **more):
    return {"limit": list(rates), "mode": mode, **more}


class AcquireCombined(harness.Case):
    def acquirers(self):
        return self._owned(Acquirers())

    def daemon(self, redis=None, **more):
        """None of what waits is to be decided without the store, however busy the machine is."""
        if redis is not None:
            more.setdefault("redis_settings", {"command_timeout": "5s"})
        return super().daemon(redis, **more)

    def each_store(self):
        return (self.redis(), None)

    def assert_all_allowed(self, waiters):
        self.assertEqual([(one.number, one.reply) for one in waiters if not one.allowed], [])

    def test_all_windows_pay_once(self):
        """What waits for the short window is charged once to the long one."""
        for store in self.each_store():
            with self.subTest(store=store is not None):
                daemon = self.daemon(store, limits={"api": windows("2/300ms", "100/d")})
                conn = self.conn(daemon)
                for _ in range(9):
                    told = conn.command("ACQUIRE", "api", "TIMEOUT", "20000")
                    self.assertEqual((told[0], told[5]), (1, harness.COUNTED))
                self.assertEqual(conn.command("PEEK", "api", "COST", "92")[0], 0)
                self.assertEqual(info(conn, "clients")["acquiring"], "0")
                if store is not None:
                    held = [store.db.get(name) for name in store.db.keys("*:1d:*")
                            if not name.endswith(":c")]
                    self.assertEqual(held, ["9"])

    def test_60_in_the_order_of_arrival(self):
        for store in self.each_store():
            for mode in ("exact", "lease"):
                with self.subTest(store=store is not None, mode=mode):
                    limits = {"api": windows("10/200ms", "1000/d", mode=mode)}
                    daemon = self.daemon(store, limits=limits)
                    waiters = self.acquirers()
                    line = waiters.ask_in_order(daemon, 60, "api")
                    waiters.wait(line)
                    self.assert_all_allowed(line)
                    self.assertEqual(inversions(line), [])

    def test_a_large_cost_is_not_overtaken(self):
        daemon = self.daemon(self.redis(), limits={"api": windows("4/300ms", "1000/d")})
        waiters = self.acquirers()
        daemon.check("api", cost=4)
        line = []
        for cost in (4, 1, 4, 1, 1):
            line += waiters.ask_in_order(daemon, 1, "api", "COST", cost)
        waiters.wait(line)
        self.assert_all_allowed(line)
        self.assertEqual(inversions(line), [])

    def test_who_leaves_makes_room(self):
        daemon = self.daemon(self.redis(), limits={"api": windows("4/500ms", "20/d")})
        waiters = self.acquirers()
        daemon.check("api", "k", cost=4)
        line = waiters.ask_in_order(daemon, 4, "api", "k", "COST", 4, timeout_ms=60_000)
        for one in line[:2]:
            waiters.leave(one)
        waiters.wait(line)
        self.assert_all_allowed(line[2:])
        wait_acquiring(daemon, 0)
        # 4 and twice 4 of the day's 20, unless a try was under way for one who left.
        harness.wait_until(lambda: daemon.check("api", "k", cost=4).allowed, 15, "the day has more")

    def test_denied_where_waiting_is_of_no_use(self):
        """It never fits; it cannot be there in time; or those before it are not tried before."""
        daemon = self.daemon(limits={"api": windows("2/3s", "100/d")})
        conn = self.conn(daemon)
        told = conn.command("ACQUIRE", "api", "COST", "3", "TIMEOUT", "60000")
        self.assertEqual((told[0], told[3]), (0, -1))
        waiters = self.acquirers()
        harness.wait_until(lambda: not conn.check("api").allowed, 15, "a denial")
        waiters.ask_in_order(daemon, 1, "api", timeout_ms=60_000)
        for _ in range(2):
            began = time.monotonic()
            told = conn.command("ACQUIRE", "api", "TIMEOUT", "1")
            if told[0] == 0:
                self.assertEqual(told[5], harness.OVER_LIMIT)
            self.assertLess(time.monotonic() - began, 2)

    def test_a_parent_holds_up_all_of_its_limits(self):
        """30 keys, each in a line of its own, and 3 a window for all of them."""
        limits = {"total": {"limit": "3/100ms", "mode": "exact"},
                  "api": {"limit": "10/s", "mode": "exact", "parent": "total", "parent_key": "none"}}
        daemon = self.daemon(self.redis(), limits=limits)
        waiters = self.acquirers()
        line = [waiters.ask(daemon, "api", f"key{at}") for at in range(30)]
        waiters.wait(line)
        self.assert_all_allowed(line)
        told = info(self.conn(daemon), "stats")
        self.assertEqual((told["checks"], told["checks_allowed"], told["checks_denied"]),
                         ("30", "30", "0"))

    def test_two_hosts_serve_all(self):
        server = self.redis()
        limits = {"api": windows("5/200ms", "50/d")}
        daemons = [self.daemon(server, limits=limits) for _ in range(2)]
        waiters = self.acquirers()
        for daemon in daemons:
            for _ in range(30):
                waiters.ask(daemon, "api", timeout_ms=60_000)
        # Of the day there are 50: the others wait on.
        first = waiters.wait(count=50)
        self.assert_all_allowed(first[:50])
        for daemon in daemons:
            self.assertEqual(daemon.check("api").allowed, 0)
        self.assertEqual(sum(int(daemon.info()["acquiring"]) for daemon in daemons), 10)

    def test_as_many_wait_as_may(self):
        daemon = self.daemon(limits={"api": windows("1/d", "2/2d")},
                             server={"max_parked": 3, "max_parked_per_key": 2})
        conn = self.conn(daemon)
        waiters = self.acquirers()
        for key, count in (("a", 2), ("b", 1)):
            conn.check("api", key)
            waiters.ask_in_order(daemon, count, "api", key, timeout_ms=60_000)
            error = conn.command("ACQUIRE", "api", key, "TIMEOUT", "60000")
            self.assertTrue(str(error).startswith("BUSY too many wait for limit 'api'"), error)
        waiters.leave(waiters.all[0])
        wait_acquiring(daemon, 2)

    def test_nobody_waits_for_longer_than_max_wait(self):
        daemon = self.daemon(limits={"api": windows("1/d", "2/2d")}, server={"max_wait": "300ms"})
        self.assertEqual(daemon.check("api").allowed, 1)
        waiters = self.acquirers()
        line = [waiters.ask(daemon, "api", timeout_ms=60_000) for _ in range(10)]
        waiters.wait(line)
        for one in line:
            self.assertEqual((one.decision.allowed, one.decision.reason), (0, harness.OVER_LIMIT))
            self.assertGreater(one.decision.retry_after_ms, 0)

    def test_a_limit_that_is_raised(self):
        daemon = self.daemon(self.redis(), limits={"api": windows("1/d", "2/2d")})
        self.assertEqual(daemon.check("api").allowed, 1)
        waiters = self.acquirers()
        line = waiters.ask_in_order(daemon, 5, "api", timeout_ms=60_000)
        daemon.tables["limits"] = {"api": windows("50/d", "100/2d")}
        daemon.write_config()
        daemon.reload()
        waiters.wait(line)
        for one in line:
            self.assertEqual((one.decision.allowed, one.decision.retry_after_ms), (0, 1))
        told = self.conn(daemon).command("ACQUIRE", "api", "TIMEOUT", "20000")
        self.assertEqual((told[0], told[1]), (1, 50))

    def test_a_daemon_that_stops(self):
        daemon = self.daemon(self.redis(), limits={"api": windows("1/d", "2/2d")})
        self.assertEqual(daemon.check("api").allowed, 1)
        waiters = self.acquirers()
        waiters.ask_in_order(daemon, 5, "api", timeout_ms=60_000)
        daemon.signal(signal.SIGTERM)
        waiters.wait()
        self.assertEqual({str(one.error)[:9] for one in waiters.all}, {"SHUTDOWN "})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_a_store_that_is_away(self):
        """Who waits is answered by on_store_down when the next try finds nobody."""
        server = self.redis()
        limits = {"api": windows("1/d", "2/2d", on_store_down="deny")}
        daemon = self.daemon(server, limits=limits)
        waiters = self.acquirers()
        self.assertEqual(daemon.check("api").allowed, 1)
        line = waiters.ask_in_order(daemon, 3, "api", timeout_ms=60_000)
        server.kill9()
        waiters.wait(line)
        self.assertEqual({(one.decision.allowed, one.decision.reason) for one in line},
                         {(0, harness.STORE_AWAY)})


if __name__ == "__main__":
    harness.main()
