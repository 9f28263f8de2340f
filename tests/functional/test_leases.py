"""Leases against a real Redis: how they are shared, what they save, when they are given back, and
what voids them."""

import collections
import statistics
import time

import harness
from support import callers, segment
from support.callers import evaluate
from test_global_limit import LIMIT as RECIPE_LIMIT
from test_global_limit import Recipe
from test_shm_faults import Shared

HOUR = 3600_000
WIDE = evaluate.Limit("wide", 1_000_000, 1000, 0, False)


class Modes(harness.Case):
    def test_as_shown(self):
        daemon = self.daemon(self.redis(), limits={
            "auto": "16/s", "few": "15/s", "lease": {"limit": 3, "period": "1s", "mode": "lease"},
            "exact": {"limit": 1000, "period": "1s", "mode": "exact"}})
        wanted = {"auto": ("auto", 1), "few": ("auto", 0), "lease": ("lease", 1),
                  "exact": ("exact", 0)}
        with daemon.conn() as conn:
            listed = [dict(zip(flat[::2], flat[1::2])) for flat in conn.command("LIMITS")]
        self.assertEqual({one[b"name"].decode(): (one[b"mode"].decode(), one[b"leased"])
                          for one in listed}, wanted)
        info = daemon.info("limits")
        for name, (mode, leased) in wanted.items():
            self.assertIn(f"mode={mode},", info["limit_" + name])
            self.assertIn(f",leased={leased},", info["limit_" + name])

    def test_exact_reserves_what_is_asked_and_lease_to_the_last_permit(self):
        server = self.redis()
        daemon = self.daemon(server, limits={
            "exact": {"limit": 100, "period": "1h", "mode": "exact"},
            "lease": {"limit": 3, "period": "1h", "mode": "lease"}})
        start = server.now_ms() // HOUR * HOUR // 1000
        with daemon.conn() as conn:
            for n in range(1, 31):
                self.assertEqual(conn.check("exact").allowed, 1)
                self.assertEqual(server.db.get(f"rategate:{{exact:}}:1h:{start}"), str(n))
            self.assertEqual([conn.check("lease").allowed for _ in range(5)], [1, 1, 1, 0, 0])


class Shares(harness.Case):
    """Demand by one thread, a pipeline to each daemon in turn: equal by construction."""

    LIMIT, WINDOWS = 2000, 5

    def setUp(self):
        self.server = self.redis()
        self.daemons = [self.daemon(self.server, log_settings={"level": "info"},
                                    limits={"api": f"{self.LIMIT}/s"}) for _ in range(2)]
        self.conns = [self.conn(daemon) for daemon in self.daemons]

    def drive(self, conns):
        """For each whole window: permits that each connection was allowed."""
        allowed = collections.defaultdict(lambda: [0] * len(conns))
        first = self.server.now_ms() // 1000 + 2  # one to warm up
        while True:
            for number, conn in enumerate(conns):
                # Ten at a time: few are asked in one window and answered in the next.
                sent = self.server.now_ms() // 1000
                replies = conn.pipeline([("CHECK", "api")] * 10)
                if sent >= first + self.WINDOWS:
                    return [allowed[w] for w in range(first, first + self.WINDOWS)]
                allowed[sent][number] += sum(harness.decision(r).allowed for r in replies)

    def test_equal_demand(self):
        windows = self.drive(self.conns)
        for number in range(2):
            share = statistics.fmean(one[number] for one in windows)
            self.assertAlmostEqual(share, self.LIMIT / 2, delta=self.LIMIT / 20, msg=windows)

    def test_one_busy_among_idle_ones(self):
        for conn in self.conns:
            self.assertEqual(conn.check("api").allowed, 1)
        windows = self.drive(self.conns[:1])
        # A pipeline over a boundary is counted to the window it was asked in.
        self.assertGreaterEqual(statistics.fmean(one[0] for one in windows), 0.99 * self.LIMIT,
                                windows)
        for counter in self.server.counters("rategate:*").values():
            self.assertLessEqual(counter, self.LIMIT)

    def test_a_limit_that_every_host_would_like(self):
        """Sixteen permits, and both take them all."""
        server = self.redis()
        daemons = [self.daemon(server, limits={"api": "16/1h"}) for _ in range(3)]
        allowed = 0
        for _ in range(12):
            allowed += sum(daemon.check("api").allowed for daemon in daemons)
        held = sum(int(daemon.info("leases")["permits_held"]) for daemon in daemons)
        self.assertEqual((allowed, held), (16, 0))


class Savings(Shared):
    def script_calls(self):
        stats = self.server.db.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in
                   ("eval", "evalsha", "fcall"))

    def test_few_commands_for_a_hot_limit(self):
        limits = [evaluate.Limit("hot", 10_000, 1000, 0, False)]
        daemon = self.start(limits)
        caller = self.caller(daemon, limits=limits)
        caller.wait_allowed(in_place=True)
        self.server.wait_for_window(1000, (0.0, 0.2))
        calls, allowed = self.script_calls(), caller.counts().allowed
        harness.wait_until(lambda: caller.counts().allowed > allowed + 20_000, 30, "20,000 checks")
        calls = self.script_calls() - calls
        allowed = caller.counts().allowed - allowed
        self.end()
        self.assertLess(calls / allowed, 0.02)
        self.assertGreater(self.judge(limits=limits).full, 0)


class LongWindows(harness.Case):
    def setUp(self):
        self.server = self.redis()
        self.rated = self.daemon(self.server, limits={"api": "1000000/1h"})

    def counter(self):
        counters = self.server.counters("rategate:*")
        self.assertEqual(len(counters), 1, counters)
        return next(iter(counters.values()))

    def leases(self):
        return {k: int(v) for k, v in self.rated.info("leases").items()}

    def spend(self):
        """Until there is stock to be given back: more is held than one lets see."""
        spent = 0
        with self.rated.conn() as conn:
            for _ in range(40):
                replies = conn.pipeline([("CHECK", "api")] * 100)
                spent += sum(harness.decision(reply).allowed for reply in replies)
        self.assertEqual(spent, 4000)
        self.assertGreater(self.counter(), spent)
        return spent

    def test_given_back_when_idle(self):
        spent = self.spend()
        before = self.counter()
        harness.wait_until(lambda: self.leases()["permits_released"] > 0, 10, "the release")
        harness.wait_until(lambda: self.counter() < before, 5, "the counter to come down")
        info = self.leases()
        self.assertEqual(self.counter(), spent + info["permits_held"])
        self.assertEqual(info["permits_reserved"] - info["permits_released"], self.counter())

    def test_given_back_at_the_end(self):
        spent = self.spend()
        before = self.counter()
        self.rated.terminate()
        self.assertTrue(spent <= self.counter() < before, (spent, self.counter(), before))

    def test_given_back_when_the_limit_is_dropped(self):
        spent = self.spend()
        before = self.counter()
        self.rated.tables["limits"] = {"other": "5/s"}
        self.rated.write_config()
        self.rated.reload()
        harness.wait_until(lambda: self.counter() < before, 5, "the counter to come down")
        self.assertGreaterEqual(self.counter(), spent)
        self.assertEqual(self.leases()["permits_held"], 0)


class Voided(Shared):
    def lower(self, daemon, permits):
        """From when on only the new limit may be used, ns."""
        daemon.tables["limits"]["second"]["limit"] = permits
        daemon.write_config()
        daemon.reload()
        return time.monotonic_ns()

    def test_by_a_lower_limit(self):
        """Late in a window, when the next one may be prepared already."""
        high = [evaluate.Limit("second", 5000, 1000, 0, False)]
        low = [high[0]._replace(permits=100)]
        daemon = self.start(high)
        those = [self.caller(daemon, limits=high) for _ in range(2)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        it = self._owned(segment.Segment(daemon.socket))
        spans = []
        for part in (0.9, 0.95, 0.5):
            self.server.wait_for_window(1000, (part, part + 0.04))
            old = segment.resolve(it.conn, "second").rule
            self.assertEqual(len(it.pools(old)), 1)
            begun = self.lower(daemon, 100)
            # A client that has not noticed yet finds nothing under the old rule, in either word.
            for slot in it.pools(old).values():
                self.assertEqual([word.permits for word in slot.words], [0, 0])
            last = self.server.now_ms() // 1000 + 2
            harness.wait_until(lambda w=last: self.server.now_ms() // 1000 > w, 10, "two windows")
            spans.append((begun, time.monotonic_ns()))
            self.lower(daemon, 5000)
            for caller in those:
                caller.wait_allowed(in_place=True)
        self.end()
        self.judge(limits=high)
        callers.sample(self.offset, self.server)
        for begun, ended in spans:
            records = [r for c in those for r in c.records()
                       if r.before_ns > begun and r.after_ns < ended]
            verdict = evaluate.evaluate(records, low, self.offset)
            self.assertEqual(verdict.wrong, [])
            self.assertGreater(verdict.decisions, 0)

    def test_by_a_store_that_lost_its_counters(self):
        """What lies in shared memory is void as well: an hour that is open is denied to its end."""
        limits = [evaluate.Limit("hourly", 2_000_000, HOUR, 0, False),
                  evaluate.Limit("second", 3000, 1000, 0, False)]
        daemon = self.start(limits, redis_settings={"backoff_max": "100ms"})
        those = [self.caller(daemon, limits=limits) for _ in range(2)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        run_id = daemon.info("store")["store_run_id"]
        self.server.restart()
        harness.wait_until(lambda: daemon.info("store")["store_run_id"] != run_id, 10,
                           "the daemon to see the new one")
        seen = time.monotonic_ns()
        harness.wait_until(lambda: any(
            r.limit == 1 and r.decided_ns and r.before_ns > seen
            for r in those[0].records()[-20000:]), 10, "permits of a new second")
        self.end()
        self.judge(limits=limits)
        records = [r for c in those for r in c.records()]
        self.assertGreater(sum(r.limit == 0 and r.after_ns < seen for r in records), 0)
        self.assertEqual([r for r in records if r.limit == 0 and r.before_ns > seen], [])
        self.assertGreater(int(daemon.info("store")["windows_lost"]), 0)

    def test_by_being_late(self):
        between = self.proxy(self.server)
        limits = [evaluate.Limit("quick", 600, 250, 0, False)]
        daemon = self.daemon(between, log_settings={"level": "info"},
                             redis_settings={"command_timeout": "3s"},
                             limits={"quick": {"limit": 600, "period": "250ms"}})
        those = [self.caller(daemon, limits=limits) for _ in range(2)]
        for withhold in (between.hold_replies, between.drop_replies, between.hold_replies):
            for caller in those:
                caller.wait_allowed(in_place=True)
            withhold()
            harness.wait_until(lambda: between.held_replies() or between.dropped, 10, "an answer")
            window = self.server.now_ms() // 250
            harness.wait_until(lambda w=window: self.server.now_ms() // 250 > w + 1, 5,
                               "the window's end")
            between.release()
            if withhold == between.drop_replies:
                between.cut()
        for caller in those:
            caller.wait_allowed(in_place=True)
        self.end()
        self.judge(limits=limits)
        self.assertGreater(int(daemon.info("stats")["answers_late"]), 0)
        self.assertGreater(self.assert_adds_up(daemon)["permits_stranded"], 0)


class Beside(Shared):
    def test_the_recipe_keeps_what_it_took(self):
        limits = [evaluate.Limit("api", RECIPE_LIMIT, 1000, 0, False)]
        daemons = [self.daemon(self.server, log_settings={"level": "info"}, limits={
            "api": {"limit": RECIPE_LIMIT, "period": "1s", "redis_key": "rate-limit:%w"}})
            for _ in range(2)]
        recipe = Recipe(self.server, callers=2)
        self.addCleanup(recipe.stop)
        those = [self.caller(daemon, limits=limits) for daemon in daemons]
        first = self.server.now_ms() // 1000
        harness.wait_until(lambda: self.server.now_ms() // 1000 > first + 5, 20, "five seconds")
        recipe.stop()
        self.end()
        self.judge(limits=limits)
        callers.sample(self.offset, self.server)
        taken = collections.Counter()
        for record in (r for caller in those for r in caller.records()):
            start = (record.before_ns + self.offset.low) // 1_000_000_000
            if record.decided_ns:
                taken[record.window_end_ms // 1000 - 1] += record.cost
            elif start == (record.after_ns + self.offset.high) // 1_000_000_000:
                taken[start] += record.cost
        both = 0
        for second, by_recipe in recipe.allowed.items():
            both += taken[second] > 0
            self.assertLessEqual(taken[second] + by_recipe, RECIPE_LIMIT, second)
        self.assertGreater(both, 0, "the recipe and leases in one second")


if __name__ == "__main__":
    harness.main()
