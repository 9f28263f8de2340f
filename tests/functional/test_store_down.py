"""While the store does not answer: each limit's policy, in time, and nothing is granted late."""

import time

import harness

TIMEOUT = 0.3
POLICIES = {policy: {"limit": 5, "period": "1h", "redis_key": policy + ":%w",
                     "on_store_down": policy} for policy in ("deny", "allow", "error")}


class StoreDown(harness.Case):
    def setUp(self):
        self.server = self.redis(keys=[policy + ":*" for policy in POLICIES])
        self.between = self.proxy(self.server)
        self.start = harness.wait_for_window(3_600_000, self.server.now_ms,
                                             (0.0, 1 - 60 / 3600)) // 1000

    def rategated(self, **more):
        return self.daemon(self.between, limits=POLICIES, redis_settings={
            "command_timeout": f"{int(TIMEOUT * 1000)}ms", "backoff_max": "200ms", **more})

    def by_policy(self, conn):
        """Asks all three; they must be answered by their policies, in time."""
        began = time.monotonic()
        replies = conn.pipeline([("CHECK", p) for p in ("deny", "allow", "error")])
        self.assertLess(time.monotonic() - began, (TIMEOUT + 0.5) * harness.SLOW)
        deny, allow = map(harness.decision, replies[:2])
        self.assertEqual((deny.allowed, deny.reason), (0, harness.STORE_AWAY))
        self.assertGreater(deny.retry_after_ms, 0)
        self.assertEqual((allow.allowed, allow.reason, allow.retry_after_ms),
                         (1, harness.STORE_AWAY, 0))
        self.assertIsInstance(replies[2], harness.RespError)
        self.assertRegex(str(replies[2]), "^STOREDOWN ")

    def counted(self, conn):
        """Whether the store decides again."""
        return conn.check("allow").reason in (harness.COUNTED, harness.OVER_LIMIT)

    def test_policies_while_it_is_silent(self):
        daemon = self.rategated()
        with daemon.conn() as conn:
            self.assertTrue(self.counted(conn))
            self.between.hold_requests()
            for _ in range(5):
                self.by_policy(conn)
            self.between.release()
            harness.wait_until(lambda: self.counted(conn), 5, "the store")

    def test_policies_while_it_refuses(self):
        daemon = self.rategated()
        with daemon.conn() as conn:
            self.assertTrue(self.counted(conn))
            self.between.refuse()
            self.between.cut()
            harness.wait_until(lambda: not self.counted(conn), 5, "the policy")
            for _ in range(5):
                self.by_policy(conn)
            self.between.refuse(False)
            harness.wait_until(lambda: self.counted(conn), 5, "the store")

    def test_policies_when_it_was_never_there(self):
        self.between.refuse()
        daemon = self.rategated()  # READY all the same: the policies are in force
        self.assertRegex(daemon.notify.status(), "(?i)redis|store")
        with daemon.conn() as conn:
            self.by_policy(conn)
            self.between.refuse(False)
            harness.wait_until(lambda: self.counted(conn), 5, "the store")

    def test_going_and_coming_is_one_line_each_and_in_status(self):
        daemon = self.rategated()
        with daemon.conn() as conn:
            self.assertTrue(self.counted(conn))
            healthy = daemon.notify.status()
            lines = len(daemon.log_text().splitlines())
            self.between.refuse()
            self.between.cut()
            daemon.notify.wait(lambda f: f.get("STATUS", healthy) != healthy, what="another STATUS",
                               since=daemon.notify.count() - 1)
            for _ in range(50):
                conn.check("deny")
            self.between.refuse(False)
            harness.wait_until(lambda: self.counted(conn), 5, "the store")
        said = [line for line in daemon.log_text().splitlines()[lines:] if "debug" not in line.lower()]
        self.assertEqual(len(said), 2, said)

    def test_unanswered_reservation_is_charged_and_never_granted(self):
        daemon = self.rategated()
        with daemon.conn() as conn:
            self.assertEqual(conn.check("deny").allowed, 1)
            self.between.drop_replies()
            self.assertEqual(conn.check("deny").allowed, 0)
            counter = f"deny:{self.start}"
            self.assertGreaterEqual(int(self.server.db.get(counter)), 2)
            self.between.cut()
            self.between.release()
            harness.wait_until(lambda: self.counted(conn), 5, "the store")
            charged = int(self.server.db.get(counter))
            allowed = [conn.check("deny").allowed for _ in range(6)]
        self.assertEqual(sum(allowed), 5 - charged)
        self.assertEqual(self.server.db.get(counter), "5")

    def test_reply_after_the_time_out_grants_nothing(self):
        daemon = self.rategated()
        with daemon.conn() as conn:
            self.assertEqual(conn.check("deny").allowed, 1)
            self.between.hold_replies()
            conn.send(harness.encode("CHECK", "deny"))
            harness.wait_until(self.between.held_replies, 5, "the script's answer")
            decision = harness.decision(conn.read())
            self.assertEqual((decision.allowed, decision.reason), (0, harness.STORE_AWAY))
            self.between.release()
            harness.wait_until(lambda: self.counted(conn), 5, "the store")
            charged = int(self.server.db.get(f"deny:{self.start}"))
            self.assertGreaterEqual(charged, 2)
            # Nothing came of it: what is left is what the counter leaves.
            self.assertEqual(sum(conn.check("deny").allowed for _ in range(6)), 5 - charged)

    def test_a_slow_store_is_not_away(self):
        daemon = self.rategated(command_timeout="2s")
        self.between.delay(0.05)
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "deny")] * 8)
        self.assertEqual([harness.decision(r).allowed for r in replies], [1] * 5 + [0] * 3)

    def test_a_client_that_has_gone_is_not_asked_for(self):
        daemon = self.rategated(command_timeout="3s")
        with daemon.conn() as stays, daemon.conn() as goes:
            self.assertEqual(stays.check("deny").allowed, 1)
            self.between.hold_replies()
            stays.send(harness.encode("CHECK", "deny"))
            harness.wait_until(self.between.held_replies, 5, "a reservation under way")
            # Waits behind the reservation under way, and its client leaves.
            goes.send(harness.encode("CHECK", "deny", "COST", 3))
            harness.wait_until(lambda: self.waiting(daemon) >= 2, 5, "two waiting checks")
            goes.close()
            harness.wait_until(lambda: self.waiting(daemon) == 1, 5, "one waiting check")
            self.between.release()
            self.assertEqual(harness.decision(stays.read()).allowed, 1)
            self.assertEqual(stays.check("deny").remaining, 2)

    @staticmethod
    def waiting(daemon):
        return int(daemon.info()["waiting_checks"])


class Share(harness.Case):
    """Hosts that go on with their parts of a limit while Redis is away."""

    PARTS = {"auto": 30, "fifth": 12, "most": 45}
    LIMITS = {name: {"limit": 60, "period": "1h", "mode": "exact", "on_store_down": "share",
                     "share": share}
              for name, share in zip(PARTS, ("auto", "1/5", "3/4"))}

    def setUp(self):
        self.server = self.redis()
        self.daemons = [self.daemon(self.server, limits=self.LIMITS) for _ in range(2)]

    def take(self, daemon, name, count=60):
        with daemon.conn() as conn:
            return [harness.decision(reply) for reply in
                    conn.pipeline([("CHECK", name)] * count)]

    def wait_hosts(self, number):
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: int(d.info("store")["hosts_seen"]) >= number, 90,
                               "the hosts to be counted")

    def test_parts_of_a_limit(self):
        self.wait_hosts(2)
        self.server.kill9()
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: d.info("store")["store_status"] == "away", 10, "away")
        for name, part in self.PARTS.items():
            for daemon in self.daemons:
                told = self.take(daemon, name)
                self.assertEqual({one.reason for one in told}, {harness.STORE_AWAY})
                self.assertEqual(sum(one.allowed for one in told), part, name)
                self.assertEqual([one.remaining for one in told[:2]], [part - 1, part - 2])
                self.assertEqual(told[-1].remaining, 0)

    def test_what_was_counted_before_is_part_of_it(self):
        told = self.take(self.daemons[0], "most", 40)
        self.assertEqual(sum(one.allowed for one in told), 40)
        self.server.kill9()
        harness.wait_until(lambda: self.daemons[0].info("store")["store_status"] == "away", 10, "away")
        self.assertEqual(sum(one.allowed for one in self.take(self.daemons[0], "most")), 5)
        self.assertEqual(sum(one.allowed for one in self.take(self.daemons[1], "most")), 45)

    def test_hosts_that_were_never_counted(self):
        """Nothing is shared by a number that is not known, unless there is one to go by."""
        self.server.kill9()
        alone = self.daemon(self.server, limits=self.LIMITS)
        some = self.daemon(self.server, limits=self.LIMITS, redis_settings={"share_hosts_min": 4})
        for daemon in (alone, some):
            self.assertEqual(self.take(daemon, "auto", 1)[0].allowed, 0)  # nor is the time known


if __name__ == "__main__":
    harness.main()
