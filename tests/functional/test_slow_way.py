"""A way to the store that passes fewer reservations than are asked for: what passes serves somebody
who still waits, who asks for little gets it, and nothing is left of it afterwards.

All of it is about times, and on real clocks: whoever asks and the way itself are threads of this
test. Where the machine held one of them up, the figures tell of the machine, and it is done again.
"""

import time

import harness

LIMIT = "5/1h"  # in exact mode: a new key is one reservation, of one permit
HOUR = 3_600_000
HONEST = ("honest1", "honest2", "honest3", "honest4")
SHARE = 0.03    # of what passes, that each of them asks for
TIMEOUT = 0.25 * harness.SLOW
ATTEMPTS = 5
BACKOFF_MAX = 2  # s, as it is by default


class SlowWay(harness.Case):
    def start(self, rate, clients):
        self.addCleanup(harness.run_before_others())
        self.rate, self.server = rate, self.redis()
        harness.wait_for_window(HOUR, self.server.now_ms, (0.0, 1 - 60 / 3600))
        self.way = self.slow_way(self.server, rate)
        self.rategated = self.daemon(
            self.way, limits={"cold": LIMIT}, server={"max_pending": 100_000},
            redis_settings={"command_timeout": f"{int(TIMEOUT * 1000)}ms"})
        self.load = self.paced_load(self.rategated, "cold", clients)

    def undisturbed(self, run, *args):
        """What run(*args) answers, the first time that nothing was held up, or the last."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = run(*args)
            held_up = max(self.way.held_up, self.load.held_up)
            if held_up < TIMEOUT / 8 or attempt == ATTEMPTS:
                return answer
            print(f"held up for {held_up:.3f} s, once more", flush=True)
            self.doCleanups()
        return None


class Overload(SlowWay):
    """One client asks for twice as much as passes, and four for three percent of it each."""

    def overload(self, rate):
        """(when the load had lasted for two time-outs, when the first client stopped, INFO)."""
        self.start(rate, ["hog", *HONEST])
        modest = {name: SHARE * rate for name in HONEST}
        began = self.load.pace(hog=2 * rate, **modest)
        self.load.wait_answers(int((2 + 4 * SHARE) * rate * (2 * TIMEOUT + 1.5)))
        info = self.rategated.info()
        ended = self.load.pace(**modest)
        self.load.wait_answers(int(4 * SHARE * rate * (3 * TIMEOUT + 0.5)), HONEST)
        self.load.pace()
        self.load.wait_all_answered()
        return began + 2 * TIMEOUT, ended, info

    def holds_at(self, rate):
        settled, ended, info = self.undisturbed(self.overload, rate)
        answered = self.load.answered()
        passed = self.way.passed(settled, ended)
        counted = sum(a.counted for a in answered if settled <= a.got < ended)
        with self.subTest("what passes serves somebody who waits"):
            self.assertGreaterEqual(counted, 0.9 * passed)
        with self.subTest("the way is used"):
            self.assertGreaterEqual(passed, 0.9 * rate * (ended - settled))
        with self.subTest("who asks for little gets it"):
            for name in HONEST:
                served = [a.counted for a in self.load.answered([name])
                          if settled <= a.sent < ended]
                self.assertGreaterEqual(sum(served), 0.95 * len(served), name)
        with self.subTest("it leaves nothing behind"):
            late = [a.counted for a in answered if a.sent >= ended + 2 * TIMEOUT]
            self.assertGreater(len(late), SHARE * rate * TIMEOUT)
            self.assertEqual(sum(late), len(late))
        with self.subTest("slow is not away"):
            self.assertEqual(info["store_status"], "up")
            self.assertNotIn("store_away", self.rategated.log_text())
            self.assertEqual(self.rategated.info()["store_reconnects"], "0")
            self.assertEqual({a.reason for a in answered}, {harness.COUNTED, harness.STORE_AWAY})
        with self.subTest("it is told"):
            self.is_told(info, sum(not a.counted for a in answered))

    def is_told(self, info, denied):
        self.assertGreater(int(info.get("store_queue", "-1")), 0)
        after = self.rategated.info()
        self.assertEqual(after["store_queue"], "0")
        # Of those that were denied nearly none was asked for.
        self.assertLessEqual(int(after["checks_not_asked"]), denied)
        self.assertGreaterEqual(int(after["checks_not_asked"]), 0.8 * denied)
        self.assertEqual(self.rategated.log_text().count(" store_slow:"), 1)

    def test_of_1500_a_second(self):
        self.holds_at(1500)

    def test_of_4700_a_second(self):
        self.holds_at(4700)


class Burst(SlowWay):
    """Six thousand checks at once, of which a fifth passes in time."""

    def burst(self):
        """(permits charged, checks allowed, counters under way when the last was denied)."""
        self.start(4700, [f"client{n}" for n in range(6)])
        self.load.burst(1000)
        self.load.wait_all_answered()
        under_way = self.way.under_way()
        # A check that was denied while it was under way waits for that still.
        harness.wait_until(lambda: self.rategated.info()["waiting_checks"] == "0", 10,
                           "an empty way")
        allowed = sum(a.counted for a in self.load.answered())
        return len(self.server.counters()), allowed, under_way

    def test_what_is_denied_is_not_charged(self):
        charged, allowed, under_way = self.undisturbed(self.burst)
        self.assertLessEqual(charged - allowed, 0.1 * charged + under_way)
        self.assertGreaterEqual(allowed, 0.6 * self.rate * TIMEOUT)


class Calm(SlowWay):
    """Seven tenths of what passes."""

    def calm(self):
        self.start(1500, ["one", *HONEST])
        self.load.pace(one=(0.7 - 4 * SHARE) * self.rate,
                       **{name: SHARE * self.rate for name in HONEST})
        self.load.wait_answers(1000)
        self.load.pace()
        self.load.wait_all_answered()
        return [a.counted for a in self.load.answered()]

    def test_all_of_it_is_served(self):
        counted = self.undisturbed(self.calm)
        self.assertEqual(sum(counted), len(counted))
        self.assertEqual(self.rategated.info().get("checks_not_asked"), "0")
        self.assertNotIn("store_slow", self.rategated.log_text())


class Standstill(harness.Case):
    """A store that stands still for two fifths of the time-out, as a slow command makes it."""

    CLIENTS = 100
    ROUNDS = 4
    TIMEOUT = 1  # s: of the rest a busy machine may take a part

    def test_who_has_waited_is_served(self):
        server = self.redis()
        rategated = self.daemon(server, limits={"cold": LIMIT}, redis_settings={
            "command_timeout": f"{self.TIMEOUT}s"})
        conns = [self.conn(rategated) for _ in range(self.CLIENTS)]
        sleeper = self._owned(harness.Conn(server.socket))
        for turn in range(self.ROUNDS):
            # Some are asked for before it stands still, and tell how long an answer has taken.
            for conn in conns[::2]:
                conn.send(harness.encode("CHECK", "cold", f"{turn}-{conn.sock.fileno()}"))
            sleeper.send(harness.encode("DEBUG", "SLEEP", f"{0.4 * self.TIMEOUT:.3f}"))
            for conn in conns[1::2]:
                conn.send(harness.encode("CHECK", "cold", f"{turn}-{conn.sock.fileno()}"))
            self.assertEqual([harness.decision(conn.read()).allowed for conn in conns],
                             [1] * self.CLIENTS)
            self.assertEqual(sleeper.read(), "OK")
        self.assertEqual(rategated.info()["checks_not_asked"], "0")


class Slower(SlowWay):
    """A way that grows slower and slower, while answers never cease: until each takes half as long
    again as anybody waits for it. Neither Redis nor this host has stood still, so that nothing but
    the time that answers take tells of what use it is."""

    def grow_slower(self):
        """The moments when answers began to be late, and when the way was given up."""
        began = time.monotonic()
        late = began + 2 * TIMEOUT

        def is_given_up():
            self.way.delay(min(1.5 * TIMEOUT, (time.monotonic() - began) / 2))
            return self.rategated.info()["store_status"] == "away"
        harness.wait_until(is_given_up, 20, "the way to be given up")
        return late, time.monotonic()

    def slower(self):
        """(seconds until it was given up, what was answered then, seconds until it was used again)."""
        self.start(None, ["one"])
        self.load.pace(one=200)
        self.load.wait_answers(100)
        late, given_up = self.grow_slower()
        self.load.wait_answers(200)
        answered = [a for a in self.load.answered() if a.sent > given_up]
        self.way.release()
        released = time.monotonic()
        harness.wait_until(lambda: self.load.answered()[-1].counted, 20, "the way to be used again")
        return given_up - late, answered, time.monotonic() - released

    def test_it_is_given_up_and_used_again(self):
        took, answered, back = self.undisturbed(self.slower)
        self.assertLess(took, 3 * TIMEOUT)
        waited = sorted(a.got - a.sent for a in answered)
        self.assertLess(waited[len(waited) * 99 // 100], TIMEOUT / 10)
        self.assertEqual({a.reason for a in answered}, {harness.STORE_AWAY})
        self.assertLess(back, (BACKOFF_MAX + 1) * harness.SLOW)
        self.assertEqual(self.rategated.log_text().count(" store_away:"), 1)
        self.assertEqual(self.rategated.log_text().count(" store_up:"), 2)


if __name__ == "__main__":
    harness.main()
