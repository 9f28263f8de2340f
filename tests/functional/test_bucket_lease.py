"""Token buckets that are leased: docs/algorithms.md, "Leases of a bucket"."""

import time

import harness
from support.buckets import bucket, most_beyond, of_asked
from support.lasting_case import LastingCase

# A busy machine is no outage.
PATIENT = {"redis_settings": {"command_timeout": "5s"}}


class Lease(LastingCase):
    def assert_held(self, asked, burst, per_second, cost=1):
        self.assertLessEqual(most_beyond(asked, burst, per_second, cost), 0.001)

    def assert_given_out(self, asked, burst, per_second, part, cost=1):
        allowed = cost * sum(one.decision.allowed for one in asked if one.decision)
        self.assertGreater(allowed, part * of_asked(asked, burst, per_second, cost))

    def script_calls(self, server):
        return server.db.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]

    def test_two_hosts_ask_the_store_seldom_and_keep_the_promise(self):
        for mode in ("lease", "auto"):
            with self.subTest(mode=mode):
                server = self.redis()
                limits = {"api": bucket("600/s", 600, mode=mode)}
                daemons = [self.daemon(server, limits=limits, **PATIENT) for _ in range(2)]
                self.assertIn("leased=1", daemons[0].info("limits")["limit_api"])
                asked = self.load_for(3.5, daemons, callers=2, pause=0.003)
                self.assert_held(asked, 600, 600)
                self.assert_given_out(asked, 600, 600, 0.9)
                self.assertLess(self.script_calls(server), 0.6 * len(asked))

    def test_mode_exact_asks_for_each(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("300/s", 300, mode="exact")}, **PATIENT)
        self.assertIn("leased=0", daemon.info("limits")["limit_api"])
        with daemon.conn() as conn:
            before = self.script_calls(server)
            for _ in range(50):
                self.assertEqual(conn.check("api").allowed, 1)
            self.assertEqual(self.script_calls(server) - before, 50)

    def test_a_memory_store_leases_as_well(self):
        daemon = self.daemon(None, limits={"api": bucket("300/s", 300)})
        asked = self.load_for(3, [daemon], callers=2, pause=0.003)
        self.assert_held(asked, 300, 300)
        self.assert_given_out(asked, 300, 300, 0.95)

    def test_a_cold_program_finds_the_whole_burst(self):
        for mode in ("lease", "exact"):
            with self.subTest(mode=mode):
                daemon = self.daemon(self.redis(), limits={"api": bucket("1/s", 500, mode=mode)})
                with daemon.conn() as conn:
                    self.assertEqual(sum(conn.check("api").allowed for _ in range(500)), 500)

    def test_a_daemon_that_stands_still_spends_nothing_that_is_over(self):
        server = self.redis()
        limits = {"api": bucket("300/s", 300, mode="lease")}
        still, other = (self.daemon(server, limits=limits, **PATIENT) for _ in range(2))

        def stand_still():
            for _ in range(3):
                at = time.monotonic() + 0.3
                harness.wait_until(lambda until=at: time.monotonic() > until, 5, "a lease")
                still.stop()
                at = time.monotonic() + 0.4  # a lease lives 78 ms
                harness.wait_until(lambda until=at: time.monotonic() > until, 5, "its end")
                still.cont()
        asked = self.load_for(3, [still, other], callers=2, pause=0.003, between=stand_still)
        self.assert_held(asked, 300, 300)

    def test_a_daemon_that_is_killed_takes_its_leases_along(self):
        server = self.redis()
        limits = {"api": bucket("300/s", 300, mode="lease")}
        victim, other = (self.daemon(server, limits=limits, **PATIENT) for _ in range(2))
        loads = [harness.Load(daemon, callers=2, pause=0.003) for daemon in (victim, other)]
        harness.wait_until(lambda: loads[0].allowed() >= 200, 15, "leases")
        victim.kill9()
        before = loads[1].allowed()
        harness.wait_until(lambda: loads[1].allowed() >= before + 300, 15, "what flows in")
        for load in loads:
            load.stop()
        self.assert_held([one for load in loads for one in load.asked()], 300, 300)

    def test_costs_above_one_are_paid_by_what_is_held_and_by_the_bucket(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": bucket("900/s", 900, mode="lease")}, **PATIENT)
                   for _ in range(2)]
        asked = self.load_for(3, daemons, check=("api", None, 3), callers=2, pause=0.003)
        self.assert_held(asked, 900, 900, cost=3)
        self.assert_given_out(asked, 900, 900, 0.9, cost=3)

    def test_hosts_of_other_modes_and_a_store_that_loses_all(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": bucket("300/s", 300, mode=mode)},
                               redis_settings={"backoff_max": "100ms"})
                   for mode in ("lease", "exact", "auto")]

        def lose():
            at = time.monotonic() + 1.5
            harness.wait_until(lambda: time.monotonic() > at, 5, "the burst is spent")
            server.kill9()
            server.restart()
        asked = self.load_for(4, daemons, callers=2, pause=0.004, between=lose)
        self.assert_held(asked, 300, 300)

    def test_a_reload_gives_up_what_is_held_by_other_numbers(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("300/s", 300, mode="lease")}, **PATIENT)

        def reload():
            for mode in ("exact", "lease"):
                at = time.monotonic() + 0.8
                harness.wait_until(lambda until=at: time.monotonic() > until, 5, "leases")
                daemon.tables["limits"]["api"] = bucket("300/s", 300, mode=mode)
                daemon.write_config()
                daemon.reload()
        asked = self.load_for(3, [daemon], callers=2, pause=0.003, between=reload)
        self.assert_held(asked, 300, 300)
        self.assert_given_out(asked, 300, 300, 0.9)


if __name__ == "__main__":
    harness.main()
