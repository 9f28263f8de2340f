"""SIGHUP and RELOAD: what can change changes, as a whole or not at all, and no answer is lost by it."""

import os
import signal

import harness


class Reload(harness.Case):
    def test_under_load_no_answer_is_lost_and_no_count_changes(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": "700/h", "other": "5/h"},
                             redis_settings={"command_timeout": "5s"})
        with harness.Load(daemon, callers=4, pause=0.0005) as load:
            for n in range(20):
                daemon.tables["limits"]["other"] = f"{5 + n}/h"
                daemon.write_config()
                daemon.reload()
                self.assertEqual(daemon.check("other").limit, 5 + n)
            harness.wait_until(lambda: load.allowed() >= 700, 30, "all permits")
        asked = load.asked()
        self.assertEqual(load.lost, 0)
        self.assertEqual([a for a in asked if a.error], [])
        self.assertEqual({a.decision.reason for a in asked} - {harness.COUNTED,
                                                               harness.OVER_LIMIT}, set())
        self.assertEqual(load.allowed(), 700)
        counters = server.counters("rategate:{api:*")
        self.assertEqual(list(counters.values()), [700])

    def test_limits_change_come_and_go(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"stays": "2/h", "grows": "2/h", "goes": "2/h"})
        with daemon.conn() as conn:
            for name in ("stays", "grows", "goes"):
                self.assertEqual([conn.check(name).allowed for _ in range(3)], [1, 1, 0])
            daemon.tables["limits"] = {"stays": "2/h", "grows": "3/h", "comes": "1/h"}
            daemon.write_config()
            daemon.reload()
            # The counters are the same ones: a larger number leaves what it is larger by.
            self.assertEqual(conn.check("stays").allowed, 0)
            self.assertEqual([conn.check("grows").allowed for _ in range(2)], [1, 0])
            self.assertEqual([conn.check("comes").allowed for _ in range(2)], [1, 0])
            gone = conn.command("CHECK", "goes")
            self.assertRegex(str(gone), "^NOLIMIT no limit named 'goes'")

    def test_a_counter_that_moves_opens_no_window_again(self):
        server = self.redis(keys=["other:*"])
        for store in (server, None):
            with self.subTest(store=store):
                daemon = self.daemon(store, limits={"api": "100/s"})
                server.wait_for_window(1000, (0.02, 0.1))
                window = server.now_ms() // 1000
                with daemon.conn() as conn:
                    before = sum(conn.check("api").allowed for _ in range(60))
                    daemon.tables["limits"]["api"] = {"limit": 100, "period": "1s",
                                                      "redis_key": "other:%w"}
                    daemon.write_config()
                    daemon.reload()
                    denied = conn.check("api")
                    self.assertEqual((before, denied.allowed, denied.reason),
                                     (60, 0, harness.STORE_AWAY))
                    self.assertLessEqual(denied.retry_after_ms, 1000)
                    # Through another reload, too.
                    daemon.tables["limits"]["api"]["limit"] = 90
                    daemon.write_config()
                    daemon.reload()
                    again = conn.check("api")
                    if server.now_ms() // 1000 == window:
                        self.assertEqual(again.allowed, 0)
                    harness.wait_until(lambda: conn.check("api").allowed == 1, 3, "the next window")
                with open(daemon.log_file, encoding="utf-8") as log:
                    self.assertEqual(log.read().count(" limit_moved: "), 1)

    def test_the_log_level_changes(self):
        daemon = self.daemon(log_settings={"level": "error"})
        lines = daemon.log_text()
        daemon.tables["log"]["level"] = "debug"
        daemon.write_config()
        daemon.reload()
        self.assertGreater(len(daemon.log_text()), len(lines))

    def test_a_bad_file_changes_nothing(self):
        daemon = self.daemon(limits={"api": "3/h"})
        with daemon.conn() as conn:
            self.assertEqual(conn.check("api").limit, 3)
            for text, fault in (
                    ('store = "memory"\n[limits]\napi = "9/h"\n[server]\nsokcet = "x"\n', "sokcet"),
                    ('store = "memory"\n[limits]\napi = "9/h"\nbad = "many/h"\n', "bad"),
                    ("store = ", ":1:")):
                daemon.write_config(text)
                daemon.reload()
                self.assertEqual(conn.check("api").limit, 3)
                self.assertIn(fault, daemon.log_text())
                self.assertIn(fault, daemon.notify.status())
                self.assertIn("rategate.toml", daemon.notify.status())
            os.unlink(daemon.config)
            daemon.reload()
            self.assertEqual(conn.check("api").limit, 3)
            daemon.write_config()
            daemon.reload()
            self.assertNotIn("rategate.toml", daemon.notify.status())

    def test_what_cannot_be_reloaded_is_named(self):
        daemon = self.daemon(limits={"api": "3/h"})
        daemon.tables["server"].update(max_clients=77, idle_timeout="1h")
        daemon.tables["limits"]["api"] = "4/h"
        daemon.write_config()
        daemon.reload()
        line = daemon.wait_log("max_clients")
        self.assertIn("idle_timeout", line)
        self.assertEqual(daemon.info("clients")["max_clients"], "10000")
        self.assertEqual(daemon.check("api").limit, 4)

    def test_limits_d_is_read_again(self):
        daemon = self.daemon(limits={"api": "3/h"})
        folder = os.path.join(daemon.dir, "limits.d")
        os.mkdir(folder)
        with open(os.path.join(folder, "more.toml"), "w", encoding="ascii") as file:
            file.write('[limits]\nmore = "7/h"\n')
        daemon.reload()
        self.assertEqual(daemon.check("more").limit, 7)

    def test_many_signals_at_once(self):
        daemon = self.daemon(limits={"api": "100/h"})
        with daemon.conn() as conn:
            for _ in range(50):
                daemon.signal(signal.SIGHUP)
                self.assertEqual(conn.command("PING"), "PONG")
        daemon.reload()


class Verb(harness.Case):
    """RELOAD tells its asker what came of it."""

    def change(self, daemon, **tables):
        for name, table in tables.items():
            daemon.tables.setdefault(name, {}).update(table)
        daemon.write_config()

    def test_what_it_tells(self):
        daemon = self.daemon(limits={"api": "2/h"})
        with daemon.conn() as conn:
            self.assertEqual(conn.command("RELOAD"), [b"limits", 1, b"needs_restart", b""])
            self.change(daemon, limits={"api": "3/h", "more": "1/h"},
                        server={"max_clients": 77, "max_request": 4096})
            self.assertEqual(conn.command("RELOAD"),
                             [b"limits", 2, b"needs_restart", b"server.max_clients, server.max_request"])
            self.assertEqual(conn.check("api").limit, 3)
            self.assertEqual(conn.check("more").allowed, 1)
            conn.command("HELLO", "3")
            told = conn.command("RELOAD")
            self.assertEqual((told["limits"], told["needs_restart"]),
                             (2, b"server.max_clients, server.max_request"))
        daemon.wait_log(" reload: ")

    def test_a_faulty_configuration_changes_nothing(self):
        daemon = self.daemon(limits={"api": "2/h"})
        with daemon.conn() as conn:
            self.change(daemon, limits={"api": "3/h", "b": "x/h", "c": "1/fortnight"})
            told = str(conn.command("RELOAD"))
            self.assertRegex(told, "^ERR the configuration is not loaded, the one before it is in "
                                   r"force; faults: 2, the first: /.*\.toml:\d+:\d+: .*'b'")
            self.assertEqual(conn.check("api").limit, 2)
            self.assertEqual(daemon.log_text().count(" reload_failed: "), 2)
            self.assertRegex(str(conn.command("RELOAD", "now")), "^ERR wrong number of arguments")

    def test_in_a_pipeline_with_what_waits(self):
        """What was asked before is answered before, by the limit that was then."""
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "10/h", "mode": "exact"}},
                             redis_settings={"command_timeout": "10s"})
        with daemon.conn() as conn:
            conn.check("api")
            server.stop()
            self.change(daemon, limits={"api": {"limit": "20/h", "mode": "exact"}})
            conn.send(harness.encode("CHECK", "api") + harness.encode("RELOAD")
                      + harness.encode("CHECK", "api"))
            daemon.wait_log(" reloaded: ")
            server.cont()
            replies = [conn.read() for _ in range(3)]
            self.assertEqual(replies[1], [b"limits", 1, b"needs_restart", b""])
            self.assertEqual([(told[0], told[1]) for told in replies[::2]], [(1, 10), (1, 20)])
        self.assertEqual(list(server.counters().values()), [3])

    def test_many_at_once_lose_no_answer(self):
        daemon = self.daemon(self.redis(), limits={"api": "700/h", "other": "5/h"},
                             redis_settings={"command_timeout": "5s"})
        with harness.Load(daemon, callers=4, pause=0.0005) as load:
            with daemon.conn() as conn:
                for n in range(20):
                    self.change(daemon, limits={"other": f"{5 + n}/h"})
                    self.assertEqual(conn.pipeline([("RELOAD",)] * 3),
                                     [[b"limits", 2, b"needs_restart", b""]] * 3)
                    self.assertEqual(conn.check("other").limit, 5 + n)
            harness.wait_until(lambda: load.allowed() >= 700, 30, "all permits")
        self.assertEqual((load.lost, load.allowed()), (0, 700))

    def test_the_service_manager_is_told(self):
        daemon = self.daemon(limits={"api": "2/h"})
        since = daemon.notify.count()
        with daemon.conn() as conn:
            conn.command("RELOAD")
        daemon.notify.wait(lambda f: f.get("RELOADING") == "1", what="RELOADING=1", since=since)
        daemon.notify.wait(lambda f: f.get("READY") == "1", what="READY=1", since=since)


if __name__ == "__main__":
    harness.main()
