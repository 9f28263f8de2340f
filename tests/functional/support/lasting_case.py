"""Limits whose counters last: token buckets and sliding windows."""

import time

import harness


class LastingCase(harness.Case):
    def load_for(self, seconds, daemons, between=lambda: None, **load):
        """What was asked of all of them in that time."""
        loads = [harness.Load(daemon, **load) for daemon in daemons]
        until = time.monotonic() + seconds
        between()
        harness.wait_until(lambda: time.monotonic() > until, seconds + 20, "the end")
        for load in loads:
            load.stop()
        asked = [one for load in loads for one in load.asked()]
        self.assertEqual([one for one in asked if one.error], [])
        return asked

    def assert_policies_while_away(self, limit_of):
        """limit_of: makes a limit with those settings, of which a half gives out something soon."""
        server = self.redis()
        policies = ("deny", "allow", "error", "share")
        limits = {name: limit_of(on_store_down=name, share="1/2") for name in policies}
        daemon = self.daemon(server, limits=limits)
        for name in policies:
            self.assertEqual(daemon.check(name).reason, harness.COUNTED)
        server.kill9()
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")
        self.assertEqual((daemon.check("deny").allowed, daemon.check("deny").reason),
                         (0, harness.STORE_AWAY))
        self.assertEqual(daemon.check("allow").allowed, 1)
        with daemon.conn() as conn:
            self.assertRegex(str(conn.command("CHECK", "error")), "^STOREDOWN ")
        harness.wait_until(lambda: daemon.check("share").allowed, 5, "its part of the rate")
