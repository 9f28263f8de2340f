"""A primary proves that none of its replicas has taken its place before what it grants is used:
docs/failover.md."""

import collections
import time

import harness

PERIOD_MS = 1000
LIMIT = 50
# How old a proof may be, how far clocks may be apart, and how far ahead a window is reserved.
BURN = 2.0 + 0.5 + PERIOD_MS / 1000 * 5 / 8 + 0.1


class Failover(harness.Case):
    def setUp(self):
        words = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "60"]
        self.old, self.new = (self.redis(tcp=True, args=words) for _ in range(2))
        self.follow(self.new, self.old)

    def follow(self, replica, primary):
        replica.db.slaveof("127.0.0.1", primary.port)
        harness.wait_until(lambda: replica.db.info("replication")["master_link_status"] == "up",
                           15, "the replica")

    def rategated(self, primary, replica, **limit):
        return self.daemon(primary, limits={"api": {"limit": LIMIT, "period": f"{PERIOD_MS}ms",
                                                    "mode": "exact", **limit}},
                           redis_settings={"replicas": [f"127.0.0.1:{replica.port}"],
                                           "backoff_max": "100ms"})

    def wait_counted(self, daemon, deadline=10):
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, deadline,
                           "a check that is counted")

    def wait_fenced(self, daemon, replica):
        words = f"127.0.0.1:{replica.port} does not follow it"
        harness.wait_until(lambda: words in daemon.info("store")["store_error"], 10, words)
        self.assertEqual(daemon.check("api").allowed, 0)

    def ask(self, daemon, seconds, allowed=None):
        """Checks without a pause; how many were allowed, by the end of their window (ms)."""
        allowed = collections.Counter() if allowed is None else allowed
        until = time.monotonic() + seconds
        with daemon.conn() as conn:
            while time.monotonic() < until:
                decision = conn.check("api")
                if decision.allowed:
                    end = time.time() * 1000 + decision.reset_after_ms
                    allowed[round(end / PERIOD_MS)] += 1
        return allowed


class Proof(Failover):
    def test_is_had_at_once_and_behind_a_quiet_time(self):
        daemon = self.rategated(self.old, self.new)
        self.wait_counted(daemon)
        acknowledged = self.old.db.info("commandstats").get("cmdstat_wait", {}).get("calls", 0)
        quiet_until = time.monotonic() + 1.5
        harness.wait_until(lambda: time.monotonic() > quiet_until, 5, "a quiet time")
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        self.assertGreater(self.old.db.info("commandstats")["cmdstat_wait"]["calls"], acknowledged)

    def test_is_not_had_from_a_replica_that_ended(self):
        daemon = self.rategated(self.old, self.new)
        self.wait_counted(daemon)
        self.new.kill9()
        self.ask(daemon, 2.2 * harness.SLOW)
        self.wait_fenced(daemon, self.new)
        self.new.start()
        self.follow(self.new, self.old)
        self.wait_counted(daemon)
        self.assertNotIn("windows_lost", daemon.log_text())

    def test_is_not_had_from_a_replica_that_stands_still(self):
        daemon = self.rategated(self.old, self.new)
        self.wait_counted(daemon)
        self.new.stop()
        self.addCleanup(self.new.cont)
        self.ask(daemon, 2.2 * harness.SLOW)
        self.wait_fenced(daemon, self.new)
        self.new.cont()
        self.wait_counted(daemon)

    def test_is_not_had_from_another_replica(self):
        another = self.redis(tcp=True, args=["--repl-diskless-sync-delay", "0"])
        self.follow(another, self.old)
        self.new.kill9()
        daemon = self.rategated(self.old, self.new)
        self.wait_fenced(daemon, self.new)


class Strict(Failover):
    def test_what_a_replica_has_not_is_not_used(self):
        daemon = self.daemon(self.old, limits={"api": f"{LIMIT}/1h"},
                             redis_settings={"min_replicas": 1})
        self.wait_counted(daemon)
        self.new.stop()
        self.addCleanup(self.new.cont)
        decision = daemon.check("api", "key")
        self.assertEqual((decision.allowed, decision.reason), (0, harness.STORE_AWAY))
        info = daemon.info("store")
        self.assertEqual(info["store_status"], "refusing")
        self.assertIn("NOREPLICAS 0 of min_replicas = 1", info["store_error"])
        self.new.cont()

        def is_up():
            daemon.check("api", "key")
            return daemon.info("store")["store_error"] == ""
        harness.wait_until(is_up, 10, "a store that takes reservations again")


class Promotion(Failover):
    def test_of_which_nobody_has_told(self):
        """The old one goes on as if nothing were."""
        daemon = self.rategated(self.old, self.new)
        self.wait_counted(daemon)
        promoted = time.time()
        self.new.db.slaveof()
        allowed = self.ask(daemon, 5)
        late = {end: n for end, n in allowed.items()
                if (end - 1) * PERIOD_MS > (promoted + 2.0) * 1000}
        self.assertEqual(late, {})
        self.wait_fenced(daemon, self.new)

    def test_while_the_old_one_stood_still(self):
        """It wakes, reads what its replica once acknowledged, and believes it to be near."""
        daemon = self.rategated(self.old, self.new)
        self.wait_counted(daemon)
        self.old.stop()
        self.new.db.slaveof()
        stood_until = time.monotonic() + 3.5
        harness.wait_until(lambda: time.monotonic() > stood_until, 10, "the end of the pause")
        self.old.cont()
        self.assertEqual(self.ask(daemon, 4), {})
        self.wait_fenced(daemon, self.new)

    def test_grants_nothing_again_that_the_old_one_may_have_granted(self):
        allowed = collections.Counter()
        before = self.rategated(self.old, self.new)
        self.wait_counted(before)
        self.ask(before, 1.2, allowed)
        self.new.db.slaveof()
        self.ask(before, 0.7, allowed)
        self.follow(self.old, self.new)
        after = self.rategated(self.new, self.old)
        self.ask(after, BURN + 3, allowed)
        self.assertLessEqual(max(allowed.values()), LIMIT, allowed)
        full = [end for end, n in allowed.items() if n == LIMIT]
        self.assertGreaterEqual(len(full), 3, allowed)


if __name__ == "__main__":
    harness.main()
