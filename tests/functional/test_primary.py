"""Which store is good enough: a primary, and one whose time can be told."""

import harness


class Replica(harness.Case):
    def test_a_replica_is_no_store_until_it_is_promoted(self):
        primary = self.redis(tcp=True)
        replica = self.redis()
        replica.db.slaveof("127.0.0.1", primary.port)
        harness.wait_until(lambda: replica.db.info("replication")["master_link_status"] == "up",
                           15, "the replica")
        daemon = self.daemon(replica, limits={"api": "5/1s"})
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        self.assertIn("it is a replica", daemon.notify.status())
        replica.db.slaveof()
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 15,
                           "a counted check")

    def test_a_primary_that_is_demoted_is_left(self):
        other = self.redis(tcp=True)
        server = self.redis()
        harness.wait_for_window(3_600_000, server.now_ms, (0.0, 1 - 60 / 3600))
        daemon = self.daemon(server, limits={"api": "5/1h", "later": "5/1h"})
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        server.db.slaveof("127.0.0.1", other.port)
        harness.wait_until(lambda: daemon.check("later").reason == harness.STORE_AWAY, 15,
                           "a check that is not counted")
        server.db.slaveof()
        harness.wait_until(lambda: daemon.info()["store_status"] == "up", 15, "the store")
        # It was another's replica meanwhile: its data went, and it may be another primary to it.
        self.assertLessEqual(sum(daemon.check("api").allowed for _ in range(10)), 5)


class ClockTrust(harness.Case):
    def test_too_slow_a_way_is_refused_with_its_own_reason(self):
        between = self.proxy(self.redis())
        daemon = self.daemon(between, limits={"api": "1000000/1h"}, clock={"max_error": "20ms", "max_drift": 10_000},
                             redis_settings={"command_timeout": "2s"})
        self.assertEqual(daemon.check("api").reason, harness.COUNTED)
        between.delay(0.1)

        def refused():
            decision = daemon.check("api")
            return decision.reason == harness.CLOCK_NOT_TRUSTED and not decision.allowed
        # The good measurement has to grow old first, by 10 ms a second.
        harness.wait_until(refused, 40, "a check that is refused for the clock")
        daemon.notify.wait_status("not known well enough")
        daemon.wait_log("clock_not_trusted")
        between.delay(0)
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 15,
                           "a counted check")
        daemon.wait_log("clock_trusted")


if __name__ == "__main__":
    harness.main()
