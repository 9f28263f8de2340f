"""What can happen to those who share memory: each row of docs/shared-memory.md that names this."""

import os
import random
import resource
import threading
import time

import harness
from support import callers, segment
from support.callers import evaluate

TIMEOUT_NS = 1_000_000_000  # stress_caller's


class Shared(harness.Case):
    """Callers through the library, judged by what they wrote down."""

    LIMITS = [evaluate.Limit("second", 3000, 1000, 0, False),
              evaluate.Limit("quick", 600, 250, 2, False)]

    def setUp(self):
        self.server = self.redis()
        self.dir = self.tmp()
        self.callers = []
        self.offset = evaluate.Offset()
        callers.sample(self.offset, self.server)

    def start(self, limits=None, **options):
        return self.daemon(self.server, log_settings={"level": "info"}, limits={
            limit.name: {"limit": limit.permits, "period": f"{limit.period_ms}ms"}
            for limit in limits or self.LIMITS}, **options)

    def caller(self, daemon, way="shm", limits=None, prefix=()):
        caller = self._owned(callers.Caller(self.dir, daemon, limits or self.LIMITS, way, prefix))
        self.callers.append(caller)
        return caller

    def end(self, those=None):
        for caller in those or self.callers:
            if caller.process.poll() is None:
                self.assertEqual(caller.end(), 0)

    def judge(self, those=None, limits=None):
        """The verdict, which must not have found anything."""
        callers.sample(self.offset, self.server)
        records = [r for caller in those or self.callers for r in caller.records()]
        verdict = evaluate.evaluate(records, limits or self.LIMITS, self.offset)
        self.assertEqual(verdict.wrong, [])
        self.assertGreater(verdict.decisions, 0)
        return verdict

    def assert_adds_up(self, daemon):
        info = {k: int(v) for k, v in daemon.info("leases").items()}
        self.assertEqual(info["permits_reserved"] + info["permits_settled"]
                         + info["permits_put_back"], sum(info["permits_" + end] for end in (
            "spent", "spent_shared", "released", "stranded", "held")), info)
        return info


class Daemons(Shared):
    def test_killed_and_started_again(self):
        daemon = self.start()
        those = [self.caller(daemon) for _ in range(3)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        for _ in range(5):
            daemon.kill9()
            daemon = self.start(socket_path=daemon.socket)
            for caller in those:
                caller.wait_allowed(in_place=True)
        self.end()
        self.assertGreater(self.judge().full, 0)
        self.assertEqual(self.assert_adds_up(daemon)["shm_forged"], 0)

    def test_hung(self):
        limits = [evaluate.Limit("wide", 1_000_000, 1000, 0, False)]
        daemon = self.start(limits)
        those = [self.caller(daemon, limits=limits) for _ in range(2)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        stopped = time.monotonic_ns()
        daemon.stop()
        for caller in those:
            caller.wait_failed()
        daemon.cont()
        for caller in those:
            caller.wait_allowed()
        self.end()
        self.judge(limits=limits)
        spent = [r for c in those for r in c.records() if r.before_ns > stopped and r.decided_ns]
        self.assertGreater(len(spent), 0, "what lies in the segment is spent without the daemon")
        for caller in those:
            # A time-out is one; that a call takes as long as the daemon is stuck is another thing.
            self.assertLess(caller.counts().longest_ns, 3 * TIMEOUT_NS * harness.SLOW)

    def test_hung_for_whole_windows(self):
        """Permits of a window are of no use in the next one, however long nobody says so."""
        daemon = self.start()
        those = [self.caller(daemon) for _ in range(2)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        for _ in range(3):
            daemon.stop()
            start = self.server.now_ms()
            harness.wait_until(lambda: self.server.now_ms() > start + 1300, 10, "two boundaries")
            daemon.cont()
            for caller in those:
                caller.wait_allowed()
        self.end()
        self.judge()

    def test_a_store_that_stops(self):
        daemon = self.start()
        caller = self.caller(daemon)
        caller.wait_allowed(in_place=True)
        self.server.stop()
        denied = caller.counts().denied
        harness.wait_until(lambda: caller.counts().denied > denied, 10, "a denial")
        self.server.cont()
        caller.wait_allowed(in_place=True)
        self.end()
        self.judge()


class Clients(Shared):
    def test_killed_at_any_moment(self):
        daemon = self.start()
        stays = self.caller(daemon)
        chance = random.Random(7)
        for _ in range(20):
            caller = self.caller(daemon)
            wanted = chance.randrange(1, 3000)
            harness.wait_until(lambda c=caller, n=wanted: c.counts().allowed > n, 20, "its checks")
            caller.kill9()
        stays.wait_allowed(in_place=True)
        self.end()
        self.assertGreater(self.judge().full, 0)
        self.assertEqual(self.assert_adds_up(daemon)["shm_forged"], 0)

    def test_a_thousand_attached(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        daemon = self.start(server={"max_clients": 2000})
        fds = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        attached = []
        for _ in range(1000):
            attached.append(self._owned(segment.Segment(daemon.socket)))
        self.assertEqual(len({a.generation for a in attached}), 1)
        self.assertEqual(daemon.info()["shm_attached"], "1000")
        self.assertLessEqual(len(os.listdir(f"/proc/{daemon.pid}/fd")), fds + 1000 + 5)
        caller = self.caller(daemon)
        caller.wait_allowed(in_place=True)
        self.end()
        self.judge()

    def test_another_time_namespace(self):
        """Its CLOCK_MONOTONIC is no clock of this segment's: the socket, and right."""
        if os.geteuid() != 0:
            self.skipTest("only root makes a time namespace")
        daemon = self.start()
        prefix = ["unshare", "--time", "--fork", "--kill-child=TERM", "--monotonic", "1000"]
        away = self.caller(daemon, prefix=prefix)
        here = self.caller(daemon)
        harness.wait_until(lambda: away.counts().allowed > 1000, 20, "its checks")
        with open(f"/proc/{away.process.pid}/task/{away.process.pid}/children",
                  encoding="ascii") as file:
            child = int(file.read().split()[0])
        self.end([here])
        self.assertEqual(away.end(child), 0)
        shift = 1000 * 1_000_000_000
        records = [r._replace(before_ns=r.before_ns - shift, after_ns=r.after_ns - shift)
                   for r in away.records()]
        self.assertEqual({r.decided_ns for r in records}, {0})
        self.assertGreater(records[0].before_ns, 0)
        callers.sample(self.offset, self.server)
        verdict = evaluate.evaluate(records + here.records(), self.LIMITS, self.offset)
        self.assertEqual(verdict.wrong, [])
        self.assertGreater(verdict.in_place, 0, "the one beside it shares memory")

    def test_random_bytes_over_everything(self):
        forged_at, other = self.start(), self.start()
        victims = [self.caller(forged_at), self.caller(forged_at), self.caller(forged_at, "socket")]
        elsewhere = [self.caller(other) for _ in range(2)]
        for caller in victims + elsewhere:
            caller.wait_allowed()
        most, end = {}, threading.Event()
        watch = threading.Thread(target=self.watch_counters, args=(most, end), daemon=True)
        watch.start()
        rogue = self._owned(segment.Segment(forged_at.socket))
        chance = random.Random(5)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            # Everything, then where the victims' pools are, so that words are hit that matter.
            rogue.memory[:] = chance.randbytes(rogue.bytes)
            rogue.memory[segment.HEADER_BYTES:] = chance.randbytes(
                rogue.bytes - segment.HEADER_BYTES)
        self.assertEqual([c.process.poll() for c in victims + elsewhere], [None] * 5)
        for caller in elsewhere:
            caller.wait_allowed(in_place=True)
        for caller in victims:
            caller.wait_allowed()
        harness.wait_until(lambda: int(forged_at.info()["shm_forged"]) > 0, 10, "its report")
        end.set()
        watch.join(30)
        self.end()
        self.assertGreater(len(most), 0)
        for name, value in most.items():
            self.assertLessEqual(value, self.permits_of(name), name)
        verdict = self.judge(elsewhere)
        self.assertGreater(verdict.in_place, 0)
        self.assertEqual(other.info()["shm_forged"], "0")
        self.assertTrue(forged_at.running())

    def test_permits_that_vanish_are_no_demand(self):
        """A program that destroys every pool makes nobody lease a day's limit for it."""
        daemon = self.daemon(self.server, limits={"day": "1000000/day"})
        rogue = self._owned(segment.Segment(daemon.socket))
        nothing = bytes(rogue.bytes - segment.HEADER_BYTES)
        checks, until = 0, time.monotonic() + 2
        with daemon.conn() as conn:
            while time.monotonic() < until:
                self.assertEqual(conn.check("day").allowed, 1)
                checks += 1
                rogue.memory[segment.HEADER_BYTES:] = nothing
        self.assertGreater(int(daemon.info()["shm_forged"]), 0)
        counted = sum(self.server.counters().values())
        self.assertLessEqual(counted, 20 * checks)
        with open(daemon.log_file, encoding="utf-8") as log:
            self.assertEqual(log.read().count(" shm_forged: "), 1)

    def permits_of(self, name):
        return next(limit.permits for limit in self.LIMITS if "{" + limit.name + ":" in name)

    def watch_counters(self, most, end):
        db = self.server.client()
        while not end.wait(0.02):
            names = db.keys("rategate:{*")
            for name, value in zip(names, db.mget(names) if names else []):
                most[name] = max(most.get(name, 0), int(value or 0))
        db.close()


if __name__ == "__main__":
    harness.main()
