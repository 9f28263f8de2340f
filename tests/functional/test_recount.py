"""Long windows whose counts the store has lost, and that are counted on (on_store_lost = "count")."""

import time

import harness

HOUR = 3_600_000
SETTLE_S = 5
LIMIT = 300


class Lost(harness.Case):
    """Three daemons, each with some permits of an hour's limit, of which the store forgets all."""

    LIMIT_SAYS = {"mode": "exact"}

    def setUp(self):
        self.server = self.redis()
        harness.wait_for_window(HOUR, self.server.now_ms, (0.0, 1 - 60 / 3600))
        self.daemons = [self.rategated() for _ in range(3)]

    def rategated(self):
        return self.daemon(self.server, redis_settings={"backoff_max": "100ms"}, limits={
            "api": {"limit": LIMIT, "period": "1h", **self.LIMIT_SAYS}})

    def take(self, daemon, count):
        """How many of so many checks are allowed."""
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "api")] * count)
        return sum(harness.decision(reply).allowed for reply in replies)

    def take_some(self):
        return sum(self.take(daemon, 20 * (n + 1)) for n, daemon in enumerate(self.daemons))

    def wait_noticed(self, *daemons):
        for daemon in daemons:
            harness.wait_until(lambda d=daemon: d.info()["windows_lost"] != "0", 10, "the loss")

    def wait_settled(self, daemon):
        """Until a check is allowed or denied for what is counted."""
        began = time.monotonic()
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 15,
                           "the window to be counted on")
        return time.monotonic() - began

    def all_that_is_left(self):
        return sum(self.take(daemon, LIMIT) for daemon in 3 * self.daemons)


class Counted(Lost):
    def test_nobody_has_to_ask_for_that(self):
        """FLUSHALL cuts no connection: one that is idle has to hear of it, and to tell."""
        taken = self.take_some()
        self.server.db.flushall()
        self.assertEqual(self.take(self.daemons[0], 1), 0)
        self.wait_noticed(*self.daemons)
        key, = (key for key in self.server.db.keys("*") if key.endswith("h:" + key.split(":")[-1]))
        harness.wait_until(lambda: int(self.server.db.get(key)) == taken, 5, "all to have told")
        self.assertGreater(self.server.db.pttl(key + ":base"), 60_000)

    def test_flushed(self):
        taken = self.take_some()
        self.server.db.flushall()
        denied = self.daemons[1].check("api")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.STORE_AWAY))
        self.wait_noticed(*self.daemons)
        self.assertLessEqual(self.daemons[1].check("api").retry_after_ms, 1000 * SETTLE_S * 9 / 8)
        took = self.wait_settled(self.daemons[0])
        self.assertLess(took, (SETTLE_S + 3) * harness.SLOW)
        self.assertEqual(taken + 1 + self.all_that_is_left(), LIMIT)
        self.assertGreater(int(self.daemons[2].info("stats")["counters_recounted"]), 0)

    def test_restarted_empty_twice(self):
        taken = self.take_some()
        for _ in range(2):
            self.server.restart()
            self.wait_noticed(*self.daemons)
            self.wait_settled(self.daemons[0])
            taken += 1
            taken += self.take_some()
        self.assertEqual(taken + self.all_that_is_left(), LIMIT)

    def test_restarted_with_what_it_once_saved(self):
        taken = self.take_some()
        self.server.db.save()
        taken += self.take_some()
        self.server.restart()
        self.wait_noticed(*self.daemons)
        self.wait_settled(self.daemons[0])
        self.assertEqual(taken + 1 + self.all_that_is_left(), LIMIT)

    def test_a_host_that_comes_late(self):
        """What it alone knew is in no count until it is back, and from then on it is."""
        taken = self.take_some() + self.take(self.daemons[2], 40)  # of which the others do not know
        self.daemons[2].stop()
        self.server.db.flushall()
        self.wait_noticed(self.daemons[0])
        self.wait_settled(self.daemons[0])
        taken += 1 + self.take(self.daemons[0], 30)
        self.daemons[2].cont()
        self.wait_noticed(self.daemons[2])
        harness.wait_until(lambda: self.daemons[2].info("stats")["counters_recounted"] != "0", 10,
                           "the late one to have told")
        self.assertEqual(taken + self.all_that_is_left(), LIMIT)

    def change(self, **setting):
        """By a reload on all hosts."""
        for daemon in self.daemons:
            daemon.tables["limits"]["api"].update(setting)
            daemon.write_config()
            daemon.reload()

    def test_after_a_reload_that_changed_the_limit(self):
        """What is known of a counter outlives the limit it was counted for."""
        taken = self.take_some()
        self.change(limit=LIMIT + 1, mode="lease")
        self.server.db.flushall()
        for daemon in self.daemons:
            taken += self.take(daemon, 1)
        self.wait_noticed(*self.daemons)
        self.wait_settled(self.daemons[0])
        taken += 1 + self.all_that_is_left()
        self.assertLessEqual(taken, LIMIT + 1)
        self.assertGreater(taken, LIMIT / 2)

    def test_a_loss_that_no_record_tells_of(self):
        """It is denied, and stays so when there is a record again."""
        self.take_some()
        name = harness.documented_user()[0]
        self.server.db.execute_command("ACL", "SETUSER", name, "resetkeys", "~rategate:{*")
        # A daemon that came between the start and a rule given after it would leave a record.
        self.server.db.execute_command("ACL", "SAVE")
        self.server.restart()
        for daemon in self.daemons:
            harness.wait_until(lambda d=daemon: d.info("store")["store_status"] == "up", 10, "Redis")
            self.take(daemon, 1)
        self.server.user("~*")
        self.server.cut()
        self.wait_noticed(*self.daemons)
        until = time.monotonic() + SETTLE_S + 2
        harness.wait_until(lambda: time.monotonic() > until, 20, "what would be counted on by then")
        self.assertEqual(self.all_that_is_left(), 0)

    def test_who_may_not_touch_the_base(self):
        """The limit is refused then, and goes on when the right is there."""
        self.take_some()
        self.server.db.execute_command("ACL", "SETUSER", harness.documented_user()[0], "resetkeys",
                                       "~rategate:{api:}:1h:??????????", "~" + harness.REIGN)
        self.server.db.flushall()
        self.take(self.daemons[0], 1)
        self.wait_noticed(*self.daemons)
        harness.wait_until(lambda: self.take(self.daemons[0], 1) or
                           "limit_refused" in self.daemons[0].log_text(), 15, "the refusal")
        self.assertEqual(self.take(self.daemons[0], 10), 0)
        self.server.user("~*")
        self.wait_settled(self.daemons[0])


class Mixed(Lost):
    """One host denies what is lost, and tells what it knows all the same."""

    def rategated(self):
        self.LIMIT_SAYS = {"mode": "exact", "on_store_lost": self.policies.pop()}
        return super().rategated()

    def setUp(self):
        self.policies = ["deny", "count", "count"]
        super().setUp()

    def test_flushed(self):
        taken = self.take_some()
        self.server.db.flushall()
        for daemon in self.daemons:
            self.take(daemon, 1)
        self.wait_noticed(*self.daemons)
        self.wait_settled(self.daemons[0])
        self.assertEqual(taken + 1 + self.all_that_is_left(), LIMIT)
        self.assertEqual(self.daemons[2].check("api").reason, harness.STORE_AWAY)


class Leased(Lost):
    """What was leased and not spent when the count was lost is nobody's."""

    LIMIT_SAYS = {"mode": "lease"}

    def test_flushed(self):
        taken = self.take_some()
        self.server.db.flushall()
        # What lies in a pool may be spent until the loss is noticed: it was counted.
        taken += sum(self.take(daemon, 1) for daemon in self.daemons)
        self.wait_noticed(*self.daemons)
        self.wait_settled(self.daemons[0])
        taken += 1 + self.all_that_is_left()
        self.assertLessEqual(taken, LIMIT)
        # Beside what nobody has spent, and what was given back after others had heard of it.
        for daemon in self.daemons:
            info = daemon.info("leases")
            taken += sum(int(info["permits_" + end]) for end in ("stranded", "released", "held"))
        self.assertGreaterEqual(taken, LIMIT)


class Denied(Lost):
    """What on_store_lost = "deny" says."""

    LIMIT_SAYS = {"on_store_lost": "deny"}

    def test_flushed(self):
        self.take_some()
        self.server.db.flushall()
        for daemon in self.daemons:
            self.take(daemon, LIMIT)
        self.wait_noticed(*self.daemons)
        denied = self.daemons[1].check("api")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.STORE_AWAY))
        self.assertGreater(denied.retry_after_ms, 50_000)

    def test_one_that_is_to_be_counted_on_after_all(self):
        taken = self.take_some()
        self.server.db.flushall()
        for daemon in self.daemons:
            self.take(daemon, LIMIT)
        self.wait_noticed(*self.daemons)
        for daemon in self.daemons:
            daemon.tables["limits"]["api"]["on_store_lost"] = "count"
            daemon.write_config()
            daemon.reload()
        self.wait_settled(self.daemons[0])
        self.assertLessEqual(taken + 1 + self.all_that_is_left(), LIMIT)


if __name__ == "__main__":
    harness.main()
