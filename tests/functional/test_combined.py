"""Several limits in one decision (docs/combined.md): names with several windows, parents, CHECKALL."""

import subprocess
import threading

import harness
from support.buckets import bucket
from support.combined_case import HOUR_MS, Combined, check_all, told


class Windows(Combined):
    """`api = [...]`: a name with several windows."""

    EXACT = {"limit": ["3/h", "5/2h", "100/d"], "mode": "exact"}
    LEASED = {"limit": ["3/h", "5/2h", "100/d"], "mode": "lease"}

    def test_all_or_nothing(self):
        for store in self.each_store():
            for limit in (self.EXACT, self.LEASED):
                daemon = self.daemon(store, limits={"api": limit})
                key = limit["mode"]
                got = [daemon.check("api", key) for _ in range(6)]
                self.assertEqual([each.allowed for each in got], [1, 1, 1, 0, 0, 0])
                # What is told is of the window that is the nearest to its end of permits.
                self.assertEqual([each.limit for each in got], [3] * 6)
                self.assertEqual([each.remaining for each in got[:3]], [2, 1, 0])
                self.assertGreater(got[5].retry_after_ms, 0)
                self.assertLessEqual(got[5].retry_after_ms, HOUR_MS)
                self.assertEqual(got[5].reason, harness.OVER_LIMIT)
                daemon.terminate()
            if store is not None:
                self.wait_counted(store, {f"rategate:{{api:{key}}}:{period}": 3
                                          for key in ("exact", "lease")
                                          for period in ("1h", "2h", "1d")})

    def test_windows_of_a_calendar(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {
            "limit": ["3/year", "100/month", "1000/h"], "mode": "exact", "timezone": "Europe/Berlin"}})
        self.assertEqual([daemon.check("api").allowed for _ in range(4)], [1, 1, 1, 0])
        self.assertEqual(self.counted(server), {f"rategate:{{api:}}:{period}": 3 for period in (
            "1h", "month@Europe/Berlin", "year@Europe/Berlin")})
        with daemon.conn() as conn:
            receipt = told(conn, "CHECKX", "api", "other", "COST", "3")["receipt"]
            self.assertEqual(conn.command("REFUND", "api", "other", "COST", "2", "AT", receipt), 2)
            self.assertEqual(conn.check("api", "other", cost=2).allowed, 1)
        self.refused({"api": {"limit": ["1/month", "2/1month"]},
                      "other": {"limit": ["1/s", "2/m"], "timezone": "Europe/Berlin"}},
                     "two windows have a period of month; expected another one for each",
                     "timezone of limit 'other': expected it only with a period of a day")

    def test_the_denial_names_who_denies_for_longest(self):
        daemon = self.daemon(limits={"api": {"limit": ["3/h", "3/7d"], "mode": "exact"}})
        for _ in range(3):
            self.assertEqual(daemon.check("api").allowed, 1)
        with daemon.conn() as conn:
            answer = told(conn, "CHECKX", "api")
        self.assertEqual((answer["allowed"], answer["period_ms"]), (0, 7 * 24 * HOUR_MS))

    def test_a_cost_that_one_window_never_fits(self):
        daemon = self.daemon(limits={"api": ["100/h", "5/d"]})
        denied = daemon.check("api", cost=6)
        self.assertEqual((denied.allowed, denied.reason, denied.retry_after_ms, denied.limit),
                         (0, harness.NEVER_FITS, -1, 5))
        self.assertEqual(daemon.check("api", cost=5).allowed, 1)

    def test_limits_has_a_row_for_each_window(self):
        daemon = self.daemon(limits={"api": ["3/h", "100/d"]})
        for _ in range(4):
            daemon.check("api")
        with daemon.conn() as conn:
            rows = [dict(zip(row[::2], row[1::2])) for row in conn.command("LIMITS")]
        self.assertEqual([(row[b"name"], row[b"limit"], row[b"allowed"], row[b"denied"])
                          for row in rows], [(b"api", 3, 3, 1), (b"api", 100, 3, 0)])
        stats = daemon.info("stats")
        self.assertEqual((stats["checks"], stats["checks_allowed"], stats["checks_denied"]), ("4", "3", "1"))

    def test_peek_looks_at_all(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits={"api": self.EXACT})
            with daemon.conn() as conn:
                self.assertEqual(conn.command("PEEK", "api", "COST", "3")[:3], [1, 3, 3])
                self.assertEqual(conn.command("PEEK", "api", "COST", "4")[:2], [0, 3])
                self.assertEqual(conn.command("PEEK", "api", "COST", "101")[5], harness.NEVER_FITS)
                if store is not None:
                    self.assertEqual(self.counted(store), {})
                self.assertEqual(conn.check("api", cost=3).allowed, 1)
                self.assertEqual(conn.command("PEEK", "api")[0], 0)

    def test_what_was_not_used_comes_back_to_all(self):
        for store in self.each_store():
            for limit in (self.EXACT, self.LEASED):
                daemon = self.daemon(store, limits={"api": limit})
                key = limit["mode"]
                with daemon.conn() as conn:
                    receipt = told(conn, "CHECKX", "api", key, "COST", "3")["receipt"]
                    self.assertEqual(conn.check("api", key).allowed, 0)
                    words = ("SETTLE", "api", key, "TOOK", "3", "USED", "1", "AT", receipt)
                    self.assertEqual(conn.command(*words), 2)
                    self.assertEqual(conn.check("api", key, cost=2).allowed, 1)
                    self.assertEqual(conn.check("api", key).allowed, 0)

    def test_clear_lets_all_begin_anew(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits={"api": self.EXACT})
            with daemon.conn() as conn:
                self.assertEqual(conn.check("api", cost=3).allowed, 1)
                self.assertEqual(conn.command("CLEAR", "api"), 9)
                self.assertEqual(conn.check("api", cost=3).allowed, 1)

    def test_a_window_that_is_used_up_costs_the_others_nothing(self):
        """The denials of a full second do not count in the hour."""
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": ["5/10s", "1000/d"], "mode": "exact"}})
        server.wait_for_window(10_000, within=(0, 0.5))
        with daemon.conn() as conn:
            got = sum(conn.check("api").allowed for _ in range(200))
        self.assertEqual(got, 5)
        self.wait_counted(server, {"rategate:{api:}:10s": 5, "rategate:{api:}:1d": 5})

    def test_a_reload_that_adds_a_window_keeps_the_others(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": ["3/h"], "mode": "exact"}})
        self.assertEqual(daemon.check("api", cost=2).allowed, 1)
        daemon.tables["limits"]["api"] = {"limit": ["3/h", "10/d"], "mode": "exact"}
        daemon.write_config()
        daemon.reload()
        self.assertEqual(daemon.check("api", cost=2).allowed, 0)
        self.assertEqual(daemon.check("api", cost=1).allowed, 1)
        daemon.tables["limits"]["api"] = {"limit": "3/h", "mode": "exact"}
        daemon.write_config()
        daemon.reload()
        self.assertEqual(daemon.check("api").allowed, 0)


class Parents(Combined):
    def test_a_total_above_each(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits={
                "user": {"limit": "4/h", "parent": "total", "parent_key": "none"},
                "total": {"limit": "6/h", "mode": "exact"}})
            got = {key: sum(daemon.check("user", key).allowed for _ in range(6))
                   for key in ("alice", "bob")}
            self.assertEqual(got, {"alice": 4, "bob": 2})
            self.assertEqual(daemon.check("total").allowed, 0)

    def test_a_chain_by_the_same_key(self):
        daemon = self.daemon(limits={"a": {"limit": "9/h", "parent": "b"},
                                     "b": {"limit": ["8/h", "5/d"], "parent": "c"},
                                     "c": {"limit": "7/h"}})
        self.assertEqual(sum(daemon.check("a", "x").allowed for _ in range(9)), 5)
        self.assertEqual(daemon.check("a", "y", cost=5).allowed, 1)
        self.assertEqual(daemon.check("c", "x", cost=2).allowed, 1)
        self.assertEqual(daemon.check("c", "x").allowed, 0)

    def test_a_bucket_above_windows(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits={
                "user": {"limit": "100/h", "parent": "total"}, "total": bucket("1/h", 3)})
            with daemon.conn() as conn:
                got = [conn.check("user", "x") for _ in range(5)]
            self.assertEqual([each.allowed for each in got], [1, 1, 1, 0, 0])
            self.assertEqual(got[4].limit, 1)

    def test_rules_for_keys_are_kept_below_a_parent(self):
        daemon = self.daemon(limits={
            "user": {"limit": "2/h", "parent": "total", "parent_key": "none",
                     "keys": {"vip": "unlimited", "bot": "blocked", "big": "4/h"}},
            "total": "10/h"})
        got = {key: sum(daemon.check("user", key).allowed for _ in range(12))
               for key in ("bot", "bob", "big", "vip")}
        self.assertEqual(got, {"bot": 0, "bob": 2, "big": 4, "vip": 4})

    def test_a_shadow_never_denies(self):
        daemon = self.daemon(limits={
            "user": {"limit": "5/h", "parent": "total"}, "total": {"limit": "2/h", "shadow": True}})
        with daemon.conn() as conn:
            got = [told(conn, "CHECKX", "user") for _ in range(6)]
        self.assertEqual([each["allowed"] for each in got], [1, 1, 1, 1, 1, 0])
        self.assertEqual([each["shadow"] for each in got], [0, 0, 1, 1, 1, 0])
        # Nobody knows whether it had given some of those that come back.
        with daemon.conn() as conn:
            words = ("REFUND", "user", "COST", "1", "AT", got[4]["receipt"])
            self.assertEqual(conn.command(*words), 1)
            self.assertEqual(told(conn, "CHECKX", "user")["shadow"], 1)


class CheckAll(Combined):
    LIMITS = {"a": {"limit": "5/h", "mode": "exact"}, "b": {"limit": "9/h", "mode": "lease"},
              "c": ["50/h", "60/d"]}

    def test_several_limits_in_one_decision(self):
        for store in self.each_store():
            daemon = self.daemon(store, limits=self.LIMITS)
            with daemon.conn() as conn:
                first = check_all(conn, ("a", "x", 2), ("b", "", 3), ("c", "y", 1))
                self.assertEqual((first.allowed, first.member, first.limit, first.remaining),
                                 (1, 0, 5, 3))
                second = check_all(conn, ("b", "", 6), ("a", "x", 3))
                self.assertEqual((second.allowed, second.member), (1, 0))
                denied = check_all(conn, ("c", "y", 1), ("b", "", 1))
                self.assertEqual((denied.allowed, denied.member, denied.limit, denied.reason),
                                 (0, 1, 9, harness.OVER_LIMIT))
                # It has cost the others nothing.
                self.assertEqual(conn.check("c", "y", cost=49).allowed, 1)
                self.assertEqual(conn.check("a", "x").allowed, 0)

    def test_one_limit_twice(self):
        daemon = self.daemon(self.redis(), limits=self.LIMITS)
        with daemon.conn() as conn:
            self.assertEqual(check_all(conn, ("a", "x", 3), ("a", "x", 3)).allowed, 0)
            self.assertEqual(check_all(conn, ("a", "x", 3), ("a", "x", 2)).allowed, 1)
            self.assertEqual(check_all(conn, ("a", "x", 1)).allowed, 0)

    def test_its_errors(self):
        daemon = self.daemon(limits=self.LIMITS)
        for words, error in (
                (("a", "x", 1, "b"), "ERR CHECKALL takes a limit, a key and a cost for each of its "
                 "checks, not 4 words: CHECKALL <limit> <key> <cost> [<limit> <key> <cost> ...]"),
                (("a", "x"), "ERR wrong number of arguments for 'checkall' command"),
                (("a", "x", 0), "ERR invalid cost '0': expected a whole number from 1 to 1000000000"),
                (("a", "x", 1, "none", "", 1), "NOLIMIT no limit named 'none'"),
                (("a", "", 1) * 9, "ERR 9 limits in one check: expected 8 at most, windows and "
                 "parents included"),
                (("c", "", 1) * 5, "ERR 10 limits in one check: expected 8 at most, windows and "
                 "parents included")):
            with self.subTest(words=words), daemon.conn() as conn:
                self.assertEqual(str(conn.command("CHECKALL", *words)), error)
        self.assertEqual(daemon.check("a", "x", cost=5).allowed, 1)

    def test_it_keeps_its_place_in_a_pipeline(self):
        daemon = self.daemon(self.redis(), limits=self.LIMITS)
        with daemon.conn() as conn:
            conn.send(b"CHECK b\r\nCHECKALL a x 1 b '' 1\r\nPING\r\nCHECKALL a x 5\r\nCHECK b\r\n")
            got = [conn.read() for _ in range(5)]
        self.assertEqual([reply if reply == "PONG" else reply[0] for reply in got],
                         [1, 1, "PONG", 0, 1])


class ManyHosts(Combined):
    """What hosts share, and what befalls them."""

    def load(self, daemons, words, times):
        """Each asks so often, all at once; how many are allowed in all."""
        allowed = []

        def ask(daemon):
            with daemon.conn() as conn:
                for _ in range(times):
                    allowed.append(conn.command(*words)[0])
        threads = [threading.Thread(target=ask, args=(daemon,)) for daemon in daemons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(allowed)

    def test_hosts_share_all_of_the_windows(self):
        server = self.redis()
        for mode in ("exact", "lease"):
            limits = {"api": {"limit": ["400/h", "300/d"], "mode": mode}}
            daemons = [self.daemon(server, limits=limits) for _ in range(3)]
            got = self.load(daemons, ("CHECK", "api", mode), 200)
            self.assertLessEqual(got, 300)
            if mode == "exact":
                self.assertEqual(got, 300)
                # What was asked for in vain went back.
                self.wait_counted(server, {"rategate:{api:exact}:1h": 300,
                                           "rategate:{api:exact}:1d": 300})
            for daemon in daemons:
                daemon.terminate()
        # What a host has shown to clients is lost when it stops, for one of them could have spent it.
        counted = self.counted(server)
        for window, limit in (("1h", 400), ("1d", 300)):
            self.assertGreaterEqual(counted[f"rategate:{{api:lease}}:{window}"], got)
            self.assertLessEqual(counted[f"rategate:{{api:lease}}:{window}"], limit)

    def test_a_store_that_is_away(self):
        server = self.redis()
        daemon = self.daemon(server, limits={
            "deny": {"limit": ["5/h", "9/d"]},
            "allow": {"limit": ["5/h", "9/d"], "on_store_down": "allow"},
            "error": {"limit": ["5/h", "9/d"], "on_store_down": "error"},
            "below": {"limit": "5/h", "on_store_down": "allow", "parent": "deny"}})
        server.kill9()
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")
        denied = daemon.check("deny")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.STORE_AWAY))
        allowed = daemon.check("allow")
        self.assertEqual((allowed.allowed, allowed.reason), (1, harness.STORE_AWAY))
        self.assertEqual(daemon.check("below").allowed, 0)
        with self.assertRaisesRegex(harness.RespError, "STOREDOWN .* limit 'error'"):
            daemon.check("error")

    def test_a_store_that_does_not_answer_in_time(self):
        server = self.redis()
        way = self.proxy(server)
        daemon = self.daemon(way, limits={"api": {"limit": ["5/h", "9/d"], "mode": "exact"}})
        self.assertEqual(daemon.check("api").allowed, 1)
        way.hold_replies()
        denied = daemon.check("api")
        self.assertEqual((denied.allowed, denied.reason), (0, harness.STORE_AWAY))
        way.release()
        # What was granted in an answer that nobody has read is used up, as it is of any check.
        harness.wait_until(lambda: daemon.check("api", cost=3).allowed == 1, 10, "three more")
        self.assertEqual(set(self.counted(server).values()), {5})

    def test_an_asker_that_goes_away_costs_nothing(self):
        server = self.redis()
        way = self.proxy(server)
        daemon = self.daemon(way, limits={"api": {"limit": ["5/h", "9/d"], "mode": "exact"}},
                             redis_settings={"command_timeout": "5s"})
        way.hold_replies()
        conn = daemon.conn()
        conn.send(b"CHECK api COST 5\r\n")
        harness.wait_until(way.held_replies, 10, "an answer on its way")
        conn.close()
        harness.wait_until(lambda: daemon.info("stats")["checks_abandoned"] == "1", 5, "nobody who waits")
        way.release()
        self.wait_counted(server, {"rategate:{api:}:1h": 0, "rategate:{api:}:1d": 0})
        self.assertEqual(daemon.check("api", cost=5).allowed, 1)

    def test_a_daemon_that_stops_answers(self):
        server = self.redis()
        way = self.proxy(server)
        daemon = self.daemon(way, limits={"api": ["5/h", "9/d"]},
                             redis_settings={"command_timeout": "30s"})
        way.hold_replies()
        with daemon.conn() as conn:
            conn.send(b"CHECKALL api '' 1\r\n")
            harness.wait_until(way.held_replies, 10, "an answer on its way")
            daemon.signal(15)
            self.assertIn("SHUTDOWN", str(conn.read()))
        way.release()
        daemon.wait_exit()


class Configuration(Combined):
    def test_what_is_no_list_of_windows(self):
        self.refused({"a": ["1/s", "2/s"], "b": [], "c": [1], "d": ["1/s", "two"],
                      "e": {"limit": ["1/s", "2/m"], "period": "1s"},
                      "f": {"limit": ["1/s", "2/m"], "algorithm": "gcra"},
                      "g": {"limit": ["1/s", "2/m"], "redis_key": "{x}:%w"},
                      "h": {"limit": ["1/s", "2/m"], "keys": {"alice": "3/s"}}},
                     "limit 'a': two windows have a period of 1s; expected another one for each",
                     "limit 'b': expected 1 to 8 rates in the list",
                     "limit 'c': expected rates in quotes in the list",
                     "limit 'd': ",
                     "period of limit 'e' is said twice",
                     "algorithm of limit 'f': expected \"fixed-window\"",
                     "redis_key of limit 'g': expected %p in it",
                     "'alice' has a rate: expected \"blocked\" or \"unlimited\"")

    def test_what_is_printed_says_no_more_than_the_file(self):
        """What a window does after a loss suits its own period, unless it is said."""
        for said in ({}, {"on_store_lost": "count"}):
            daemon = self.daemon(limits={"api": {"limit": ["50/2s", "40/d"], **said}})
            printed = subprocess.run([harness.DAEMON, "--print-config", "--config", daemon.config],
                                     capture_output=True, text=True, check=True).stdout
            self.assertIn('limit = ["50/2s", "40/1d"]', printed)
            self.assertEqual("on_store_lost" in printed, bool(said))

    def test_what_is_no_parent(self):
        self.refused({"a": {"limit": "1/s", "parent": "none"},
                      "b": {"limit": "1/s", "parent": "c"}, "c": {"limit": "1/s", "parent": "b"},
                      "d": {"limit": "1/s", "parent_key": "none"},
                      "e": {"limit": "1/s", "parent": "e"}},
                     "limit 'a': parent = \"none\": expected the name of another limit; there is none",
                     "limit 'b': it is above itself: 'b', 'c', 'b'",
                     "limit 'e': it is above itself: 'e', 'e'",
                     "parent_key of limit 'd': expected it only with parent")
        chain = {f"l{i}": {"limit": "1/s", "parent": f"l{i + 1}"} for i in range(4)}
        self.refused({**chain, "l4": "1/s"}, "limit 'l0': expected at most 3 limits above it")
        self.refused({"x": {"limit": ["1/s", "2/m", "3/h", "4/d"], "parent": "y"},
                      "y": {"limit": ["1/s", "2/m", "3/h", "4/d", "5/2d"]}},
                     "limit 'x': it has 9 windows with those of the limits above it: expected at most 8")


if __name__ == "__main__":
    harness.main()
