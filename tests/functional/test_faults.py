"""What can happen to Redis: the daemon answers throughout, comes back by itself, and admits no
more than the limit."""

import time

import redis as redis_py

import harness

LIMIT = 20
TIMEOUT = 0.25
BACKOFF_MAX = 0.5


class Faults(harness.Case):
    def setUp(self):
        self.server = self.redis()
        self.rategated = self.start(self.server)
        self.load = harness.Load(self.rategated, callers=3, pause=0.004)
        self.addCleanup(self.load.stop)
        self.wait_counted(time.time(), 5)

    def start(self, server, **settings):
        return self.daemon(server, limits={"api": f"{LIMIT}/1s", "long": f"{LIMIT}/1h"},
                           redis_settings={
                               "command_timeout": f"{int(TIMEOUT * 1000)}ms",
                               "connect_timeout": "250ms",
                               "backoff_max": f"{int(BACKOFF_MAX * 1000)}ms", **settings})

    def wait_counted(self, since, deadline):
        """Waits for a check that was sent after `since` and that the store allowed."""
        def counted():
            return any(a.decision and a.decision.allowed and a.decision.reason == harness.COUNTED
                       for a in self.load.since(since))
        harness.wait_until(counted, deadline, "a counted check")

    def wait_away(self, since):
        def away():
            return any(a.decision and a.decision.reason == harness.STORE_AWAY
                       for a in self.load.since(since))
        harness.wait_until(away, 5, "a check answered by the policy")

    def recovers(self, lost_window=0.0):
        """After a fault: back within the longest back-off and a second, and all that was asked
        was answered in time. lost_window: a window that is denied, because its count is lost."""
        ended = time.time()
        self.wait_counted(ended, BACKOFF_MAX + 1.0 + lost_window)
        self.load.stop()
        asked = self.load.asked()
        self.assertEqual(self.load.lost, 0)
        self.assertEqual([a for a in asked if a.error], [])
        self.assertLess(self.load.slowest(), (TIMEOUT + 0.5) * harness.SLOW)
        for second, (sure, _) in harness.allowed_by_window(asked).items():
            self.assertLessEqual(sure, LIMIT, f"second {second}")
        self.assertEqual({a.decision.reason for a in asked} -
                         {harness.COUNTED, harness.OVER_LIMIT, harness.STORE_AWAY}, set())
        self.assertTrue(self.rategated.running())

    def test_killed_and_started_later(self):
        began = time.time()
        self.server.kill9()
        self.wait_away(began)
        self.server.start()
        self.recovers(lost_window=1.0)

    def test_stopped_and_continued(self):
        began = time.time()
        self.server.stop()
        self.wait_away(began)
        self.server.cont()
        self.recovers()

    def test_restarted_empty(self):
        self.server.restart()
        self.recovers(lost_window=1.0)

    def test_flushall(self):
        self.server.flushall()
        self.recovers(lost_window=1.0)

    def test_script_flush(self):
        began = time.time()
        for _ in range(20):
            self.server.db.script_flush()
            self.wait_counted(began, 5)
            began = time.time()
        self.recovers()
        self.assertEqual({a.decision.reason for a in self.load.asked()},
                         {harness.COUNTED, harness.OVER_LIMIT})

    def test_out_of_memory(self):
        began = time.time()
        self.server.db.config_set("maxmemory", 1)
        self.wait_away(began)
        self.server.db.config_set("maxmemory", 0)
        self.recovers()

    def test_out_of_memory_is_said_once(self):
        """What needs no write is answered meanwhile, and says nothing of whether it takes any."""
        daemon = self.daemon(self.server, limits={"few": {"limit": 10, "period": "1h",
                                                          "mode": "exact"}})
        with daemon.conn() as conn:
            for _ in range(9):
                self.assertEqual(conn.check("few").allowed, 1)
            self.server.db.config_set("maxmemory", 1)
            for n in range(20):
                self.assertEqual(conn.check("few", cost=2).reason, harness.OVER_LIMIT)
                self.assertEqual(conn.check("few", f"k{n}").reason, harness.STORE_AWAY)
            self.server.db.config_set("maxmemory", 0)
            self.assertEqual(conn.check("few").allowed, 1)
        text = daemon.log_text()
        self.assertEqual((text.count(" store_refuses: "), text.count(" store_accepts: ")), (1, 1))

    def test_debug_sleep(self):
        began = time.time()
        # Over a connection of its own, and not waited for.
        with harness.Conn(self.server.socket) as sleeper:
            sleeper.send(harness.encode("DEBUG", "SLEEP", "1"))
            self.wait_away(began)
            self.assertEqual(sleeper.read(), "OK")
        self.recovers()

    def test_password_changed_and_back(self):
        began = time.time()
        self.server.user(password="other")
        self.server.db.client_kill_filter(_type="normal", skipme=True)
        self.wait_away(began)
        harness.wait_until(
            lambda: "WRONGPASS" in self.rategated.info("store")["store_error"], 5, "its reason")
        self.rategated.notify.wait_status("WRONGPASS")
        self.server.user()
        self.recovers()

    def test_client_kill(self):
        for _ in range(3):
            began = time.time()
            self.server.client().client_kill_filter(_type="normal", skipme=True)
            self.wait_counted(began, BACKOFF_MAX + 1.0)
        self.recovers()

    # Where Redis lost the counter, what can be seen is seen.

    def take(self, count):
        with self.rategated.conn() as conn:
            return [conn.check("long") for _ in range(count)]

    def test_restarted_empty_denies_the_rest_of_a_long_window(self):
        self.assertEqual([d.allowed for d in self.take(5)], [1] * 5)
        self.server.restart()
        self.wait_counted(time.time(), BACKOFF_MAX + 2.0)
        after = self.take(10)
        self.assertEqual([(d.allowed, d.reason) for d in after], [(0, harness.STORE_AWAY)] * 10)
        self.assertGreater(after[0].retry_after_ms, 0)

    def test_flushall_denies_the_rest_of_a_long_window(self):
        self.assertEqual([d.allowed for d in self.take(15)], [1] * 15)
        self.server.flushall()
        after = self.take(10)
        self.assertLessEqual(sum(d.allowed for d in after), LIMIT - 15)
        self.assertEqual((after[-1].allowed, after[-1].reason), (0, harness.STORE_AWAY))

    def test_a_flush_concerns_who_took_nothing_as_well(self):
        """Others may have taken all of the windows that are open."""
        self.server.flushall()
        self.assertEqual([(d.allowed, d.reason) for d in self.take(3)], [(0, harness.STORE_AWAY)] * 3)


class Unasked(harness.Case):
    """A way that says more than the store was asked costs a connection, and nothing else."""

    def setUp(self):
        self.way = self.proxy(self.redis())
        # Each answer is to a check: a lease would be one more, and who comes behind it is not unasked.
        self.rategated = self.daemon(
            self.way, limits={"api": {"limit": 1000000, "period": "1h", "mode": "exact"}})
        self.assertEqual(self.check(), harness.COUNTED)

    def check(self):
        return self.rategated.check("api", "key").reason

    def is_left_for(self, say):
        connections = self.way.connections
        say()
        harness.wait_until(lambda: self.way.connections > connections, 10, "another connection")
        self.rategated.wait_log("answered more than it was asked")
        harness.wait_until(lambda: self.check() == harness.COUNTED, 10, "a counted check")

    def test_behind_an_answer(self):
        for data in (b"+OK\r\n", b":1\r\n", b"*2\r\n:1\r\n:2\r\n", b"*2147483647\r\n", b"nonsense",
                     b"$3\r\nab"):
            self.way.add_to_next(data)
            self.is_left_for(lambda d=data: self.rategated.check("api", repr(d)))

    def test_when_nothing_is_asked(self):
        for data in (b"+OK\r\n", b"*", b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"):
            self.is_left_for(lambda d=data: self.way.add(d))

    def test_as_many_as_it_announces(self):
        """In the place of an answer: nobody waits while room is made for what does not come."""
        self.way.hold_replies()
        with self.rategated.conn() as asks:
            asks.send(harness.encode("CHECK", "api", "another"))
            harness.wait_until(self.way.held_replies, 10, "the answer")
            self.way.instead(b"*2147483647\r\n")
            self.rategated.wait_log("Out of memory")
            asks.read()
        self.way.release()
        self.assertLess(int(self.rategated.info()["loop_longest_us"]), 500_000 * harness.SLOW)
        harness.wait_until(lambda: self.check() == harness.COUNTED, 10, "a counted check")

    def test_an_error_is_why_it_leaves(self):
        self.way.add(b"-ERR you are too many\r\n")
        self.rategated.wait_log("you are too many")
        harness.wait_until(lambda: self.check() == harness.COUNTED, 10, "a counted check")


class Start(harness.Case):
    def test_a_redis_that_takes_no_more_clients_says_so(self):
        server = self.redis()
        server.db.config_set("maxclients", 1)
        daemon = self.daemon(server)
        daemon.wait_log("max number of clients reached")

    def test_redis_comes_after_the_daemon(self):
        server = self.redis()
        server.kill9()
        daemon = self.daemon(server, redis_settings={"backoff_max": "300ms"})
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        server.start()
        harness.wait_until(lambda: daemon.check("api").reason == harness.COUNTED, 1.3,
                           "the store")

    def test_wrong_password_is_said(self):
        server = self.redis(password="right")
        daemon = self.daemon(server, redis_settings={"password": "wrong", "backoff_max": "300ms"})
        daemon.wait_log("password")
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        self.assertNotIn("wrong", daemon.log_text().replace("wrong password", ""))

    def test_right_password_by_file_and_environment(self):
        server = self.redis(password="s3cret")
        path = self.tmp() + "/password"
        with open(path, "w", encoding="ascii") as file:
            file.write("s3cret\n")
        for options in ({"redis_settings": {"password_file": path}},
                        {"env_more": {"REDIS_PASSWORD": "s3cret"}}):
            daemon = self.daemon(server, **options)
            self.assertEqual(daemon.check("api").reason, harness.COUNTED)
            self.assertNotIn("s3cret", daemon.log_text())

    def test_tcp_and_a_database(self):
        server = self.redis(tcp=True)
        daemon = self.daemon(args=["--redis", f"redis://localhost:{server.port}/3", "--limit",
                                   "api=5/h", "--socket", "rg.sock"])
        self.assertEqual(daemon.check("api").allowed, 1)
        self.assertEqual(server.client(db=3).dbsize(), 2)  # and the record
        self.assertEqual(server.db.dbsize(), 0)

    def test_a_user_with_the_least_rights(self):
        server = self.redis()
        daemon = self.daemon(server)
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api").reason, harness.COUNTED)
            server.db.script_flush()
            self.assertEqual(conn.check("api").reason, harness.COUNTED)
        with self.assertRaises(redis_py.exceptions.ResponseError):
            server.client(**harness.login()).get("else")

    def test_a_right_that_is_missing_is_one_counters_matter(self):
        server = self.redis()
        daemon = self.daemon(server, redis_settings=server.user("-set"), limits={"api": "5/h"})
        with daemon.conn() as conn:
            # A cost above one needs the right for a counter that is new.
            replies = conn.pipeline([("CHECK", "api", key, "COST", cost) for _ in range(3)
                                     for key, cost in (("a", 1), ("b", 2), ("c", 1))])
        reasons = [harness.decision(reply).reason for reply in replies]
        self.assertEqual(reasons, [harness.COUNTED, harness.STORE_AWAY, harness.COUNTED] * 3)
        self.assertEqual(sorted(server.counters().values()), [3, 3])
        daemon.wait_log("counter_spoilt")
        self.assertEqual(daemon.log_text().count("counter_spoilt"), 1)
        self.assertNotIn("store_refuses", daemon.log_text())
        self.assertEqual(daemon.info("store")["store_status"], "up")

    def test_a_policy_that_evicts_is_warned_of(self):
        server = self.redis(args=["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        self.daemon(server).wait_log("allkeys-lru")


if __name__ == "__main__":
    harness.main()
