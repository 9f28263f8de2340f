"""ACQUIRE, which waits where CHECK would deny: docs/waiting.md, docs/protocol.md."""

import itertools
import os
import signal
import time

import harness
from support.acquirers import Acquirers, info, inversions, wait_acquiring
from support.buckets import bucket, most_beyond

SLOW = harness.SLOW
LATE = 0.3 * SLOW  # seconds by which an answer may come after its moment, on a busy machine


def per_window(permits, period="200ms", **more):
    return {"limit": f"{permits}/{period}", **more}


class Case(harness.Case):
    def acquirers(self):
        return self._owned(Acquirers())

    def assert_in_order(self, waiters):
        self.assertEqual(inversions(waiters), [])

    def assert_all_allowed(self, waiters):
        self.assertEqual([one.number for one in waiters if not one.allowed], [])


class Order(Case):
    KINDS = {"exact": per_window(25, mode="exact"), "leased": per_window(25, mode="lease"),
             "bucket": bucket("150/s", 3)}

    def serve_200(self, daemon, name):
        waiters = self.acquirers()
        line = waiters.ask_in_order(daemon, 200, name)
        waiters.wait(line)
        self.assert_all_allowed(line)
        self.assert_in_order(line)
        self.assertEqual(info(self.conn(daemon), "clients")["acquiring"], "0")

    def test_200_on_one_host(self):
        server = self.redis()
        for name, limit in self.KINDS.items():
            with self.subTest(limit=name):
                self.serve_200(self.daemon(server, limits={name: limit}), name)

    def test_200_with_the_memory_store(self):
        for name, limit in self.KINDS.items():
            with self.subTest(limit=name):
                self.serve_200(self.daemon(limits={name: limit}), name)

    def test_a_large_cost_is_not_overtaken(self):
        server = self.redis()
        for name, limit in (("window", per_window(4, mode="exact")), ("bucket", bucket("20/s", 4))):
            with self.subTest(limit=name):
                daemon = self.daemon(server, limits={name: limit})
                waiters = self.acquirers()
                daemon.check(name, cost=4)
                line = []
                for cost in (4, 1, 4, 1, 1):
                    line += waiters.ask_in_order(daemon, 1, name, "COST", cost)
                waiters.wait(line)
                self.assert_all_allowed(line)
                self.assert_in_order(line)

    def test_200_on_three_hosts_are_served_by_a_bucket_in_the_order_of_arrival_at_the_store(self):
        rate, burst, count = 40, 2, 200
        server = self.redis()
        daemons = [self.daemon(server, limits={"b": bucket(f"{rate}/s", burst)}) for _ in range(3)]
        waiters = self.acquirers()

        def charged():
            return [server.db.dump(key) for key in server.db.scan_iter("*:gcra")]
        for daemon in itertools.islice(itertools.cycle(daemons), count):
            before = charged()
            one = waiters.ask(daemon, "b")
            # Or it had what was leased.
            harness.wait_until(lambda: one.got or charged() != before, 10, "a booking")
        answered = waiters.wait()
        self.assert_all_allowed(answered)
        # Their turns are 25 ms apart.
        late = [(one.number, other.number) for one, other in itertools.combinations(answered, 2)
                if one.number > other.number and other.got - one.got > LATE]
        self.assertEqual(late, [])
        assert_within(self, answered, burst, rate)


def assert_within(case, waiters, burst, rate):
    """No more than burst + rate * d in any time d, but for the time that answers take."""
    case.assertLessEqual(most_beyond(waiters, burst, rate), 0)
    got = sorted(one.got for one in waiters if one.allowed)
    beyond = max((last - first + 1 - burst - rate * (got[last] - got[first])
                  for first, last in itertools.combinations(range(len(got)), 2)), default=0)
    case.assertLessEqual(beyond, rate * LATE)


class Leaving(Case):
    def test_those_behind_move_up(self):
        server = self.redis()
        turn = 0.5
        for name, limit in (("window", per_window(1, "500ms", mode="exact")),
                            ("bucket", bucket("2/s", 1))):
            with self.subTest(limit=name):
                daemon = self.daemon(server, limits={name: limit})
                waiters = self.acquirers()
                if name == "window":
                    server.wait_for_window(500)
                start = time.monotonic()
                line = waiters.ask_in_order(daemon, 8, name)
                for one in (line[2], line[4], line[5]):
                    waiters.leave(one)
                last = waiters.wait(line)[-1]
                self.assert_all_allowed([one for one in line if not one.left])
                self.assert_in_order(line)
                # The first at once, and four after it.
                self.assertLess(last.got - start, 4 * turn + LATE + turn)
                # Who comes now is not denied for what those who left had asked for.
                harness.wait_until(lambda: daemon.check(name).allowed, 3 * turn + 1, "a permit")

    def test_who_has_left_takes_nothing(self):
        daemon = self.daemon(limits={"api": per_window(1, "500ms", mode="exact")})
        waiters = self.acquirers()
        daemon.check("api")
        for one in waiters.ask_in_order(daemon, 20, "api"):
            waiters.leave(one)
        wait_acquiring(daemon, 0)
        start = time.monotonic()
        waiters.ask(daemon, "api")
        self.assertLess(waiters.wait()[0].got - start, 0.5 + LATE)


class Quiet(Case):
    """Nobody polls."""

    def spent_in_a_second(self, daemon):
        """Ticks of the processor and sleeps of the daemon's threads."""
        def state():
            with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
                words = file.read().rsplit(")", 1)[1].split()
            sleeps = 0
            for thread in os.listdir(f"/proc/{daemon.pid}/task"):
                with open(f"/proc/{daemon.pid}/task/{thread}/status", encoding="ascii") as file:
                    sleeps += sum(int(line.split()[1]) for line in file
                                  if line.startswith("voluntary_ctxt_switches"))
            return int(words[11]) + int(words[12]), sleeps
        before, end = state(), time.monotonic() + 1
        harness.wait_until(lambda: time.monotonic() >= end, 2, "a second")
        return [after - then for after, then in zip(state(), before)]

    def test_200_who_wait_cost_nothing(self):
        server = self.redis()
        for name, limit, wakes in (("window", per_window(1, "1min", mode="exact"), 60),
                                   ("bucket", bucket("10/s", 1), 150)):
            with self.subTest(limit=name):
                daemon = self.daemon(server, limits={name: limit},
                                     log_settings={"level": "info"})
                idle = self.spent_in_a_second(daemon)
                server.wait_for_window(60_000, (0.0, 0.85))
                waiters = self.acquirers()
                waiters.ask_in_order(daemon, 200, name, timeout_ms=60_000)
                commands = server.db.info("stats")["total_commands_processed"]
                ticks, sleeps = self.spent_in_a_second(daemon)
                commands = server.db.info("stats")["total_commands_processed"] - commands
                self.assertLessEqual(ticks, idle[0] + 5)  # 50 ms
                self.assertLessEqual(sleeps, idle[1] + wakes)
                self.assertLess(commands, 150)
                self.assertGreater(int(info(self.conn(daemon), "clients")["acquiring"]), 150)

    def test_each_is_one_command(self):
        daemon = self.daemon(self.redis(), limits={"b": bucket("100/s", 1)})
        waiters = self.acquirers()
        before = int(daemon.info("stats")["checks"])
        for _ in range(100):
            waiters.ask(daemon, "b")
        waiters.wait()
        self.assertEqual(int(daemon.info("stats")["checks"]) - before, 100)


class Faults(Case):
    def test_a_store_that_is_killed_while_bookings_are_out(self):
        rate, burst = 40, 3
        server = self.redis()
        daemon = self.daemon(server, limits={"b": bucket(f"{rate}/s", burst)})
        waiters = self.acquirers()
        waiters.ask_in_order(daemon, 80, "b", timeout_ms=20_000)
        waiters.wait(count=20)
        server.restart()
        waiters.wait()
        with self.subTest("some after it"):
            harness.wait_until(lambda: daemon.check("b").allowed, 10, "a permit")
        assert_within(self, waiters.all, burst, rate)
        self.assertEqual([one.error for one in waiters.all if one.error], [])

    def test_a_store_that_is_away(self):
        server = self.redis()
        daemon = self.daemon(server, limits={
            policy: {**per_window(1, "1min"), "on_store_down": policy}
            for policy in ("deny", "allow", "error")})
        server.kill9()
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")
        waiters = self.acquirers()
        denied, allowed, error = (waiters.ask(daemon, policy, timeout_ms=2000)
                                  for policy in ("deny", "allow", "error"))
        waiters.wait([allowed, error], 5)
        self.assertEqual((allowed.allowed, allowed.decision.reason), (True, harness.STORE_AWAY))
        self.assertTrue(error.error.startswith("STOREDOWN "))
        waiters.wait([denied], 10)
        self.assertEqual((denied.allowed, denied.decision.reason), (False, harness.STORE_AWAY))


class Ends(Case):
    def test_what_is_wrong(self):
        daemon = self.daemon(limits={"api": per_window(5, "1min"), "b": bucket("1/h", 5)})
        conn = self.conn(daemon)
        for words, text in (
                (["api"], "ERR wrong number of arguments for 'acquire' command"),
                (["api", "COST", "1"], "ERR TIMEOUT is missing: expected ACQUIRE "),
                (["api", "TIMEOUT", "-1"], "ERR invalid time-out '-1'"),
                (["api", "TIMEOUT", "1s"], "ERR invalid time-out '1s'"),
                (["api", "TIMEOUT", ""], "ERR invalid time-out ''"),
                (["api", "TIMEOUT", "86400001"], "ERR invalid time-out '86400001'"),
                (["api", "TIMEOUT", "1", "TIMEOUT", "1"], "ERR TIMEOUT is given twice"),
                (["api", "TIMEOUT", "1", "COST", "0"], "ERR invalid cost '0'"),
                (["api", "TIMEOUT", "1", "PERIOD", "1s"], "ERR LIMIT and PERIOD go together"),
                (["other", "TIMEOUT", "1"], "NOLIMIT no limit named 'other'")):
            with self.subTest(words=words):
                self.assertTrue(str(conn.command("ACQUIRE", *words)).startswith(text))
        for name in ("api", "b"):
            told = conn.command("ACQUIRE", name, "COST", "6", "TIMEOUT", "30000")
            self.assertEqual((told[0], told[3], told[5]), (0, -1, harness.NEVER_FITS))

    def test_a_map_with_the_receipt(self):
        daemon = self.daemon(self.redis(), limits={
            "w": per_window(3, "1h", mode="exact"), "b": bucket("5/s", 1)})
        conn = self.conn(daemon)
        for name in ("w", "b", "b"):
            reply = conn.command("ACQUIREX", name, "TIMEOUT", "5000")
            told = {field.decode(): value for field, value in zip(reply[::2], reply[1::2])}
            self.assertEqual((told["allowed"], told["rule"]), (1, name.encode()))
            self.assertGreater(told["receipt"], 0)
        self.assertEqual(conn.command("REFUND", "w", "COST", "1", "AT",
                                      conn.command("ACQUIREX", "w", "TIMEOUT", "0")[
                                          reply.index(b"receipt") + 1]), 1)

    def test_as_many_wait_as_may(self):
        daemon = self.daemon(limits={"api": per_window(1, "1min", mode="exact")},
                             server={"max_parked": 3, "max_parked_per_key": 2})
        waiters = self.acquirers()
        with daemon.conn() as conn:
            for key in "ab":
                conn.check("api", key)
            waiters.ask_in_order(daemon, 2, "api", "a", timeout_ms=60_000)
            self.assertTrue(str(conn.command("ACQUIRE", "api", "a", "TIMEOUT", "60000"))
                            .startswith("BUSY "))
            waiters.ask_in_order(daemon, 1, "api", "b", timeout_ms=60_000)
            self.assertTrue(str(conn.command("ACQUIRE", "api", "b", "TIMEOUT", "60000"))
                            .startswith("BUSY "))
            self.assertEqual(conn.check("api", "b").allowed, 0)  # waits for nothing
            waiters.leave(waiters.all[0])
            wait_acquiring(daemon, 2)
        waiters.ask_in_order(daemon, 1, "api", "b", timeout_ms=60_000)
        wait_acquiring(daemon, 3)

    def test_a_limit_that_is_raised(self):
        server = self.redis()
        for name, limit, more in (("w", per_window(1, "1min"), per_window(50, "1min")),
                                  ("b", bucket("1/s", 1), bucket("50/s", 50))):
            with self.subTest(limit=name):
                daemon = self.daemon(server, limits={name: limit})
                waiters = self.acquirers()
                daemon.check(name)
                line = waiters.ask_in_order(daemon, 5, name, timeout_ms=60_000)
                waiting = [one for one in line if one.got is None]
                daemon.tables["limits"] = {name: more}
                daemon.write_config()
                daemon.reload()
                waiters.wait(line)
                for one in waiting:
                    if not one.allowed:
                        self.assertEqual(one.decision.retry_after_ms, 1)
                harness.wait_until(lambda: daemon.check(name).allowed, 10, "a permit")

    def test_a_daemon_that_stops(self):
        daemon = self.daemon(self.redis(), limits={"w": per_window(1, "1min", mode="exact"),
                                                   "b": bucket("1/s", 1)})
        waiters = self.acquirers()
        for name in ("w", "b"):
            daemon.check(name)
            waiters.ask_in_order(daemon, 5, name)
        daemon.signal(signal.SIGTERM)
        waiters.wait()
        # On a busy machine a permit has flowed in before that.
        self.assertEqual({str(one.error)[:9] for one in waiters.all if not one.allowed}, {"SHUTDOWN "})
        self.assertEqual(daemon.wait_exit(), 0)

    def test_nobody_waits_for_longer_than_max_wait(self):
        daemon = self.daemon(limits={"api": per_window(1, "150ms", mode="exact")},
                             server={"max_wait": "500ms"})
        waiters = self.acquirers()
        line = [waiters.ask(daemon, "api", timeout_ms=60_000) for _ in range(20)]
        waiters.wait(line)
        denied = [one for one in line if not one.allowed]
        self.assertGreaterEqual(len(denied), 14)
        for one in denied:
            self.assertEqual(one.decision.reason, harness.OVER_LIMIT)
            self.assertGreater(one.decision.retry_after_ms, 0)
            self.assertLess(one.got - one.sent, 0.5 + LATE)

    def test_what_is_sent_behind_it_waits_for_it(self):
        daemon = self.daemon(limits={"api": per_window(1, "300ms", mode="exact")})
        conn = self.conn(daemon)
        conn.check("api")
        conn.send(b"ACQUIRE api TIMEOUT 5000\r\nPING\r\n")
        self.assertEqual((conn.read()[0], conn.read()), (1, "PONG"))


if __name__ == "__main__":
    harness.main()
