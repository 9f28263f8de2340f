"""When a denial says that asking again may help, and that those who wait do ask then."""

import subprocess
import time

import harness
from support import env

BACKOFF_MAX_MS = 400
TIMEOUT_MS = 250
# An attempt to connect, or the time that a check waits, and half of that time on top.
LONGEST_MS = BACKOFF_MAX_MS + TIMEOUT_MS * 3 // 2


class RetryAfter(harness.Case):
    def setUp(self):
        self.server = self.redis(keys=["lease:*", "exact:*"])

    def start(self, limit="100000/day", **more):
        return self.daemon(self.server, limits={"api": limit},
                           redis_settings={"backoff_max": f"{BACKOFF_MAX_MS}ms",
                                           "command_timeout": f"{TIMEOUT_MS}ms"}, **more)

    def waiter(self, daemon, *words):
        return self._owned(Waiter(daemon, *words))

    def denied_for_the_store(self, daemon):
        """A denial of a check that finds the store away."""
        with daemon.conn() as conn:
            found = []

            def away():
                found.append(conn.check("api", cost=5000))
                return found[-1].reason == harness.STORE_AWAY
            env.wait_until(away, 10, "a denial for the store")
            return found[-1]

    def test_a_store_that_is_away_is_no_matter_of_a_day(self):
        daemon = self.start()
        daemon.check("api")
        self.server.stop()
        denial = self.denied_for_the_store(daemon)
        self.assertEqual((denial.allowed, denial.remaining), (0, -1))
        self.assertGreater(denial.retry_after_ms, 0)
        self.assertLessEqual(denial.retry_after_ms, LONGEST_MS)
        self.assertGreater(denial.reset_after_ms, 0)

    def test_a_store_that_never_answered(self):
        gone = self.tmp() + "/none.sock"
        daemon = self.daemon(gone, limits={"api": "100000/day"},
                             redis_settings={"backoff_max": f"{BACKOFF_MAX_MS}ms"})
        denial = self.denied_for_the_store(daemon)
        self.assertLessEqual(denial.retry_after_ms, LONGEST_MS)

    def test_denials_are_spread(self):
        daemon = self.start()
        self.server.stop()
        self.denied_for_the_store(daemon)
        with daemon.conn() as conn:
            told = {conn.check("api", cost=5000).retry_after_ms for _ in range(100)}
        self.assertGreater(len(told), 10)

    def test_waiters_go_on_when_a_store_that_stood_still_answers_again(self):
        daemon = self.start()
        daemon.check("api")
        self.server.stop()
        self.addCleanup(self.server.cont)
        self.denied_for_the_store(daemon)
        waiters = [self.waiter(daemon, "--cost", "5000") for _ in range(5)]
        until = time.monotonic() + 1.5
        env.wait_until(lambda: time.monotonic() >= until, 5, "the store to have stood still")
        self.assertEqual({waiter.process.poll() for waiter in waiters}, {None})
        self.server.cont()
        for waiter in waiters:
            waiter.assert_goes_on(5)

    def test_waiters_notice_that_a_limit_was_raised(self):
        for way in ("lease", "exact"):
            with self.subTest(way):
                daemon = self.start({"limit": 2, "period": "1d", "mode": way,
                                     "redis_key": f"{way}:%w"})
                with daemon.conn() as conn:
                    self.assertEqual([conn.check("api").allowed for _ in range(3)], [1, 1, 0])
                waiters = [self.waiter(daemon) for _ in range(3)]
                env.wait_until(lambda: int(daemon.info("clients")["total_connections_received"]) > 4, 10,
                               "the waiters to have asked")
                daemon.tables["limits"]["api"]["limit"] = 50
                daemon.write_config()
                daemon.reload()
                for waiter in waiters:
                    waiter.assert_goes_on(4)


class Waiter:
    """`rategate run`, which waits until it is allowed."""

    def __init__(self, daemon, *words):
        self.process = subprocess.Popen(
            env.tied([env.BIN_DIR / "rategate", "--socket", daemon.socket, "run", "--timeout", "60s",
                      *words, "api", "--", "true"]),
            env=env.clean_environ(), stdin=subprocess.DEVNULL)

    def assert_goes_on(self, deadline):
        code = self.process.wait(deadline * env.SLOW)
        if code != 0:
            raise AssertionError(f"rategate run ended with {code}")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    harness.main()
